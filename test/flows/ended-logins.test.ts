/** How a login ends, who is told, and when the other processes notice. */
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { afterEach, describe, expect, it } from '@jest/globals';
import session from 'express-session';
import {
  disconnect,
  type LoginEnded,
  logout,
  PolarStrategy,
  type PolarStrategyOptions,
  requireLogin,
} from 'passport-polar-sh';
import { runtimeOf } from '../../src/runtime.js';
import { Browser } from '../support/browser.js';
import { fieldsOf } from '../support/entry-fields.js';
import { inMemoryStorage } from '../support/in-memory-storage.js';
import { polars } from '../support/polars.js';
import { startTestApp, type TestApp, type TestAppOptions } from '../support/test-app.js';
import { until } from '../support/until.js';

class SharedStore extends session.MemoryStore {}

const encryptionKeys = ['a key that only these tests know, and nobody else'];
const tenDays = 864_000;
const aMinute = 60;

let apps: TestApp[] = [];
afterEach(async () => {
  for (const app of apps) await app.close();
  apps = [];
});

const routes: NonNullable<TestAppOptions['routes']> = (server, { polar }) => {
  server.post('/logout', logout(polar, { redirectTo: '/bye' }));
  server.post('/disconnect', disconnect(polar, { redirectTo: '/settings' }));
  server.post('/disconnect-then', disconnect(polar), async (req, res) => {
    res.json({ isLoggedIn: await req.polar.isLoggedIn(), user: req.user });
  });
  server.post('/mark', (req, res) => {
    Object.assign(req.session, { cart: ['a book'] });
    res.json({});
  });
  server.get('/logged-in', async (req, res) => void res.json(await req.polar.isLoggedIn()));
  server.get('/login-id', (req, res) => void res.json(req.polar.loginId ?? null));
  server.get('/guarded', requireLogin({ loginPath: '/auth/polar' }), (_req, res) => void res.json({}));
  server.post('/log-in/:id', (req, res, next) => {
    req.logIn({ id: req.params.id } as never, (error) => (error ? next(error) : res.json({})));
  });
};

/** A process of an app, with what its `onLoginEnded` received. */
interface Process extends TestApp {
  readonly told: LoginEnded[];
}

/** Processes of one app, over one session store and one storage. */
async function startProcesses(
  count: number,
  { strategy = {}, ...options }: TestAppOptions = {},
): Promise<[Process, ...Process[]]> {
  const store = new SharedStore();
  const storage = inMemoryStorage();
  const started: Process[] = [];
  while (started.length < count) {
    const told: LoginEnded[] = [];
    const [first] = started;
    const app = await startTestApp({
      routes,
      session: { store },
      ...options,
      ...(first && { sharedEmulator: first.emulator }),
      strategy: {
        storage,
        encryptionKeys,
        onLoginEnded: (ended) => void told.push(ended),
        ...strategy,
        ...(first && { clientID: first.client.clientID, clientSecret: first.client.clientSecret }),
      },
    });
    started.push(Object.assign(app, { told }));
    apps.unshift(app);
  }
  return started as [Process, ...Process[]];
}

/** The same browser at another process. */
function sameBrowserAt({ url }: TestApp, browser: Browser): Browser {
  const other = new Browser(url);
  other.agent.jar = browser.agent.jar;
  return other;
}

async function loggedIn(app: TestApp): Promise<{ browser: Browser; loginId: string }> {
  const browser = await app.loggedInBrowser();
  return { browser, loginId: (await browser.get('/login-id')).body };
}

const codeOf = async (work: Promise<unknown>): Promise<unknown> =>
  work.then(
    () => 'no error',
    (error) => error.code ?? error,
  );
const told = (app: Process, count = 1) => until(() => app.told.length >= count, 5000);

describe.each(polars)('disconnect at %s', (_name, emulator) => {
  it('ends the login with Polar and keeps the user and the session with its content', async () => {
    const [app] = await startProcesses(1, { emulator });
    const { browser } = await loggedIn(app);
    await browser.post('/mark');
    const { user } = (await browser.get('/me')).body;
    const response = await browser.post('/disconnect');
    expect([response.status, response.headers['location']]).toEqual([302, '/settings']);
    expect(response.headers['cache-control']).toBe('no-store');
    expect((await browser.get('/logged-in')).body).toBe(false);
    expect((await browser.get('/me')).body).toEqual({ user, scopes: [] });
    expect((await browser.get('/session')).body).toMatchObject({ cart: ['a book'] });
    expect(Object.keys((await browser.get('/session')).body)).not.toContain('polar');
    expect((await browser.get('/token')).body.code).toBe('not_logged_in');
    await until(() => app.emulator.liveTokens().length === 0, 10_000);
    expect(app.emulator.liveTokens()).toEqual([]);
  });
});

