import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { type PolarEmulator, startPolarEmulator } from 'passport-polar-sh/emulator';
import request from 'supertest';
import { createApp } from './app';

let polar: PolarEmulator;
let browser: ReturnType<typeof request.agent>;
beforeEach(async () => {
  polar = await startPolarEmulator({ realistic: true });
  browser = request.agent(createApp(polar.strategyOptions()));
  const { headers } = await browser.get('/auth/polar');
  await browser.get(await polar.authorize(headers.location)).expect(302); // Polar may not know the code yet
});
afterEach(() => polar.close());

test('20 requests that find the token expired at once leave the login one pair of tokens', async () => {
  polar.advanceTime(864_000);
  await Promise.all(Array.from({ length: 20 }, () => browser.get('/organizations')));
  await polar.settled();
  const { body } = await browser.get('/organizations').expect(200);
  expect(body.items).toHaveLength(2);
  expect(polar.liveTokens()).toHaveLength(1);
});

test('logging out leaves no token behind', async () => {
  await polar.settled();
  await browser.post('/logout').expect(302);
  expect(polar.liveTokens()).toEqual([]);
});
