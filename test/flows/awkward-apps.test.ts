/** Mistakes of apps, stores and third-party code: no login is lost, nothing hangs, the process survives. */
import { inspect } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type express from 'express';
import type session from 'express-session';
import {
  logout,
  type PolarAccessToken,
  type PolarStrategy,
  polarTokens,
  requireLogin,
  requireScope,
} from 'passport-polar-sh';
import { redisStorage } from 'passport-polar-sh/redis';
import { failOnUncaughtErrors } from '../support/diagnostics.js';
import { refreshesAt } from '../support/emulator-requests.js';
import { inMemoryStorage } from '../support/in-memory-storage.js';
import { siblingStrategy } from '../support/sibling.js';
import { startTestApp, type TestApp, type TestAppOptions } from '../support/test-app.js';
import { until } from '../support/until.js';

const loginLife = 864_000;
let app: TestApp;
afterEach(() => app.close());
failOnUncaughtErrors();

async function loggedIn(options: TestAppOptions = {}) {
  app = await startTestApp(options);
  return app.loggedInBrowser();
}

const refreshes = () => refreshesAt(app.emulator);
const liveToken = () => app.emulator.liveTokens()[0]?.accessToken;

describe('a response that was sent already', () => {
  it.each<[string, (parts: { polar: PolarStrategy }) => express.RequestHandler]>([
    ['requireLogin', () => requireLogin({ loginPath: '/auth/polar' })],
    ['requireScope', () => requireScope('orders:read', { loginPath: '/auth/polar' })],
    ['logout', ({ polar }) => logout(polar, { redirectTo: '/' })],
  ])('stays as it is when %s runs after it', async (_name, guard) => {
    app = await startTestApp({
      routes: (server, parts) =>
        server.get(
          '/late',
          (_req, res, next) => {
            res.status(503).send('too late');
            next();
          },
          guard(parts),
        ),
    });
    const answer = await app.browser().get('/late').set('accept', 'text/html');
    expect([answer.status, answer.text]).toEqual([503, 'too late']);
  });
});

describe('logout', () => {
  it('ends the login on a route without Passport too', async () => {
    app = await startTestApp({
      routes: (server, { polar }) =>
        server.post(
          '/out',
          (req, _res, next) => {
            Object.assign(req, { logout: undefined });
            next();
          },
          logout(polar),
        ),
    });
    const browser = await app.loggedInBrowser();
    await browser.post('/out');
    expect(app.emulator.liveTokens()).toEqual([]);
  });

  it('does not wait forever for a session store that hangs', async () => {
    const browser = await loggedIn({
      strategy: { timeoutMs: 300 },
      routes: (server, { polar }) => server.post('/out', logout(polar, { redirectTo: '/' })),
    });
    app.store.destroy = () => {};
    app.store.set = () => {};
    const answer = await browser.post('/out');
    expect([answer.status, answer.body.code]).toEqual([503, 'timeout']);
    expect(app.emulator.liveTokens()).toEqual([]);
  });

  it.each([{ status: 302, headers: { location: '/' } }, 'html'] as const)(
    'revokes again if a proxy responds in place of Polar: %j',
    async (fault) => {
      const browser = await loggedIn({ routes: (server, { polar }) => server.post('/out', logout(polar)) });
      app.emulator.fail('revoke', fault);
      await browser.post('/out');
      // 'html' comes with status 200, which is all that RFC 7009 asks to look at.
      if (fault === 'html') return;
      expect(app.emulator.liveTokens()).toHaveLength(1);
      await until(() => app.emulator.liveTokens().length === 0);
    },
  );
});

