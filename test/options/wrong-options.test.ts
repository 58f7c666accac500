/** A wrong option is the same error everywhere: with a code, the address of its section, and a trace that starts at the check. */
import { describe, expect, it } from '@jest/globals';
import {
  disconnect,
  loginOnAuthError,
  logout,
  PolarBearerStrategy,
  PolarConfigurationError,
  PolarOAuthClient,
  PolarRegistrationClient,
  PolarStrategy,
  polarTokens,
  requireLogin,
  requireOrganization,
  requireScope,
  verifyIdToken,
} from 'passport-polar-sh';
import { postgresStorage } from '../../src/postgres.js';
import { redisStorage } from '../../src/redis.js';

const credentials = { clientID: 'polar_ci_1', clientSecret: 'polar_cs_1' };
const polarOptions = { ...credentials, callbackURL: '/auth/polar/callback' };
const polar = new PolarStrategy(polarOptions);

const mistakes: [string, () => unknown, RegExp][] = [
  ['PolarStrategy', () => new PolarStrategy({} as never), /^clientID /],
  ['PolarBearerStrategy', () => new PolarBearerStrategy({ ...credentials, realm: '"' }), /^realm /],
  ['PolarOAuthClient', () => new PolarOAuthClient({ clientID: 'polar_cs_1' }), /^clientID /],
  ['polarTokens', () => polarTokens({} as never), /PolarStrategy/],
  ['requireLogin', () => requireLogin({} as never), /loginPath/],
  ['requireScope', () => requireScope('', { loginPath: '/' }), /needs a scope/],
  ['requireScope, in a list', () => requireScope(['openid', ''], { loginPath: '/' }), /needs a scope/],
  ['requireOrganization', () => requireOrganization({} as never, { loginPath: '/' }), /organization id/],
  ['loginOnAuthError', () => loginOnAuthError({ loginPath: '//evil.example' }), /loginPath/],
  ['logout', () => logout(polar, { redirectTo: 7 } as never), /redirectTo/],
  ['disconnect', () => disconnect(polar, { redirectTo: 7 } as never), /redirectTo/],
  ['redisStorage', () => redisStorage({} as never), /redisStorage/],
  ['postgresStorage', () => postgresStorage({} as never), /postgresStorage/],
  ['verifyIdToken', () => verifyIdToken('a.b.c', {} as never), /clientID/],
  ['settled', () => polar.settled({ withinMs: Number.NaN }), /withinMs/],
  ['fetch', () => new PolarStrategy({ ...credentials, callbackURL: '/', fetch: 7 as never }), /^fetch /],
  ['verifyIdToken, fetch', () => verify({ fetch: 7 }), /^fetch /],
  ['verifyIdToken, now', () => verify({ now: 7 }), /^now /],
  ['verifyIdToken, accessToken', () => verify({ accessToken: null }), /^accessToken /],
];

const verify = (wrong: object) => verifyIdToken('a.b.c', { clientID: 'polar_ci_1', ...wrong });

const misspelt: [string, () => unknown, RegExp][] = [
  ['PolarStrategy', () => new PolarStrategy({ ...polarOptions, sever: 'sandbox' } as never), /server\?/],
  [
    'PolarBearerStrategy',
    () => new PolarBearerStrategy({ ...credentials, sever: 'sandbox' } as never),
    /server\?/,
  ],
  ['PolarOAuthClient', () => new PolarOAuthClient({ ...credentials, sever: 'sandbox' } as never), /server\?/],
  ['PolarRegistrationClient', () => new PolarRegistrationClient({ sever: 'sandbox' } as never), /server\?/],
  ['verifyIdToken', () => verify({ nonse: 'n' }), /nonce\?/],
  ['requireLogin', () => requireLogin({ loginPth: '/' } as never), /loginPath\?/],
  ['logout', () => logout(polar, { redirecTo: '/' } as never), /redirectTo\?/],
  ['disconnect', () => disconnect(polar, { redirecTo: '/' } as never), /redirectTo\?/],
  ['redisStorage', () => redisStorage(sendsNothing, { prefx: 'app:' } as never), /prefix\?/],
  ['postgresStorage', () => postgresStorage(queriesNothing, { tabel: 'rows' } as never), /table\?/],
];

const sendsNothing = { sendCommand: async () => undefined };
const queriesNothing = { query: async () => [] };

const noObjects: [string, () => unknown, RegExp][] = [
  ['PolarStrategy', () => new PolarStrategy(null as never), /^PolarStrategy /],
  ['PolarBearerStrategy', () => new PolarBearerStrategy(null as never), /^PolarBearerStrategy /],
  ['PolarOAuthClient', () => new PolarOAuthClient(undefined as never), /^PolarOAuthClient /],
  ['PolarRegistrationClient', () => new PolarRegistrationClient(null as never), /^PolarRegistrationClient /],
  ['verifyIdToken', () => verifyIdToken('a.b.c', undefined as never), /^verifyIdToken /],
  ['requireLogin', () => requireLogin(undefined as never), /^requireLogin /],
  ['logout', () => logout(polar, null as never), /^logout /],
  ['disconnect', () => disconnect(polar, '/' as never), /^disconnect /],
  ['redisStorage', () => redisStorage(sendsNothing, null as never), /^redisStorage /],
  ['postgresStorage', () => postgresStorage(queriesNothing, null as never), /^postgresStorage /],
  ['settled', () => polar.settled(undefined as never), /withinMs/],
];

describe('the error invalid_option, with its section and a trace that starts at the check, is thrown for', () => {
  it.each(mistakes)('a wrong option of %s', refused);
  it.each(misspelt)('a misspelt option of %s', refused);
  it.each(noObjects)('options of %s that are no object', refused);
});

async function refused(_who: string, make: () => unknown, message: RegExp): Promise<void> {
  const error = await new Promise((resolve) => resolve(make())).catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(PolarConfigurationError);
  const { code, docsURL, message: text, stack } = error as PolarConfigurationError;
  expect(code).toBe('invalid_option');
  expect(docsURL).toMatch(/#invalid_option$/);
  expect(text).toMatch(message);
  expect(stack).not.toContain('invalidOption');
}
