/** Runs the code of docs/protecting-an-api.md. */
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import type { Express } from 'express';
import { type PolarEmulator, type PolarEmulatorClient, startPolarEmulator } from 'passport-polar-sh/emulator';
import request from 'supertest';

let emulator: PolarEmulator;
let client: PolarEmulatorClient;
let api: Express;

beforeAll(async () => {
  emulator = await startPolarEmulator();
  client = emulator.registerClient({ redirectURIs: ['https://app.example/callback'] });
  Object.assign(process.env, {
    POLAR_SERVER: emulator.url,
    POLAR_CLIENT_ID: client.clientID,
    POLAR_CLIENT_SECRET: client.clientSecret,
  });
  ({ api } = await import('./api.js'));
});
afterAll(() => emulator.close());

const orders = (scope: string, { clientID } = client) => {
  const { accessToken } = emulator.issueTokens({ clientID, user: 'ada@example.com', scope });
  return request(api).get('/api/orders').set('authorization', `Bearer ${accessToken}`);
};

it('lets a token with the scope through and knows its user', async () => {
  const { status, body } = await orders('openid orders:read');
  expect(status).toBe(200);
  expect(body).toEqual({
    ordersOf: expect.stringMatching(/^[\da-f-]{36}$/),
    scopes: ['openid', 'orders:read'],
  });
});

it.each([
  ['without a token', 401, () => request(api).get('/api/orders'), /^Bearer realm="polar"/],
  ['without the scope', 403, () => orders('openid'), /error="insufficient_scope".*scope="orders:read"/],
  [
    'of another client',
    401,
    () => orders('orders:read', emulator.registerClient({ redirectURIs: ['https://b.example/cb'] })),
    /error="invalid_token"/,
  ],
] as const)('refuses a request %s with %i', async (_what, status, send, challenge) => {
  const response = await send();
  expect(response.status).toBe(status);
  expect(response.headers['www-authenticate']).toMatch(challenge);
});
