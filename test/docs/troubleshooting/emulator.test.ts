import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { type PolarEmulator, startPolarEmulator } from 'passport-polar-sh/emulator';

let emulator: PolarEmulator;
beforeAll(async () => {
  emulator = await startPolarEmulator();
});
afterAll(() => emulator.close()); // without this line, Jest does not exit

test('the local Polar publishes its endpoints', async () => {
  const response = await fetch(`${emulator.url}/.well-known/openid-configuration`);
  expect(response.status).toBe(200);
});
