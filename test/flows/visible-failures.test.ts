/** Every failed login is visible: on the diagnostics channel, on stderr during development, and to the person. */
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { PolarError, PolarLoginFailedError, requireLogin, requireScope } from 'passport-polar-sh';
import { startPolarEmulator } from 'passport-polar-sh/emulator';
import request from 'supertest';
import { docsURL } from '../../src/docs-url.js';
import { type DiagnosticsMessage, recordMessages } from '../support/diagnostics.js';
import { requestsTo } from '../support/emulator-requests.js';
import { startTestApp, type TestApp, type TestAppOptions } from '../support/test-app.js';

let app: TestApp;
const messages = recordMessages();
const failures = () => messages.filter(({ event }) => event === 'login-failed');
let printed: string[];
beforeEach(() => {
  printed = [];
  jest.spyOn(process.stderr, 'write').mockImplementation(((text: string) => printed.push(text) > 0) as never);
});
afterEach(async () => {
  jest.restoreAllMocks();
  await app.close();
});

const home: TestAppOptions = { callback: { failureRedirect: '/', failureMessage: false } };
/** The only failure of a test: an event and a line, without any secret. */
function theFailure(secrets: readonly string[] = []): DiagnosticsMessage {
  expect(failures()).toHaveLength(1);
  const [failure] = failures() as [DiagnosticsMessage];
  expect(printed).toEqual([
    `passport-polar-sh: login failed (${failure.code}). ${failure.reason} See ${docsURL(failure.code as string)}\n`,
  ]);
  expect(printed[0]?.trimEnd()).not.toContain('\n');
  for (const secret of secrets) expect(JSON.stringify([failure, printed])).not.toContain(secret);
  return failure;
}

describe('a failureRedirect to a page that shows nothing does not hide', () => {
  it.each([false, null])('a verify callback that returns %j', async (nobody) => {
    app = await startTestApp({ ...home, verify: () => nobody });
    expect((await app.browser().logIn()).headers['location']).toBe('/');
    expect(theFailure(['polar_at_', 'polar_rt_'])).toMatchObject({
      code: 'login_refused',
      reason: expect.stringContaining('returned false or null'),
    });
  });

  it('a classic verify callback that calls done without a user, whose info stays with the app', async () => {
    const verify = (_at: string, _rt: string, _profile: object, done: (...args: unknown[]) => void) =>
      done(null, false, { message: 'secret info' });
    app = await startTestApp({ ...home, verify });
    await app.browser().logIn();
    expect(theFailure(['secret info']).code).toBe('login_refused');
  });

  it('a cookie that did not come back, with what to check', async () => {
    app = await startTestApp(home);
    const start = await request(app.url).get('/auth/polar');
    const path = await app.emulator.authorize(new URL(start.headers['location'] as string));
    expect((await request(app.url).get(path)).headers['location']).toBe('/');
    const state = new URL(path, app.url).searchParams;
    const { code, reason } = theFailure([state.get('state') as string, state.get('code') as string]);
    expect(code).toBe('attempt_cookie_missing');
    for (const word of ['trust proxy', 'sameSite', 'secure', 'domain', 'localhost'])
      expect(reason).toContain(word);
  });

  it('a person who cancels', async () => {
    app = await startTestApp({ ...home, emulator: { consent: 'deny' } });
    await app.browser().logIn();
    expect(theFailure().code).toBe('access_denied');
  });

  it('an error of Polar, or an error of the app without its message', async () => {
    app = await startTestApp({
      ...home,
      verify: () => {
        throw new Error('password of the database: hunter2');
      },
    });
    expect((await app.browser().logIn()).status).toBe(500);
    const { code, error, reason } = theFailure();
    expect(code).toBe('app_error');
    expect(reason).not.toContain('hunter2');
    expect(reason).toContain('serializeUser');
    expect(error).toBeInstanceOf(Error);
    messages.length = 0;
    printed = [];
    app.emulator.fail('token', { status: 502 });
    await app.browser().logIn();
    expect(theFailure().code).toBe('server_error');
  });

  it('a start that cannot work', async () => {
    app = await startTestApp({ ...home, session: { cookie: { sameSite: 'none' } } });
    expect((await app.browser().get('/auth/polar')).body.code).toBe('unsupported_session');
    expect(theFailure().reason).toMatch(/SameSite=None without Secure/);
  });

  it('a session cookie that express-session omits: secure, behind TLS, without trust proxy', async () => {
    const emulator = await startPolarEmulator({ consent: 'auto' });
    const { clientID, clientSecret } = emulator.registerClient({
      redirectURIs: ['https://127.0.0.1/auth/polar/callback'],
    });
    try {
      app = await startTestApp({
        ...home,
        sharedEmulator: emulator,
        session: { cookie: { secure: true } },
        strategy: { clientID, clientSecret, proxy: true },
        routes: (server) => server.set('trust proxy', false),
      });
      const https = { 'x-forwarded-proto': 'https', 'x-forwarded-host': '127.0.0.1' };
      const start = await request(app.url).get('/auth/polar').set(https);
      const cookie = String(start.headers['set-cookie']).split(';')[0] as string;
      const path = await emulator.authorize(new URL(start.headers['location'] as string));
      const answer = await request(app.url)
        .get(path)
        .set({ ...https, cookie });
      expect([answer.status, answer.headers['set-cookie']]).toEqual([302, undefined]);
      expect(theFailure()).toMatchObject({
        code: 'session_cookie_not_set',
        reason: expect.stringContaining("app.set('trust proxy', 1)"),
      });
    } finally {
      await emulator.close();
    }
  });
});

