import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startPolarEmulator } from 'passport-polar-sh/emulator';
import request from 'supertest';
import { createApp } from './dist/app.js';

test('people log in with Polar', async () => {
  const polar = await startPolarEmulator();
  const browser = request.agent(createApp(polar.strategyOptions()));
  const { headers } = await browser.get('/auth/polar');
  await browser.get(await polar.authorize(headers.location));
  const { body } = await browser.get('/me').expect(200);
  assert.equal(body.emails[0].value, 'ada@example.com');
  assert.notDeepEqual(body.organizations, []);
  await polar.close();
});
