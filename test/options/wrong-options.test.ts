/** A wrong option is the same error everywhere: with a code, the address of its section, and a trace that starts at the check. */
import { describe, expect, it } from '@jest/globals';
import {
  disconnect,
  loginOnAuthError,
  logout,
  PolarBearerStrategy,
  PolarConfigurationError,
  PolarOAuthClient,
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
const polar = new PolarStrategy({ ...credentials, callbackURL: '/auth/polar/callback' });

const mistakes: [string, () => unknown, RegExp][] = [
  ['PolarStrategy', () => new PolarStrategy({} as never), /^clientID /],
  ['PolarBearerStrategy', () => new PolarBearerStrategy({ ...credentials, realm: '"' }), /^realm /],
  ['PolarOAuthClient', () => new PolarOAuthClient({ clientID: 'polar_cs_1' }), /^clientID /],
  ['polarTokens', () => polarTokens({} as never), /PolarStrategy/],
  ['requireLogin', () => requireLogin({} as never), /loginPath/],
  ['requireScope', () => requireScope('', { loginPath: '/' }), /needs a scope/],
  ['requireOrganization', () => requireOrganization({} as never, { loginPath: '/' }), /organization id/],
  ['loginOnAuthError', () => loginOnAuthError({ loginPath: '//evil.example' }), /loginPath/],
  ['logout', () => logout(polar, { redirectTo: 7 } as never), /redirectTo/],
  ['disconnect', () => disconnect(polar, { redirectTo: 7 } as never), /redirectTo/],
  ['redisStorage', () => redisStorage({} as never), /redisStorage/],
  ['postgresStorage', () => postgresStorage({} as never), /postgresStorage/],
  ['verifyIdToken', () => verifyIdToken('a.b.c', {} as never), /clientID/],
  ['settled', () => polar.settled({ withinMs: Number.NaN }), /withinMs/],
  ['fetch', () => new PolarStrategy({ ...credentials, callbackURL: '/', fetch: 7 as never }), /^fetch /],
];

describe('a wrong option of', () => {
  it.each(mistakes)('%s is the error invalid_option', async (_who, make, message) => {
    const error = await new Promise((resolve) => resolve(make())).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(PolarConfigurationError);
    const { code, docsURL, message: text, stack } = error as PolarConfigurationError;
    expect(code).toBe('invalid_option');
    expect(docsURL).toMatch(/#invalid_option$/);
    expect(text).toMatch(message);
    expect(stack).not.toContain('invalidOption');
  });
});
