import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { type PolarEmulator, startPolarEmulator } from 'passport-polar-sh/emulator';
import request from 'supertest';
import { createApp } from './app';

let polar: PolarEmulator;
let browser: ReturnType<typeof request.agent>;
beforeEach(async () => {
  polar = await startPolarEmulator();
  browser = request.agent(createApp(polar.strategyOptions()));
});
afterEach(() => polar.close());

const logIn = async (visit = {}) => {
  const { headers } = await browser.get('/auth/polar');
  return browser.get(await polar.authorize(headers.location, visit));
};

test('another user logs in', async () => {
  await logIn({ user: 'grace@example.com' });
  expect((await browser.get('/me')).body.emails[0].value).toBe('grace@example.com');
});

test('a user who presses Cancel is not logged in', async () => {
  expect((await logIn({ deny: true })).status).toBe(401);
  await browser.get('/me').expect(401);
});

test('the next request refreshes an expired token', async () => {
  await logIn();
  polar.advanceTime(864_000); // ten days, the lifetime of a login's access token
  await browser.get('/organizations').expect(200);
  expect(polar.requests.filter(({ grantType }) => grantType === 'refresh_token')).toHaveLength(1);
});

test('nobody is logged out when Polar is down during a refresh', async () => {
  await logIn();
  polar.advanceTime(864_000);
  polar.fail('token', { status: 500 });
  await browser.get('/organizations').expect(503);
  await browser.get('/organizations').expect(200);
});

test('the login ends when Polar revokes its tokens', async () => {
  await logIn();
  polar.revokeAll('ada@example.com');
  polar.advanceTime(60); // a token that was issued a moment ago gets a second chance
  await browser.get('/organizations').expect(401);
});

test('a user picks one organization', async () => {
  await logIn({ organizations: ['acme'] });
  const { body } = await browser.get('/organizations');
  expect(body.items.map(({ slug }: { slug: string }) => slug)).toEqual(['acme']);
});

test('logins work after Polar has changed its key', async () => {
  await logIn();
  polar.rotateKeys();
  await logIn();
  await browser.get('/me').expect(200);
});

test('logging out leaves no token behind', async () => {
  await logIn();
  await browser.post('/logout').expect(302);
  await browser.get('/me').expect(401);
  expect(polar.liveTokens()).toEqual([]);
});
