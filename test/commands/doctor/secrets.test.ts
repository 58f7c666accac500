/** No output of the command doctor has a secret, whichever variable it is in. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type PolarEmulator, startPolarEmulator } from 'passport-polar-sh/emulator';
import { doctorCommand } from '../../../src/commands/doctor-command';
import { root, terminalWith } from './support/run-doctor';

let emulator: PolarEmulator;
beforeAll(async () => {
  emulator = await startPolarEmulator();
});
afterAll(() => emulator.close());

const secrets = [
  'polar_cs_Zm9vYmFyMTIzNDU2Nzg5MA',
  'polar_oat_Zm9vYmFyMTIzNDU2Nzg5MA',
  'polar_crt_Zm9vYmFyMTIzNDU2Nzg5MA',
  'correct-horse-battery-staple',
  'd41d8cd98f00b204e9800998ecf8427e',
  'q83vASNFZ4mrze/+aBcDeFg012345678=',
  'p@ss:w/rd?x#y',
  'Sandbox-is-my-password',
];

const variables = [
  ...['POLAR_SERVER', 'POLAR_WEB_URL', 'POLAR_API_URL', 'POLAR_CLIENT_ID', 'POLAR_CLIENT_SECRET'],
  ...['POLAR_AUTH_METHOD', 'SESSION_SECRET', 'NODE_ENV', 'HTTPS_PROXY', 'NODE_USE_ENV_PROXY'],
];

/** How a secret may get into a variable. */
const mistakes: readonly ((secret: string) => string)[] = [
  (secret) => secret,
  (secret) => `"${secret}"`,
  (secret) => ` ${secret}\n`,
  (secret) => `polar_ci_${secret}`,
  (secret) => `http://127.0.0.1:1/${secret}`,
  (secret) => `http://127.0.0.1:1/?key=${secret}`,
  (secret) => `http://me:${secret}@127.0.0.1:1`,
  (secret) => `http://${encodeURIComponent(secret)}@127.0.0.1:1`,
];

/** Everything that the command prints. */
async function outputOf(env: Record<string, string>, ...args: string[]): Promise<string> {
  const terminal = terminalWith(env);
  Object.assign(terminal.stdout, { columns: 10_000 }); // no secret is broken in two
  await doctorCommand(args, terminal, { folder: root, requestMs: 2000 });
  return terminal.out + terminal.error;
}

function expectNone(output: string, secret: string): void {
  expect(output.length).toBeGreaterThan(50);
  for (const form of [secret, encodeURIComponent(secret), secret.slice(4), secret.slice(0, 12)])
    expect(output).not.toContain(form);
}

describe('a secret', () => {
  it.each(secrets)('in any variable is never shown: %s', async (secret) => {
    for (const variable of variables) {
      const all = mistakes.map(async (mistake) => {
        const env = {
          POLAR_SERVER: emulator.url,
          POLAR_CLIENT_ID: 'polar_ci_1',
          POLAR_CLIENT_SECRET: 'polar_cs_1',
          [variable]: mistake(secret),
        };
        expectNone(await outputOf(env), secret);
        if (!/URL|SERVER/.test(variable)) return;
        const { POLAR_SERVER: _, ...addresses } = env;
        const pair = { POLAR_API_URL: emulator.url, POLAR_WEB_URL: emulator.url, ...addresses };
        expectNone(await outputOf(pair), secret);
      });
      await Promise.all(all);
    }
  });

  it.each(secrets)('that is right is never shown either: %s', async (secret) => {
    const { clientID } = emulator.registerClient({
      redirectURIs: ['http://localhost:3000/auth/polar/callback'],
      clientSecret: secret,
    });
    const env = {
      POLAR_SERVER: emulator.url,
      POLAR_CLIENT_ID: clientID,
      POLAR_CLIENT_SECRET: secret,
      SESSION_SECRET: secret.repeat(2),
    };
    expectNone(await outputOf(env), secret);
    expectNone(await outputOf(env, '--json'), secret);
  });

  it.each(['client-id', 'redirect-uri', 'server'])('in --%s is never shown', async (option) => {
    for (const secret of secrets.slice(0, 3)) {
      for (const mistake of mistakes)
        expectNone(await outputOf({ POLAR_SERVER: emulator.url }, `--${option}=${mistake(secret)}`), secret);
    }
  });

  it('in an address that is none of a database is never shown', async () => {
    const secret = 'p@ss:w/rd?x#y';
    const env = {
      POLAR_SERVER: emulator.url,
      REDIS_URL: `redis:${secret}`,
      DATABASE_URL: `pg://x:${secret}@y`,
    };
    expectNone(await outputOf(env), secret);
  });
});
