/** Runs the first lines of the README, word for word between the markers, as an app. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type PolarEmulator, startPolarEmulator } from 'passport-polar-sh/emulator';
import { Browser } from '../support/browser.js';
import { refreshesAt } from '../support/emulator-requests.js';
import { closeServer } from '../support/test-app.js';

const server = createServer();
const env = { ...process.env };
let url: string;
let emulator: PolarEmulator;
let browser: Browser;

beforeAll(async () => {
  emulator = await startPolarEmulator({ consent: 'auto' });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const client = emulator.registerClient({ redirectURIs: [`${url}/auth/polar/callback`] });
  Object.assign(process.env, {
    POLAR_CLIENT_ID: client.clientID,
    POLAR_CLIENT_SECRET: client.clientSecret,
    SESSION_SECRET: 'only for tests',
  });
  // The only thing that a test cannot take from the README: a Polar on this machine instead of the sandbox.
  const { app } = await import('../support/quick-start.js').then(({ quickStart }) =>
    quickStart(emulator.server),
  );
  server.on('request', app);
  browser = new Browser(url);
});
afterAll(async () => {
  await closeServer(server);
  await emulator.close();
  process.env = env;
});

describe('the quick start', () => {
  it('reports a cancelled login without creating a session', async () => {
    const consent = emulator.consent;
    emulator.consent = 'deny';
    const answer = await browser.logIn();
    emulator.consent = consent;
    expect([answer.status, answer.text]).toEqual([401, 'The login with Polar was cancelled.']);
    expect(answer.headers['content-type']).toMatch('text/plain');
    expect(answer.headers['set-cookie']).toBeUndefined();
  });

  it('reports a login that is no longer valid', async () => {
    const callback = await browser.visitPolar(await browser.startLogin());
    const answer = await new Browser(url).get(callback);
    expect(answer.status).toBe(403);
    expect(answer.text).toMatch(/^Your browser did not send the cookie of this login\./);
  });

  it('logs in, returns to the page that needed a login, and calls the API', async () => {
    const answer = await browser.get('/organizations').set('accept', 'text/html');
    expect(answer.headers['location']).toBe('/auth/polar?return_to=%2Forganizations');
    expect((await browser.logIn(answer.headers['location'] as string)).headers['location']).toBe(
      '/organizations',
    );
    const { body } = await browser.get('/organizations');
    expect(body.items.map(({ slug }: { slug: string }) => slug)).toContain('acme');
  });

  it('refreshes an expired token', async () => {
    const { now } = Date;
    Date.now = () => now() + 864_001_000; // ten days later, for the app and for Polar
    expect((await browser.get('/organizations')).status).toBe(200);
    Date.now = now;
    expect(refreshesAt(emulator)).toHaveLength(1);
  });

  it('logs out and revokes the tokens', async () => {
    expect((await browser.post('/logout')).headers['location']).toBe('/');
    expect((await browser.get('/organizations')).status).toBe(401);
    expect(emulator.liveTokens()).toEqual([]);
  });
});