describe('disconnect', () => {
  it('takes effect at once, also in the request itself', async () => {
    const [app] = await startProcesses(1);
    const { browser } = await loggedIn(app);
    const { body } = await browser.post('/disconnect-then');
    expect(body).toMatchObject({ isLoggedIn: false, user: { provider: 'polar' } });
  });

  it('works over the session store alone, and for a public client, which cannot revoke', async () => {
    for (const publicClient of [false, true]) {
      const app = await startTestApp({
        routes,
        publicClient,
        strategy: publicClient ? { clientSecret: undefined } : {},
      });
      apps.unshift(app);
      const { browser } = await loggedIn(app);
      await browser.post('/disconnect').expect(302);
      expect((await browser.get('/logged-in')).body).toBe(false);
      expect((await browser.get('/me')).body.user).not.toBeNull();
    }
  });

  it('makes guards send people to log in again', async () => {
    const [app] = await startProcesses(1);
    const { browser } = await loggedIn(app);
    await browser.post('/disconnect');
    expect((await browser.get('/guarded').set('accept', 'text/html')).headers['location']).toMatch(
      /^\/auth\/polar/,
    );
    await browser.logIn();
    expect((await browser.get('/logged-in')).body).toBe(true);
  });

  it('is no error where nobody is connected, and saves nothing', async () => {
    const [app] = await startProcesses(1);
    const response = await app.browser().post('/disconnect');
    expect([response.status, response.headers['set-cookie']]).toEqual([302, undefined]);
    const { browser } = await loggedIn(app);
    for (let times = 0; times < 2; times++) await browser.post('/disconnect').expect(302);
    await told(app);
    expect(app.told.map(({ reason }) => reason)).toEqual(['disconnected']);
  });

  it('holds against a request that writes the entry back into the session', async () => {
    const [app, other] = await startProcesses(2);
    const { browser } = await loggedIn(app);
    const [, sid] = /^s:([^.]+)\./.exec(
      decodeURIComponent(
        String(
          browser.agent.jar.getCookie('connect.sid', {
            domain: '127.0.0.1',
            path: '/',
            secure: false,
            script: false,
          } as never)?.value,
        ),
      ),
    ) as never as [string, string];
    const sessions = (app.store as unknown as { sessions: Record<string, string> }).sessions;
    const before = sessions[sid] as string;
    await browser.post('/disconnect');
    sessions[sid] = before;
    for (const each of [browser, sameBrowserAt(other as Process, browser)]) {
      expect((await each.get('/logged-in')).body).toBe(false);
      expect((await each.get('/token')).body.code).toBe('logged_out');
    }
  });

  it('ends the login with one Polar and keeps the login with another', async () => {
    const app = await startTestApp({
      routes: (server, { passport, polar, emulator, url }) => {
        const client = emulator.registerClient({ redirectURIs: [`${url}/auth/second/callback`] });
        const second = new PolarStrategy({
          clientID: client.clientID,
          clientSecret: client.clientSecret,
          name: 'second',
          callbackURL: '/auth/second/callback',
          server: emulator.server,
        });
        passport.use(second);
        server.get('/auth/second', passport.authorize('second') as never);
        server.get(
          '/auth/second/callback',
          passport.authorize('second') as never,
          ((_req: never, res: { json(body: object): void }) => res.json({})) as never,
        );
        server.post('/disconnect/second', disconnect(second, { redirectTo: '/' }));
        routes(server, { passport, polar, emulator, url } as never);
      },
    });
    apps.unshift(app);
    const { browser } = await loggedIn(app);
    await browser.get(await app.emulator.authorize(await browser.startLogin('/auth/second'))).expect(200);
    expect(Object.keys((await browser.get('/session')).body)).toEqual(
      expect.arrayContaining(['polar', 'second']),
    );
    await browser.post('/disconnect/second').expect(302);
    expect(Object.keys((await browser.get('/session')).body)).not.toContain('second');
    expect((await browser.get('/logged-in')).body).toBe(true);
  });

  it.each(['refuses to revoke', 'does not respond'])('ends the login if Polar %s', async (how) => {
    const [app] = await startProcesses(1, { strategy: { timeoutMs: 2000 } });
    const { browser } = await loggedIn(app);
    app.emulator.fail('revoke', how === 'does not respond' ? 'hang' : { status: 500 }, 3);
    await browser.post('/disconnect').expect(302);
    expect((await browser.get('/logged-in')).body).toBe(false);
  });

  it('records the end of the login even if the session cannot be saved', async () => {
    const [app, other] = await startProcesses(2);
    const { browser } = await loggedIn(app);
    const set = app.store.set.bind(app.store);
    app.store.set = (_sid, _session, done) => done?.(new Error('the disk is full'));
    expect((await browser.post('/disconnect')).status).toBe(500);
    app.store.set = set;
    await until(() => app.emulator.liveTokens().length === 0, 5000);
    expect(app.emulator.liveTokens()).toEqual([]);
    expect((await sameBrowserAt(other as Process, browser).get('/logged-in')).body).toBe(false);
  });

  it('requires the strategy and a valid redirectTo', () => {
    expect(() => disconnect(undefined as never)).toThrow(/disconnect needs the strategy/);
    expect(() => disconnect(apps as never)).toThrow(TypeError);
    const polar = new PolarStrategy({ clientID: 'polar_ci_a', callbackURL: '/auth/polar/callback' });
    expect(() => disconnect(polar, { redirectTo: 7 as never })).toThrow(/disconnect: redirectTo/);
  });
});