describe('tokens that the app receives', () => {
  it('can be changed without harm to the login', async () => {
    const browser = await loggedIn({
      routes: (server) =>
        server.get('/mine', async (req, res) => {
          const tokens = (await req.polar.getTokens()) as {
            -readonly [Key in keyof PolarAccessToken]: unknown;
          };
          (tokens.scopes as string[]).push('everything');
          (req.polar.scopes as string[]).push('everything');
          tokens.accessToken = 'changed';
          tokens.expiresAt = 0;
          res.json(tokens);
        }),
    });
    expect((await browser.get('/mine')).body.scopes).toContain('everything');
    expect((await browser.get('/me')).body.scopes).toEqual(['openid', 'email']);
    expect(await browser.token()).toBe(liveToken());
    app.emulator.advanceTime(loginLife);
    expect(await browser.token()).toBe(liveToken());
  });

  it('can be changed in the verify callback without harm to the login', async () => {
    const browser = await loggedIn({
      verify: ({ tokens, profile }: { tokens: Record<string, unknown>; profile: unknown }) => {
        (tokens['scopes'] as string[]).length = 0;
        delete tokens['refreshToken'];
        return profile;
      },
    });
    app.emulator.advanceTime(loginLife);
    expect((await browser.get('/me')).body.scopes).toEqual(['openid', 'email']);
  });
});

describe('a refresh whose response has', () => {
  /** Changes the token endpoint's response to a refresh. */
  function fetchThat(change: (body: Record<string, unknown>) => void): typeof fetch {
    return async (input, init) => {
      const answer = await fetch(input, init);
      if (!String(init?.body).includes('grant_type=refresh_token')) return answer;
      const body = (await answer.json()) as Record<string, unknown>;
      change(body);
      return Response.json(body, { status: answer.status });
    };
  }

  it.each<[string, (body: Record<string, unknown>) => void]>([
    ['a lifetime in letters', (body) => Object.assign(body, { expires_in: '3600' })],
    ['a negative lifetime', (body) => Object.assign(body, { expires_in: -1 })],
    ['scopes in a list', (body) => Object.assign(body, { scope: ['openid', 'email'] })],
    ['an id_token that is not a string', (body) => Object.assign(body, { id_token: 7 })],
    ['no token_type', (body) => delete body['token_type']],
  ])('%s keeps the new tokens', async (_what, change) => {
    const browser = await loggedIn({ strategy: { fetch: fetchThat(change) } });
    app.emulator.advanceTime(loginLife);
    expect(await browser.token()).toBe(liveToken());
    app.emulator.advanceTime(3600);
    expect(await browser.token()).toBe(liveToken());
  });

  it('a malformed id_token refuses and revokes the new tokens', async () => {
    const forged = fetchThat((body) => Object.assign(body, { id_token: 'x.y.z' }));
    const browser = await loggedIn({ strategy: { fetch: forged } });
    app.emulator.advanceTime(loginLife);
    expect((await browser.get('/token')).body.code).toBe('login_expired');
    expect(app.errors[0]).toMatchObject({ status: 401, cause: { code: 'id_token_malformed' } });
    await until(() => app.emulator.liveTokens().length === 0);
  });
});

it.each([0.5, 1e21, 1e300])('a login succeeds with a token lifetime of %p seconds', async (lifetime) => {
  const odd: typeof fetch = async (input, init) => {
    const response = await fetch(input, init);
    if (!String(init?.body).includes('grant_type=authorization_code')) return response;
    return Response.json({ ...((await response.json()) as object), expires_in: lifetime });
  };
  const browser = await loggedIn({ strategy: { fetch: odd } });
  expect((await browser.get('/me')).body.user.provider).toBe('polar');
  expect(await browser.token()).toBe(liveToken());
});

describe('a custom callback that throws', () => {
  const throwing: TestAppOptions['routes'] = (server, { passport: authenticator }) =>
    server.get('/auth/polar/callback', (req, res, next) =>
      authenticator.authenticate('polar', (error: unknown) => {
        calls++;
        throw error ?? new Error('the app is broken');
      })(req, res, next),
    );
  let calls = 0;
  beforeEach(() => {
    calls = 0;
  });

  it('has its error handled when Polar reports an error, which anybody can provoke', async () => {
    app = await startTestApp({ routes: throwing });
    const browser = app.browser();
    const state = (await browser.startLogin()).searchParams.get('state');
    const answer = await browser.get(`/auth/polar/callback?error=server_error&state=${state}`);
    expect([answer.status, answer.body.code, calls]).toEqual([500, 'authorization_failed', 1]);
  });

  it('is not called a second time when it was given a user', async () => {
    app = await startTestApp({ routes: throwing });
    const answer = await app.browser().logIn();
    expect([answer.status, answer.body.message, calls]).toEqual([500, 'the app is broken', 1]);
  });
});

