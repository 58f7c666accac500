/** What the diagnostics channels tell, in which async context, and what a subscriber can do to a login. */
import { AsyncLocalStorage } from 'node:async_hooks';
import { execFile } from 'node:child_process';
import { request as send } from 'node:http';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { Request } from 'express';
import session from 'express-session';
import { logout, type PolarDiagnostic } from 'passport-polar-sh';
import { startPolarEmulator } from 'passport-polar-sh/emulator';
import { type AppProcess, startProcesses } from '../support/app-processes.js';
import { onDiagnostic } from '../support/diagnostics.js';
import { inMemoryStorage } from '../support/in-memory-storage.js';
import { siblingStrategy } from '../support/sibling.js';
import { startTestApp, type TestApp, type TestAppOptions } from '../support/test-app.js';
import { until } from '../support/until.js';

const contexts = new AsyncLocalStorage<string>();
let told: { readonly message: PolarDiagnostic; readonly context: string | undefined }[];
let stop: () => void;
beforeEach(() => {
  told = [];
  stop = onDiagnostic((message) => void told.push({ message, context: contexts.getStore() }));
});
afterEach(() => stop());

/** The messages of an event, without their context. */
function all<E extends PolarDiagnostic['event']>(event: E): Extract<PolarDiagnostic, { event: E }>[] {
  return told.map(({ message }) => message).filter((message) => message.event === event) as never;
}
const contextsOf = (wanted: string) =>
  told.filter(({ message: { event } }) => event === wanted).map(({ context }) => context);

let apps: TestApp[] = [];
afterEach(async () => {
  // Young tokens are revoked a second time: that must not be told to the next test.
  for (const app of apps) await app.polar.settled({ withinMs: 5000 });
  for (const app of apps.reverse()) await app.close();
  apps = [];
});
async function start(options: TestAppOptions = {}): Promise<TestApp> {
  const app = await startTestApp(options);
  apps.push(app);
  return app;
}

const loginLife = 864_000;
const aDuration = expect.any(Number);