describe('an opened session entry', () => {
  const reads = async (app: Process, browser: Browser) => {
    const { polar: text } = (await browser.get('/session')).body as { polar: string };
    const runtime = runtimeOf(app.polar);
    return { read: () => runtime?.readEntry(text), loginId: fieldsOf(text)['loginId'] ?? '' };
  };

  it('is cached while the login is in use', async () => {
    const [app] = await startProcesses(1);
    const { browser } = await loggedIn(app);
    const { read } = await reads(app, browser);
    const opened = await read()?.open();
    expect(opened?.entry.tokens.accessToken).toBe(app.emulator.liveTokens()[0]?.accessToken);
    await browser.token();
    expect(await read()?.open()).toBe(opened);
  });

  const ends: [string, (app: Process, browser: Browser, loginId: string) => Promise<unknown>][] = [
    ['a logout', async (_app, browser) => browser.post('/logout').expect(302)],
    ['disconnect', async (_app, browser) => browser.post('/disconnect').expect(302)],
    ['endLogin', async (app, _browser, loginId) => app.polar.endLogin(loginId)],
    ['a login of another user', async (_app, browser) => browser.post('/log-in/another').expect(200)],
    [
      'a refresh that Polar refuses',
      async (app, browser) => {
        app.emulator.revokeAll();
        app.emulator.advanceTime(tenDays);
        await browser.get('/token').expect(401);
      },
    ],
  ];
  it.each(ends)('is evicted after %s, also if its session returns', async (_how, end) => {
    const [app] = await startProcesses(1);
    const { browser } = await loggedIn(app);
    await browser.token();
    const { read, loginId } = await reads(app, browser);
    const before = read();
    expect(read()).toBe(before);
    await end(app, browser, loginId);
    await until(() => app.told.length > 0, 5000);
    const after = read();
    expect(after).not.toBe(before);
    expect(read()).not.toBe(after);
  });

  it('is evicted once the process learns that another one ended the login', async () => {
    const [app, other] = (await startProcesses(2)) as [Process, Process];
    const { browser } = await loggedIn(app);
    const elsewhere = sameBrowserAt(other, browser);
    await elsewhere.token();
    const { read, loginId } = await reads(other, elsewhere);
    const before = read();
    await app.polar.endLogin(loginId);
    other.emulator.advanceTime(tenDays);
    await elsewhere.get('/token').expect(401);
    expect(read()).not.toBe(before);
    expect(read()).not.toBe(read());
  });
});

