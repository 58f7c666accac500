import { afterAll, expect, test } from '@jest/globals';
import { startPolarEmulator } from 'passport-polar-sh/emulator';
import request from 'supertest';
import { createApp } from './app.js';

const acme = '22222220-2222-4222-8222-222222222222';
const engines = '22222221-2222-4222-8222-222222222222';

const running = startPolarEmulator();
afterAll(async () => (await running).close());

/** A user with a browser, who can `open` a page and `pick` organizations where that leads to Polar. */
async function person() {
  const polar = await running;
  const browser = request.agent(createApp(polar.strategyOptions()));
  const open = (path: string) => browser.get(path).set('accept', 'text/html');
  const pick = async (path: string, ...organizations: string[]) => {
    let answer = await open(path);
    if (answer.status === 303) answer = await open(String(answer.headers['location']));
    const back = await open(await polar.authorize(answer.headers['location'], { organizations }));
    return open(String(back.headers['location']));
  };
  return { open, pick };
}

test('users see the organizations to which they are connected, and change them', async () => {
  const { pick } = await person();
  expect((await pick('/')).body).toEqual({ connectedTo: ['acme', 'Analytical Engines'], isLimited: false });
  const one = { connectedTo: ['acme'], isLimited: true };
  expect((await pick('/auth/polar/organization', 'acme')).body).toEqual(one);
});

test('a login without Polar’s consent page removes the limit to one organization', async () => {
  const { open, pick } = await person();
  await pick('/auth/polar/organization', 'acme');
  expect((await open('/')).body.isLimited).toBe(true);
  await pick('/auth/polar?return_to=/');
  expect((await open('/')).body.isLimited).toBe(false);
});

test('users who cancel the choice stay logged in and see what happened', async () => {
  const { open, pick } = await person();
  await pick('/');
  const { headers } = await open('/auth/polar/organization');
  const polar = await running;
  const cancelled = await open(await polar.authorize(headers['location'], { deny: true }));
  expect([cancelled.status, cancelled.text]).toEqual([401, expect.stringContaining('was cancelled')]);
  expect((await open('/')).body.isLimited).toBe(false);
});

test('a page of an organization asks users once to pick it', async () => {
  const { open, pick } = await person();
  await pick('/auth/polar/organization', 'acme');
  expect((await open(`/orgs/${acme}`)).body).toMatchObject({ name: 'acme' });
  const refused = await pick(`/orgs/${engines}`, 'acme');
  expect(refused.status).toBe(403);
  expect(refused.text).toContain('<a href="/auth/polar/organization">Change organization</a>');
  await pick('/auth/polar/organization', 'analytical-engines');
  expect((await open(`/orgs/${engines}`)).body).toMatchObject({ name: 'Analytical Engines' });
});