describe('the messages', () => {
  it('tell how long the callback request of a login, its refresh and its failures took', async () => {
    const app = await start();
    app.emulator.fail('token', { delayMs: 300 });
    const browser = await app.loggedInBrowser();
    expect(all('login-started')).toEqual([{ event: 'login-started' }]);
    expect(all('logged-in')).toEqual([
      { event: 'logged-in', loginId: expect.any(String), durationMs: aDuration },
    ]);
    expect(all('logged-in')[0]?.durationMs).toBeGreaterThanOrEqual(299);

    app.emulator.advanceTime(loginLife);
    app.emulator.fail('token', { status: 429 });
    expect((await browser.get('/token')).status).toBe(503);
    const { loginId } = all('logged-in')[0] as { loginId: string };
    const failed = { event: 'refresh-failed', loginId, error: expect.any(Error), durationMs: aDuration };
    expect(all('refresh-failed')).toEqual([failed]);

    app.emulator.advanceTime(60);
    app.emulator.fail('token', { delayMs: 300 });
    await browser.token();
    expect(all('refreshed')).toEqual([{ event: 'refreshed', loginId, generation: 1, durationMs: aDuration }]);
    expect(all('refreshed')[0]?.durationMs).toBeGreaterThanOrEqual(299);

    const path = await browser.visitPolar(await browser.startLogin());
    app.emulator.fail('token', { status: 500 });
    await browser.get(path);
    expect(all('login-failed')).toEqual([
      {
        event: 'login-failed',
        code: 'server_error',
        reason: expect.any(String),
        error: expect.any(Error),
        durationMs: aDuration,
      },
    ]);
  });

  it('give no duration for a login that fails at its start', async () => {
    const app = await start({ session: { cookie: { sameSite: 'strict' } } });
    await app.browser().get('/auth/polar');
    expect(all('login-failed')).toEqual([
      {
        event: 'login-failed',
        code: 'unsupported_session',
        reason: expect.any(String),
        error: expect.any(Error),
      },
    ]);
  });

  it('tell of a revocation once, whether it succeeds or fails at first, and name its login', async () => {
    const app = await start({
      routes: (server, { polar }) => server.post('/logout', logout(polar, { redirectTo: '/' })),
    });
    const browser = await app.loggedInBrowser();
    const { loginId } = all('logged-in')[0] as { loginId: string };
    app.emulator.fail('revoke', { status: 500 });
    await browser.post('/logout');
    const ofLogin = (id: string | undefined) => all('revocation').filter((message) => message.loginId === id);
    expect(ofLogin(loginId)).toEqual([{ event: 'revocation', loginId, error: expect.any(Error) }]);
    await until(() => ofLogin(loginId).some(({ error }) => error === undefined), 30_000);
    expect(ofLogin(loginId).at(-1)).toEqual({ event: 'revocation', loginId });
    // Polar may not have known tokens this young: they are revoked again, which is no news.
    const again = await app.loggedInBrowser();
    const revokes = () => app.emulator.requests.filter(({ endpoint }) => endpoint === 'revoke').length;
    const before = revokes();
    await again.post('/logout');
    await until(() => revokes() === before + 2);
    await delay(50);
    expect(ofLogin(all('logged-in')[1]?.loginId)).toHaveLength(1);
  });

  it('tell of the second revocation of young tokens if it fails, and it is tried again', async () => {
    const app = await start({
      routes: (server, { polar }) => server.post('/logout', logout(polar, { redirectTo: '/' })),
    });
    const browser = await app.loggedInBrowser();
    await browser.post('/logout');
    app.emulator.fail('revoke', { status: 500 });
    await until(() => all('revocation').length > 1);
    expect(all('revocation').map(({ error }) => error === undefined)).toEqual([true, false]);
    const revokes = () => app.emulator.requests.filter(({ endpoint }) => endpoint === 'revoke').length;
    await until(() => revokes() === 3, 30_000);
    await until(() => all('revocation').length > 2);
    expect(all('revocation').at(-1)).toEqual({ event: 'revocation', loginId: expect.any(String) });
  });

  it('name no login when tokens are revoked that never became one', async () => {
    const app = await start({ verify: () => false });
    await app.browser().logIn();
    await until(() => all('revocation').length > 0);
    expect(all('revocation')).toEqual([{ event: 'revocation' }]);
  });

  it('tell of a login that fails because the custom callback of the app throws', async () => {
    const fault = new Error('mine');
    const app = await start({
      routes: (server, { passport }) => {
        server.get('/auth/polar/callback', (req, res, next) => {
          passport.authenticate('polar', () => {
            throw fault;
          })(req, res, next);
        });
      },
    });
    await app.browser().logIn();
    expect(app.errors).toEqual([fault]);
    expect(all('login-failed')).toEqual([
      {
        event: 'login-failed',
        code: 'app_error',
        reason: expect.stringContaining(
          'in its verify callback, serializeUser, custom callback or session store',
        ),
        error: fault,
        durationMs: aDuration,
      },
    ]);
    await until(() => all('revocation').length > 0);
  });

  it.each<[string, () => Partial<TestAppOptions>]>([
    ['the session store', () => ({})],
    ['a storage in memory', () => ({ strategy: { storage: { ...inMemoryStorage(), shared: true } } })],
  ])('tell how long a process waited for the lock of another, over %s', async (_which, options) => {
    const processes = await startProcesses(2, options());
    apps.push(...processes);
    const [first, second] = processes as [AppProcess, AppProcess];
    const browser = await first.loggedInBrowser();
    first.emulator.advanceTime(loginLife);
    first.emulator.fail('token', { delayMs: 2000 });
    const refreshes = () => first.emulator.requests.filter(({ endpoint }) => endpoint === 'token').length;
    const before = refreshes();
    const early = browser.token();
    await until(() => refreshes() > before || all('lock-waited').length > 0);
    const tokens = [await browser.at(second).token(), await early];
    expect(new Set(tokens).size).toBe(1);
    const { loginId } = all('logged-in')[0] as { loginId: string };
    expect(all('lock-waited')).toEqual([{ event: 'lock-waited', loginId, durationMs: aDuration }]);
    expect(all('lock-waited')[0]?.durationMs).toBeGreaterThan(50);
    expect(all('refreshed')).toHaveLength(1);
  });

  it('do not tell of a request with a valid token', async () => {
    const app = await start();
    const browser = await app.loggedInBrowser();
    told = [];
    for (let time = 0; time < 3; time++) await browser.token();
    expect(told).toEqual([]);
  });

  it('do not tell of a lock that was free', async () => {
    const app = await start();
    const browser = await app.loggedInBrowser();
    app.emulator.advanceTime(loginLife);
    await Promise.all([browser.token(), browser.token(), browser.token()]);
    expect(all('refreshed')).toHaveLength(1);
    expect(all('lock-waited')).toEqual([]);
  });
});