describe('polar.endLogin', () => {
  const jobOf = (app: Process, changes: Partial<PolarStrategyOptions> = {}): PolarStrategy =>
    new PolarStrategy({
      clientID: app.client.clientID,
      clientSecret: app.client.clientSecret,
      callbackURL: '/auth/polar/callback',
      server: app.emulator.server,
      now: app.emulator.now,
      encryptionKeys,
      ...changes,
    });

  it('ends a login in this process at once, and in others within a minute of use', async () => {
    const [app, other] = (await startProcesses(2)) as [Process, Process];
    const { browser, loginId } = await loggedIn(app);
    const there = sameBrowserAt(other, browser);
    expect((await there.get('/logged-in')).body).toBe(true);
    await app.polar.endLogin(loginId);
    expect((await browser.get('/logged-in')).body).toBe(false);
    expect((await browser.get('/token')).body.code).toBe('logged_out');
    expect((await browser.get('/me')).body.user).not.toBeNull();
    app.emulator.advanceTime(aMinute);
    // The request that finds the check due does not wait for it.
    await there.get('/logged-in');
    await told(other);
    expect((await there.get('/logged-in')).body).toBe(false);
    expect(app.told).toEqual([{ loginId, reason: 'ended_by_app' }]);
    expect(other.told).toEqual(app.told);
    expect(app.emulator.liveTokens()).toEqual([]);
  });

  it('works from a job that has never seen the login, also after refreshes, and revokes the newest tokens', async () => {
    const storage = inMemoryStorage();
    const [app] = await startProcesses(1, { strategy: { storage } });
    const { browser, loginId } = await loggedIn(app);
    app.emulator.advanceTime(tenDays);
    await browser.token();
    await jobOf(app, { storage }).endLogin(loginId);
    expect(app.emulator.liveTokens()).toEqual([]);
    app.emulator.advanceTime(aMinute);
    await browser.get('/logged-in');
    await told(app);
    expect((await browser.get('/logged-in')).body).toBe(false);
  });

  it('changes nothing for a login that has already ended, and keeps the first reason', async () => {
    const storage = inMemoryStorage();
    const [app] = await startProcesses(1, { strategy: { storage } });
    const { browser, loginId } = await loggedIn(app);
    await browser.post('/logout');
    const reasons: string[] = [];
    const job = jobOf(app, { storage, onLoginEnded: ({ reason }) => reasons.push(reason) });
    for (let times = 0; times < 2; times++) await job.endLogin(loginId);
    await app.polar.endLogin(loginId);
    expect(app.told).toEqual([{ loginId, reason: 'logged_out' }]);
    expect(await codeOf(job.tokensFor(loginId).getAccessToken())).toBe('logged_out');
  });

  it.each<[string, (app: Process, loginId: string) => Promise<unknown>]>([
    ['endLogin', (app, loginId) => app.polar.endLogin(loginId)],
    ['use in a job', (app, loginId) => codeOf(app.polar.tokensFor(loginId).getAccessToken())],
  ])(
    'takes effect in another process with the next %s there, and onLoginEnded is told',
    async (_how, use) => {
      const [app, other] = (await startProcesses(2)) as [Process, Process];
      const { browser, loginId } = await loggedIn(app);
      const there = sameBrowserAt(other, browser);
      expect((await there.get('/logged-in')).body).toBe(true);
      await app.polar.endLogin(loginId);
      await use(other, loginId);
      expect((await there.get('/logged-in')).body).toBe(false);
      await told(other);
      expect(other.told).toEqual([{ loginId, reason: 'ended_by_app' }]);
    },
  );

  it.each(['', 'nobody', '0'.repeat(31), undefined as never, 7 as never])(
    'rejects %j, which names no login, with a code',
    async (loginId) => {
      const [app] = await startProcesses(1);
      expect(await codeOf(app.polar.endLogin(loginId))).toBe('not_logged_in');
    },
  );

  it('ends a login whose record is not stored yet', async () => {
    const rows = inMemoryStorage();
    let isDown = true;
    const storage = {
      ...rows,
      write: async (...given: Parameters<typeof rows.write>) =>
        isDown && given[0].group.length === 32 && given[1].value.length > 500
          ? Promise.reject(new Error('down'))
          : rows.write(...given),
    };
    const [app] = await startProcesses(1, { strategy: { storage } });
    isDown = false;
    const { browser, loginId } = await loggedIn(app);
    await app.polar.settled({ withinMs: 5000 });
    const reasons: string[] = [];
    const lost = jobOf(app, {
      storage: inMemoryStorage(),
      onLoginEnded: ({ reason }) => reasons.push(reason),
    });
    for (let times = 0; times < 2; times++) await lost.endLogin(loginId);
    expect((await browser.get('/logged-in')).body).toBe(true);
    expect(await codeOf(lost.tokensFor(loginId).getAccessToken())).toBe('logged_out');
    await until(() => reasons.length > 0, 5000);
    expect(reasons).toEqual(['ended_by_app']);
  });

  it('ends no login of another client or server', async () => {
    const storage = inMemoryStorage();
    const [app] = await startProcesses(1, { strategy: { storage } });
    const { browser, loginId } = await loggedIn(app);
    const { clientID, clientSecret } = app.emulator.registerClient({
      redirectURIs: ['http://localhost/callback'],
    });
    for (const other of [
      jobOf(app, { storage, clientID, clientSecret }),
      jobOf(app, { storage, server: 'sandbox' }),
    ])
      expect(await codeOf(other.endLogin(loginId))).toBe('not_logged_in');
    app.emulator.advanceTime(aMinute);
    for (let times = 0; times < 2; times++) expect((await browser.get('/logged-in')).body).toBe(true);
  });

  it.each([{ storage: undefined }, { encryptionKeys: undefined }])(
    'says that it needs storage and encryptionKeys: %j',
    async (without) => {
      const [app] = await startProcesses(1);
      const job = jobOf(app, { storage: inMemoryStorage(), ...without });
      const error = await job.endLogin('0'.repeat(32)).catch((reason) => reason);
      expect([error.code, error.message]).toEqual([
        'invalid_option',
        expect.stringMatching(/^endLogin needs the options/),
      ]);
    },
  );

  it('asks to be retried while the storage cannot be read', async () => {
    const [app] = await startProcesses(1);
    const down = { ...inMemoryStorage(), read: () => Promise.reject(new Error('down')) };
    const error = await jobOf(app, { storage: down })
      .endLogin('0'.repeat(32))
      .catch((reason) => reason);
    expect(error).toMatchObject({ code: 'server_error', status: 503, cause: expect.any(Error) });
  });
});

