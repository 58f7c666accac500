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

test('somebody else logs in', async () => {
  await logIn({ user: 'grace@example.com' });
  expect((await browser.get('/me')).body.emails[0].value).toBe('grace@example.com');
});

test('somebody presses Cancel', async () => {
  const response = await logIn({ deny: true });
  expect(response.headers.location).toBe('/');
  await browser.get('/me').expect(401);
});

test('the token has expired: the next request refreshes it', async () => {
  await logIn();
  polar.advanceTime(864_000); // ten days: so long lives the access token of a login
  await browser.get('/organizations').expect(200);
  expect(polar.requests.filter(({ grantType }) => grantType === 'refresh_token')).toHaveLength(1);
});

test('Polar is down while a token has to be refreshed: nobody is logged out', async () => {
  await logIn();
  polar.advanceTime(864_000);
  polar.fail('token', { status: 500 });
  await browser.get('/organizations').expect(503);
  await browser.get('/organizations').expect(200);
});

test('Polar ends the login', async () => {
  await logIn();
  polar.revokeAll('ada@example.com');
  polar.advanceTime(60); // a token that was issued a moment ago gets a second chance
  await browser.get('/organizations').expect(401);
});

test('somebody picks one organization', async () => {
  await logIn({ organizations: ['acme'] });
  const { body } = await browser.get('/organizations');
  expect(body.items.map(({ slug }: { slug: string }) => slug)).toEqual(['acme']);
});

test('Polar signs with a new key', async () => {
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
