import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { PolarRegistrationClient } from 'passport-polar-sh';
import { type PolarEmulator, type PolarEmulatorClient, startPolarEmulator } from 'passport-polar-sh/emulator';
import { runCLI } from '../support/run-cli';

const APP = 'https://app.example/auth/polar/callback';
const preview = (number: number) => `https://pr-${number}.preview.example/auth/polar/callback`;

let emulator: PolarEmulator;
let client: PolarEmulatorClient;

beforeAll(async () => {
  emulator = await startPolarEmulator();
});
afterAll(() => emulator.close());
beforeEach(() => {
  emulator.reset();
  client = emulator.registerClient({ redirectURIs: [APP], scope: 'openid email' });
});

const environment = () => ({
  POLAR_API_URL: emulator.url,
  POLAR_CLIENT_ID: client.clientID,
  POLAR_REGISTRATION_ACCESS_TOKEN: client.registrationAccessToken,
});

const registered = async () =>
  (await new PolarRegistrationClient({ server: emulator.server }).readRegistration(client)).redirectURIs;

describe('passport-polar-sh redirect-uris, as a process', () => {
  it('lets a preview deployment log in from when it is added until it is removed', async () => {
    const query = new URLSearchParams({
      response_type: 'code',
      client_id: client.clientID,
      redirect_uri: preview(7),
    });
    const logIn = () => emulator.authorize(`${emulator.url}/oauth2/authorize?${query}`);
    const command = (...args: string[]) => runCLI(['redirect-uris', ...args], environment());
    await expect(logIn()).rejects.toThrow();
    expect(await command('add', preview(7))).toEqual({ code: 0, out: `Added ${preview(7)}\n`, error: '' });
    expect(await command('list')).toEqual({ code: 0, out: `${APP}\n${preview(7)}\n`, error: '' });
    expect(await logIn()).toMatch(/^\/auth\/polar\/callback\?code=polar_ac_/);
    expect(await command('remove', preview(7))).toEqual({
      code: 0,
      out: `Removed ${preview(7)}\n`,
      error: '',
    });
    await expect(logIn()).rejects.toThrow();
    expect(await registered()).toEqual([APP]);
  });

  it('ends with 1 where Polar refuses, and with 2 where it is told nonsense', async () => {
    const wrong = { ...environment(), POLAR_REGISTRATION_ACCESS_TOKEN: 'polar_crt_wrong' };
    const refused = await runCLI(['redirect-uris', 'list'], wrong);
    expect([refused.code, refused.out]).toEqual([1, '']);
    expect(refused.error).toMatch(
      /^passport-polar-sh redirect-uris: .*Check the registration access token.*\n$/,
    );
    const nonsense = await runCLI(['redirect-uris', 'add'], environment());
    expect([nonsense.code, nonsense.out]).toEqual([2, '']);
  });

  it('finds changes that were made at the same time, and waits for the others before it looks again', async () => {
    const runs = [1, 2].map((number) => runCLI(['redirect-uris', 'add', preview(number)], environment()));
    expect((await Promise.all(runs)).map(({ code }) => code)).toEqual([0, 0]);
    expect(new Set(await registered())).toEqual(new Set([APP, preview(1), preview(2)]));
  });
});