/** A session store that calls back in the async context of somebody else, as one whose connections are pooled may. */
class ForeignStore extends session.MemoryStore {
  constructor() {
    super();
    for (const method of ['get', 'set', 'touch', 'destroy'] as const) {
      const plain = (super[method] as (...args: unknown[]) => void).bind(this);
      this[method] = ((...args: unknown[]) => {
        const done = args.pop() as (...results: unknown[]) => void;
        plain(...args, (...results: unknown[]) => void calls.push(() => done(...results)));
      }) as never;
    }
  }
}
const calls: (() => void)[] = [];
let pump: NodeJS.Timeout;

describe('the async context of a message', () => {
  beforeEach(() => {
    pump = contexts.run('somebody else', () =>
      setInterval(() => {
        for (const call of calls.splice(0)) call();
      }, 1),
    );
  });
  afterEach(() => clearInterval(pump));

  /** Enters a context per request, after the session: what its store does before is not up to this package. */
  const inContexts = (routes?: TestAppOptions['routes']): TestAppOptions => ({
    session: { store: new ForeignStore() },
    routes: (server, parts) => {
      server.use((req, _res, next) => contexts.run(`${req.method} ${req.originalUrl.split('&')[0]}`, next));
      routes?.(server, parts);
    },
  });
  const callback = '/auth/polar/callback';
  const ofCallback = expect.stringMatching(/^GET \/auth\/polar\/callback\?/);

  it('is that of the request in a login, a refresh, a retry and a logout, and of what follows these', async () => {
    const app = await start(
      inContexts((server, { polar }) => {
        server.post('/logout', logout(polar, { redirectTo: '/' }));
        server.get('/api', async (req, res) => void res.json((await req.polar.fetch('/v1/users/me')).status));
      }),
    );
    const browser = await app.loggedInBrowser();
    expect(contextsOf('login-started')).toEqual(['GET /auth/polar']);
    expect(contextsOf('logged-in')).toEqual([ofCallback]);

    app.emulator.advanceTime(loginLife);
    app.emulator.fail('token', { status: 500 });
    await browser.get('/token?failing');
    expect(contextsOf('refresh-failed')).toEqual(['GET /token?failing']);
    app.emulator.advanceTime(600);
    await browser.get('/token?refreshing');
    expect(contextsOf('refreshed')).toEqual(['GET /token?refreshing']);

    app.emulator.fail('api', { status: 401 });
    app.emulator.advanceTime(60);
    await browser.get('/api');
    expect(contextsOf('retried-after-401')).toEqual(['GET /api']);

    app.emulator.fail('revoke', { status: 500 });
    await browser.post('/logout');
    const [{ loginId } = {}] = all('logged-in');
    const isRetried = () => all('revocation').some((each) => each.loginId === loginId && !each.error);
    await until(isRetried, 30_000);
    for (const event of ['logged-out', 'ended']) expect(contextsOf(event)).toEqual(['POST /logout']);
    expect(new Set(contextsOf('revocation'))).toEqual(new Set(['POST /logout']));
  });

  it('is that of the first request when several wait for one refresh', async () => {
    const app = await start(inContexts());
    const browser = await app.loggedInBrowser();
    app.emulator.advanceTime(loginLife);
    app.emulator.fail('token', { delayMs: 500 });
    const exchanges = () => app.emulator.requests.filter(({ endpoint }) => endpoint === 'token').length;
    const before = exchanges();
    const first = browser.get('/token?first').then((answer) => answer);
    await delay(200);
    await Promise.all([browser.get('/token?second'), browser.get('/token?third'), first]);
    expect(exchanges()).toBe(before + 1);
    expect(contextsOf('refreshed')).toEqual(['GET /token?first']);
  });

  it.each<[string, string[], (req: Request, user: Express.User, done: () => void) => void]>([
    ['after the login', ['response_lost'], (req, user, done) => req.logIn(user, done)],
    ['without a login', [], (_req, _user, done) => done()],
  ])('is that of the callback request for a browser that leaves %s', async (_when, codes, handle) => {
    let isHandled = false;
    const app = await start(
      inContexts((server, { passport }) => {
        server.get(callback, (req, res, next) => {
          passport.authenticate('polar', (_error: unknown, user: Express.User) => {
            handle(req, user, () => {
              isHandled = true;
              setTimeout(() => res.end(), 2000);
            });
          })(req, res, next);
        });
      }),
    );
    const browser = app.browser();
    const path = await browser.visitPolar(await browser.startLogin());
    const sent = send(`${app.url}${path}`, { headers: { cookie: browser.cookieHeader } });
    sent.on('error', () => {});
    sent.end();
    await until(() => isHandled);
    sent.destroy();
    await until(() => all('revocation').length > 0);
    expect(all('login-failed').map(({ code }) => code)).toEqual(codes);
    for (const event of ['login-failed', 'revocation'])
      for (const context of contextsOf(event)) expect(context).toEqual(ofCallback);
  });

  it('is that of the callback request for a session cookie that is not set', async () => {
    const emulator = await startPolarEmulator({ consent: 'auto' });
    const { clientID, clientSecret } = emulator.registerClient({
      redirectURIs: ['https://127.0.0.1/auth/polar/callback'],
    });
    const { session: { store } = {}, routes } = inContexts();
    const app = await start({
      sharedEmulator: emulator,
      session: { store, cookie: { secure: true } },
      strategy: { clientID, clientSecret, proxy: true },
      routes: (server, parts) => {
        server.set('trust proxy', false);
        routes?.(server, parts);
      },
    });
    const https = { 'x-forwarded-proto': 'https', 'x-forwarded-host': '127.0.0.1' };
    const login = await app.browser().get('/auth/polar').set(https);
    const cookie = String(login.headers['set-cookie']).split(';')[0] as string;
    const path = await emulator.authorize(login.headers['location']);
    await app
      .browser()
      .get(path)
      .set({ ...https, cookie });
    await until(() => all('login-failed').length > 0);
    expect(all('login-failed')).toMatchObject([{ code: 'session_cookie_not_set', durationMs: aDuration }]);
    expect(contextsOf('login-failed')).toEqual([ofCallback]);
    await emulator.close();
  });

  it('is that of the request in which the app calls req.login', async () => {
    const app = await start(
      inContexts((server, { passport }) => {
        server.get(callback, passport.authenticate('polar', { session: false }), (req, res) => {
          Object.assign(req.session, { accepts: req.user });
          res.json({});
        });
        server.post('/accept', (req, res, next) => {
          const { accepts } = req.session as never as { accepts: Express.User };
          req.logIn(accepts, (error) => (error ? next(error) : res.json({})));
        });
      }),
    );
    const browser = app.browser();
    await browser.logIn();
    expect(all('logged-in')).toEqual([]);
    expect((await browser.post('/accept')).status).toBe(200);
    expect(contextsOf('logged-in')).toEqual(['POST /accept']);
    expect(all('logged-in')[0]?.durationMs).toBeGreaterThanOrEqual(0);
  });

  it('is that of the job which uses tokensFor', async () => {
    const shared = { storage: inMemoryStorage(), encryptionKeys: ['k'.repeat(32)] };
    const app = await start({ strategy: shared });
    await app.loggedInBrowser();
    const { loginId } = all('logged-in')[0] as { loginId: string };
    app.emulator.advanceTime(loginLife);
    await contexts.run('nightly job', () => app.polar.tokensFor(loginId).getAccessToken());
    expect(contextsOf('refreshed')).toEqual(['nightly job']);
  });
});