describe('an app', () => {
  it('with two strategies over one memory store refreshes once per expiry', async () => {
    const browser = await loggedIn({
      routes: (server, parts) => {
        server.get('/other', polarTokens(siblingStrategy(parts)), async (req, res) => {
          res.json({ accessToken: await req.polar.getAccessToken() });
        });
      },
    });
    for (let hour = 0; hour < 5; hour++) {
      app.emulator.advanceTime(hour === 0 ? loginLife : 3600);
      const answers = await Promise.all([browser.get('/token'), browser.get('/other')]);
      expect(answers.map(({ body }) => body.accessToken)).toEqual([liveToken(), liveToken()]);
    }
    expect(refreshes()).toHaveLength(5);
  });

  it('whose session store throws while a login is saved fails that login with a response', async () => {
    app = await startTestApp();
    const browser = app.browser();
    const callback = await browser.visitPolar(await browser.startLogin());
    const set = app.store.set.bind(app.store);
    app.store.set = ((sid: string, data: session.SessionData, done: () => void) => {
      if ((data as { passport?: { user?: unknown } }).passport?.user !== undefined) {
        app.store.set = set;
        throw new Error('disk full');
      }
      set(sid, data, done);
    }) as never;
    expect((await browser.get(callback)).body.message).toBe('disk full');
  });

  it.each<[string, (command: string) => Promise<unknown>]>([
    [
      'throws',
      () => {
        throw new Error('The client is closed');
      },
    ],
    ['rejects', async () => Promise.reject(new Error('Connection lost'))],
    ['responds with something else', async () => 'OK'],
  ])('whose Redis client %s loses the storage, and nothing else', async (_what, sendCommand) => {
    const browser = await loggedIn({ strategy: { storage: redisStorage({ sendCommand }) } });
    app.emulator.advanceTime(loginLife);
    expect(await browser.token()).toBe(liveToken());
    expect(await browser.token()).toBe(liveToken());
    expect(refreshes()).toHaveLength(1);
  });

  it('whose storage throws only during a refresh keeps the login and the process', async () => {
    let isClosed = false;
    const rows = inMemoryStorage();
    const unlessClosed =
      <Args extends unknown[], Result>(method: (...args: Args) => Result) =>
      (...args: Args): Result => {
        if (isClosed) throw new Error('The client is closed');
        return method(...args);
      };
    const storage = {
      read: unlessClosed(rows.read),
      write: unlessClosed(rows.write),
      remove: unlessClosed(rows.remove),
    };
    const browser = await loggedIn({ strategy: { storage } });
    app.emulator.advanceTime(loginLife);
    app.emulator.fail('token', { delayMs: 1300 });
    const token = browser.token();
    await until(() => refreshes().length === 1);
    isClosed = true; // the next renewal of the lock throws, and so does what comes after the response
    expect(await token).toBe(liveToken());
    isClosed = false;
    expect(await browser.token()).toBe(liveToken());
  });

  it('whose fetch attaches the request to its errors leaks no secret', async () => {
    const away: typeof fetch = async (_input, init) => {
      throw Object.assign(new Error(`Request failed: ${String(init?.body)}`), {
        code: 'ERR_BAD_REQUEST',
        config: { data: String(init?.body), headers: init?.headers },
      });
    };
    app = await startTestApp({ strategy: { fetch: away, timeoutMs: 500 } });
    const browser = app.browser();
    const { status } = await browser.get(await browser.visitPolar(await browser.startLogin()));
    expect(status).toBe(503);
    const [error] = app.errors;
    expect((error as { cause: { code: string } }).cause.code).toBe('ERR_BAD_REQUEST');
    expect(inspect(error, { depth: 9 })).not.toMatch(/polar_(cs|ac|at|rt)_|client_secret|code=/);
  });
});

it('an overridden userProfile that is async may reject instead of calling done', async () => {
  app = await startTestApp({ strategy: { fetchUserInfo: true, timeoutMs: 2000 } });
  app.polar.userProfile = async () => {
    throw new Error('The directory of the app is down');
  };
  const { body, status } = await app.browser().logIn();
  expect([status, body.message]).toEqual([500, 'The directory of the app is down']);
  await until(() => app.emulator.liveTokens().length === 0);
});