it('a failed login prints nothing to stderr in production', async () => {
  const { NODE_ENV } = process.env;
  app = await startTestApp(home);
  process.env['NODE_ENV'] = 'production';
  try {
    await app.browser().get('/auth/polar/callback?code=x&state=made-up');
  } finally {
    process.env['NODE_ENV'] = NODE_ENV;
  }
  expect(failures().map(({ code }) => code)).toEqual(['attempt_unknown']);
  expect(printed).toEqual([]);
});

it('a successful login is not reported as a failure', async () => {
  app = await startTestApp();
  await app.browser().logIn();
  expect([failures(), printed]).toEqual([[], []]);
});

describe('failWithError', () => {
  it.each<[string, string, number, TestAppOptions]>([
    ['/auth/polar/callback?code=x&state=made-up', 'attempt_unknown', 403, {}],
    ['/auth/polar/callback?code=x', 'state_missing', 403, {}],
    ['/auth/polar/callback', 'callback_empty', 400, {}],
  ])('passes %s to next as an error that people can read', async (path, code, status, options) => {
    app = await startTestApp({
      ...options,
      callback: { failureRedirect: undefined, failWithError: true } as never,
    });
    const answer = await app.browser().get(path);
    expect([answer.status, answer.body.code]).toEqual([status, code]);
    expect(app.errors).toEqual([expect.any(PolarLoginFailedError)]);
    expect(app.errors[0]).toBeInstanceOf(PolarError);
    expect(answer.headers['set-cookie']).toBeUndefined();
    expect(app.store['sessions' as never]).toEqual({});
  });

  it('contains the message of the verify callback, and 401 if nothing else is known', async () => {
    const verify = (_at: string, _rt: string, _profile: object, done: (...args: unknown[]) => void) =>
      done(null, false, { message: 'Your account is closed.' });
    app = await startTestApp({ verify, callback: { failWithError: true } as never });
    const answer = await app.browser().logIn();
    expect([answer.status, answer.body]).toMatchObject([
      401,
      { code: 'login_refused', message: 'Your account is closed.' },
    ]);
  });
});

describe('a user whom deserializeUser does not find', () => {
  const loginPath = '/auth/polar';
  const lost: TestAppOptions = {
    routes: (server, { passport }) => {
      (passport as never as { _deserializers: unknown[] })._deserializers.unshift(
        (_user: unknown, done: (error: null, user: false) => void) => done(null, false),
      );
      server.get('/page', requireLogin({ loginPath }), (_req, res) => void res.json({}));
      server.get('/scope', requireScope('openid', { loginPath }), (_req, res) => void res.json({}));
    },
  };

  it.each([
    ['/page', 'text/html'],
    ['/page', 'application/json'],
    ['/scope', 'text/html'],
  ])('causes an error right after a login instead of a loop: %s as %s', async (path, accept) => {
    app = await startTestApp(lost);
    const browser = await app.loggedInBrowser();
    for (let time = 0; time < 2; time++) {
      const answer = await browser.get(path).set('accept', accept);
      expect([answer.status, answer.body.code]).toEqual([500, 'user_not_found']);
      expect(answer.body.message).toContain('deserializeUser');
    }
    expect(requestsTo(app.emulator, 'token')).toHaveLength(1);
  });

  it('may log in again a minute later', async () => {
    app = await startTestApp(lost);
    const browser = await app.loggedInBrowser();
    app.emulator.advanceTime(61);
    expect((await browser.get('/page').set('accept', 'text/html')).status).toBe(303);
  });

  it('counts as logged out after a logout of the app', async () => {
    app = await startTestApp({
      routes: (server) => {
        server.post('/out', (req, res, next) => req.logout((error) => (error ? next(error) : res.json({}))));
        server.get('/page', requireLogin({ loginPath }), (_req, res) => void res.json({}));
      },
    });
    const browser = await app.loggedInBrowser();
    await browser.post('/out');
    expect((await browser.get('/page').set('accept', 'text/html')).status).toBe(303);
  });
});

describe('req.login with a changed user that has the same id', () => {
  const logInAgain = async (user: object, changed: object, strategy: object = {}) => {
    app = await startTestApp({
      verify: () => user as Express.User,
      strategy,
      routes: (server) =>
        server.post('/again', (req, res, next) =>
          req.login(changed as Express.User, (error) => (error ? next(error) : res.json({}))),
        ),
    });
    const browser = await app.loggedInBrowser();
    await browser.post('/again');
    return (await browser.get('/token')).status;
  };

  it('prints that the login has ended, and names userKey', async () => {
    expect(await logInAgain({ id: 7, name: 'Ada' }, { id: 7, name: 'Ada L.' })).toBe(401);
    expect(printed).toEqual([
      expect.stringMatching(/^passport-polar-sh: req\.login ended.*userKey.*#user_key_missing\n$/),
    ]);
  });

  it('prints nothing for another user, or if userKey is given', async () => {
    expect(await logInAgain({ id: 7 }, { id: 8 })).toBe(401);
    await app.close();
    const userKey = (user: unknown): string => String((user as { id: number }).id);
    expect(await logInAgain({ id: 7, name: 'Ada' }, { id: 7, name: 'Ada L.' }, { userKey })).toBe(200);
    expect(printed).toEqual([]);
  });
});
