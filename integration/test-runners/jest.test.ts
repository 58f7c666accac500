import { expect, test } from '@jest/globals';
import { startPolarEmulator } from 'passport-polar-sh/emulator';
import request from 'supertest';
import { createApp } from './app';

test('people log in with Polar', async () => {
  const polar = await startPolarEmulator();
  const browser = request.agent(createApp(polar.strategyOptions()));
  const { headers } = await browser.get('/auth/polar');
  await browser.get(await polar.authorize(String(headers['location'])));
  const { body } = await browser.get('/me').expect(200);
  expect(body.emails[0].value).toBe('ada@example.com');
  expect(body.organizations).not.toEqual([]);
  await polar.close();
});
