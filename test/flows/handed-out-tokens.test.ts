/** Refresh tokens stay with the package: using one elsewhere would end the login. */
import { inspect } from 'node:util';
import { afterEach, describe, expect, it } from '@jest/globals';
import type { PolarAccess, PolarAccessToken } from 'passport-polar-sh';
import { inMemoryStorage } from '../support/in-memory-storage.js';
import { startTestApp, type TestApp, type TestAppOptions } from '../support/test-app.js';

let app: TestApp;
afterEach(() => app.close());

/** Every string reachable from a value: through any key, function, getter or prototype. */
function textsIn(value: unknown, seen = new Set<unknown>()): string[] {
  if (typeof value === 'string') return [value];
  if ((typeof value !== 'object' && typeof value !== 'function') || value === null || seen.has(value))
    return [];
  seen.add(value);
  const own = Reflect.ownKeys(value).flatMap((key) => [
    String(key),
    ...textsIn(Reflect.get(value, key), seen),
  ]);
  const prototype: unknown = Object.getPrototypeOf(value);
  const isPlain = typeof value === 'function' || Array.isArray(value) || prototype === Object.prototype;
  return isPlain ? own : [...own, ...textsIn(prototype, seen)];
}

function expectNoRefreshToken(value: unknown): void {
  const { accessToken, refreshToken } = app.emulator.liveTokens()[0] ?? {};
  if (accessToken === undefined || refreshToken === undefined) throw new Error('Nobody is logged in');
  const shown = [
    ...textsIn(value),
    inspect(value, { depth: 20, showHidden: true, getters: true }),
    JSON.stringify(value) ?? '',
  ];
  for (const text of shown) {
    expect(text).not.toContain(refreshToken);
    expect(text).not.toContain('polar_rt_');
  }
}

const keys = ['a key that only these tests know, and their app'];
const withKeys: TestAppOptions = {
  strategy: { storage: inMemoryStorage(), encryptionKeys: keys },
};
let loginId = '';
let seen: Readonly<Record<string, unknown>> = {};

/** Logs somebody in and runs `use` in a request of theirs. */
async function loggedIn(use: (access: PolarAccess) => Promise<unknown>, options: TestAppOptions = {}) {
  app = await startTestApp({
    ...options,
    verify: (login: { loginId: string; tokens: Readonly<Record<string, unknown>>; profile: object }) => {
      loginId = login.loginId;
      seen = login.tokens;
      return login.profile;
    },
    routes: (server) =>
      server.get('/use', async (req, res) => {
        const result = await use(req.polar);
        expectNoRefreshToken(result);
        expectNoRefreshToken(req.polar);
        res.json(result);
      }),
  });
  return app.loggedInBrowser();
}

const expectAccessToken = (tokens: PolarAccessToken): void => {
  const [live] = app.emulator.liveTokens();
  expect(Reflect.ownKeys(tokens).sort()).toEqual(['accessToken', 'expiresAt', 'scopes']);
  expect(tokens).toEqual({
    accessToken: live?.accessToken,
    expiresAt: expect.any(Number),
    scopes: ['openid', 'email'],
  });
  expect(Object.getPrototypeOf(tokens)).toBe(Object.prototype);
  expectNoRefreshToken(tokens);
};

describe('getTokens', () => {
  it.each([{}, withKeys])(
    'returns access token, expiry and scopes, and nothing else (app %#)',
    async (options) => {
      let forceRefresh = false;
      const browser = await loggedIn((access) => access.getTokens({ forceRefresh }), options);
      expectAccessToken((await browser.get('/use')).body);
      app.emulator.advanceTime(864_000);
      expectAccessToken((await browser.get('/use')).body);
      forceRefresh = true;
      expectAccessToken((await browser.get('/use')).body);
    },
  );

  it('returns no expiry if Polar gave none', async () => {
    const browser = await loggedIn((access) => access.getTokens(), {
      strategy: {
        fetch: async (url, init) => {
          const response = await fetch(url, init);
          if (!url.endsWith('/token')) return response;
          return Response.json({ ...((await response.json()) as object), expires_in: undefined });
        },
      },
    });
    expect(Object.keys((await browser.get('/use')).body)).toEqual(['accessToken', 'scopes']);
  });

  it('of tokensFor returns no more than that of a request', async () => {
    await loggedIn(async () => ({}), withKeys);
    const access = app.polar.tokensFor(loginId);
    expectAccessToken(await access.getTokens());
    app.emulator.advanceTime(864_000);
    expectAccessToken(await access.getTokens());
    expectAccessToken(await access.getTokens({ forceRefresh: true }));
    expectNoRefreshToken(access);
  });
});

it('no method of req.polar returns a refresh token', async () => {
  const useAll = async (access: PolarAccess) => [
    await access.getAccessToken(),
    await access.getAccessToken({ forceRefresh: true }),
    await access.organizations(),
    await access.isLoggedIn(),
    await (await access.fetch('/v1/users/me')).text(),
  ];
  const browser = await loggedIn(useAll, { strategy: { scope: ['openid', 'organizations:read'] } });
  await browser.get('/use').expect(200);
});

it('only the verify callback receives the refresh token', async () => {
  await loggedIn(async () => ({}));
  expect(seen['refreshToken']).toBe(app.emulator.liveTokens()[0]?.refreshToken);
});