describe('onLoginEnded', () => {
  it('is called for a logout, with the id that the app knows', async () => {
    const [app] = await startProcesses(1);
    const { browser, loginId } = await loggedIn(app);
    await browser.post('/logout');
    await told(app);
    expect(app.told).toEqual([{ loginId, reason: 'logged_out' }]);
  });

  it('is called when a login replaces another, and when another user logs in', async () => {
    const [app] = await startProcesses(1);
    const { browser, loginId } = await loggedIn(app);
    await browser.logIn();
    await told(app);
    expect(app.told).toEqual([{ loginId, reason: 'replaced' }]);
    const second = (await browser.get('/login-id')).body;
    await browser.post('/log-in/somebody-else').expect(200);
    await told(app, 2);
    expect(app.told[1]).toEqual({ loginId: second, reason: 'replaced' });
  });

  it('is called for a login whose browser left before the app responded', async () => {
    let isLoggedIn = false;
    const [app] = await startProcesses(1, {
      routes: (server, { passport }) => {
        server.get('/auth/polar/callback', passport.authenticate('polar'), () => {
          isLoggedIn = true;
        });
      },
    });
    const browser = app.browser();
    const path = await browser.visitPolar(await browser.startLogin());
    const gone = browser.get(path).timeout(60_000);
    gone.then(
      () => {},
      () => {},
    );
    await until(() => isLoggedIn, 5000);
    gone.abort();
    await told(app);
    expect(app.told).toEqual([{ loginId: expect.any(String), reason: 'abandoned' }]);
  });

  it('of each strategy is called for its own logins, also for one whose tokens the app kept', async () => {
    const told: string[] = [];
    let second: PolarStrategy | undefined;
    const app = await startTestApp({
      strategy: { onLoginEnded: ({ reason }) => told.push(`first: ${reason}`) },
      routes: (server, { passport, polar, emulator, url }) => {
        const client = emulator.registerClient({ redirectURIs: [`${url}/auth/second/callback`] });
        second = new PolarStrategy(
          {
            clientID: client.clientID,
            clientSecret: client.clientSecret,
            name: 'second',
            callbackURL: '/auth/second/callback',
            server: emulator.server,
            onLoginEnded: ({ reason }) => told.push(`second: ${reason}`),
          },
          async ({ profile }) => profile,
        );
        passport.use(second);
        const logInWithoutSession = passport.authenticate('second', { session: false });
        server.get('/auth/second', logInWithoutSession);
        server.get('/auth/second/callback', logInWithoutSession, (_req, res) => void res.json({}));
        server.post('/logout', logout(polar, { redirectTo: '/bye' }));
      },
    });
    apps.unshift(app);
    const browser = await app.loggedInBrowser();
    await browser.get(await app.emulator.authorize(await browser.startLogin('/auth/second'))).expect(200);
    await browser.post('/logout').expect(302);
    await until(() => told.length === 2, 5000);
    expect(told.sort()).toEqual(['first: logged_out', 'second: logged_out']);
  });

  it('is called for a login that the verify callback accepted and whose session could not be saved', async () => {
    const named: string[] = [];
    const [app] = await startProcesses(1, {
      verify: ({ loginId, profile }: { loginId: string; profile: object }) => {
        named.push(loginId);
        return profile;
      },
    });
    const set = app.store.set.bind(app.store);
    app.store.set = (sid, data, done) =>
      'passport' in data ? done?.(new Error('the disk is full')) : set(sid, data, done);
    expect((await app.browser().logIn()).status).toBe(500);
    await told(app);
    expect(app.told).toEqual([{ loginId: named[0], reason: 'abandoned' }]);
  });

  it('is called once when Polar refuses a login, however often it is tried', async () => {
    const [app, other] = (await startProcesses(2)) as [Process, Process];
    const { browser, loginId } = await loggedIn(app);
    app.emulator.revokeAll();
    app.emulator.advanceTime(tenDays);
    for (let times = 0; times < 3; times++)
      expect((await browser.get('/token')).body.code).toBe('login_expired');
    await told(app);
    await browser.logIn();
    await app.polar.settled({ withinMs: 5000 });
    expect(app.told).toEqual([{ loginId, reason: 'refused_by_polar' }]);
    expect(other.told).toEqual([]);
  });

  it.each<[string, () => unknown]>([
    [
      'throws',
      () => {
        throw new Error('mine');
      },
    ],
    ['rejects', async () => Promise.reject(new Error('mine'))],
  ])('that %s has its error published and changes nothing', async (_how, onLoginEnded) => {
    const events: { event: string; error?: unknown }[] = [];
    const listen = (message: unknown): void => void events.push(message as never);
    subscribe('passport-polar-sh:logout', listen);
    try {
      const [app] = await startProcesses(1, { strategy: { onLoginEnded } });
      const { browser, loginId } = await loggedIn(app);
      await browser.post('/logout').expect(302);
      await app.polar.settled({ withinMs: 5000 });
      expect(events).toContainEqual({ event: 'ended', loginId, reason: 'logged_out' });
      expect(events).toContainEqual({ event: 'on-login-ended-failed', loginId, error: new Error('mine') });
      await browser.logIn();
      expect((await browser.get('/logged-in')).body).toBe(true);
    } finally {
      unsubscribe('passport-polar-sh:logout', listen);
    }
  });

  it('that hangs delays no request, and a shutdown only as long as allowed', async () => {
    let release = (): void => {};
    const onLoginEnded = (): Promise<void> =>
      new Promise((resolve) => {
        release = resolve;
      });
    const [app] = await startProcesses(1, { strategy: { onLoginEnded } });
    const { browser } = await loggedIn(app);
    // Late enough that no second revocation follows.
    app.emulator.advanceTime(aMinute);
    await browser.post('/logout').expect(302);
    expect((await app.polar.settled({ withinMs: 300 })).writes).toBe(1);
    release();
    expect((await app.polar.settled({ withinMs: 5000 })).writes).toBe(0);
  });

  it('must be a function', () => {
    const options = { clientID: 'polar_ci_a', callbackURL: '/callback', onLoginEnded: 'log' as never };
    expect(() => new PolarStrategy(options)).toThrow(/onLoginEnded/);
  });
});