describe('a subscriber that throws', () => {
  const script = path.resolve(__dirname, 'throwing-subscriber.ts');
  const runScript = (...args: string[]) =>
    promisify(execFile)(process.execPath, ['--import', 'tsx', script, ...args]);

  it('breaks no login, refresh or logout, as its errors are thrown later', async () => {
    const { stdout } = await runScript('--handles-uncaught');
    expect(JSON.parse(stdout)).toEqual({
      statuses: [302, 200, 200, 302],
      live: 0,
      errors: 0,
      uncaught: ['login-started', 'logged-in', 'refreshed', 'ended', 'revocation', 'logged-out'],
    });
  });

  it('ends a process that does not handle uncaught errors', async () => {
    await expect(runScript()).rejects.toMatchObject({
      stdout: '',
      stderr: expect.stringContaining('Error: login-started'),
    });
  });
});

describe('loginId', () => {
  it('is that of the messages, on requests and with tokensFor, and undefined without a login', async () => {
    const shared = { storage: inMemoryStorage(), encryptionKeys: ['k'.repeat(32)] };
    const app = await start({
      strategy: shared,
      routes: (server) =>
        server.get('/login-id', (req, res) => void res.json({ loginId: req.polar.loginId ?? null })),
    });
    expect((await app.browser().get('/login-id')).body).toEqual({ loginId: null });
    const browser = await app.loggedInBrowser();
    const { loginId } = (await browser.get('/login-id')).body as { loginId: string };
    expect(all('logged-in')).toMatchObject([{ loginId }]);
    expect(app.polar.tokensFor(loginId).loginId).toBe(loginId);
    expect(siblingStrategy(app, shared).tokensFor(loginId).loginId).toBe(loginId);
  });
});
