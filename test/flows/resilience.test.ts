/** What a storage, a lock, a proxy or an app can do without ending a login. */
import { afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import express from 'express';
import session from 'express-session';
import {
  type PolarStorage,
  polarTokens,
  requireLogin,
  type StorageKey,
  type StoredRow,
} from 'passport-polar-sh';
import request from 'supertest';
import { createEmulatorKey } from '../support/emulator-key.js';
import { refreshesAt } from '../support/emulator-requests.js';
import { inMemoryStorage } from '../support/in-memory-storage.js';
import { refreshRoute } from '../support/refresh-route.js';
import { startTestApp, type TestApp, type TestAppOptions } from '../support/test-app.js';
import { until } from '../support/until.js';

let app: TestApp;
afterEach(() => app.close());

beforeAll(createEmulatorKey);

const loginLife = 864_000;
const refreshes = () => refreshesAt(app.emulator);

async function loggedIn(options: TestAppOptions = {}) {
  app = await startTestApp(options);
  return app.loggedInBrowser();
}

/** A storage in memory whose methods a test can break. */
function testStorage(overrides: Partial<PolarStorage> = {}) {
  const inMemory = inMemoryStorage();
  const rows = new Map<string, StoredRow>();
  const storage: PolarStorage = {
    ...inMemory,
    async write(key, row, options) {
      const isWritten = await inMemory.write(key, row, options);
      if (isWritten) rows.set(key.id, row);
      return isWritten;
    },
    ...overrides,
  };
  return { rows, storage };
}
const never = new Promise<never>(() => {});
const records = (rows: ReadonlyMap<string, StoredRow>): StoredRow[] =>
  [...rows.values()].filter(({ value }) => /^[\w-]+(\.[\w-]*){4}$/.test(value));

describe('a storage', () => {
  it('that does not respond costs a moment, not the login', async () => {
    let hangs = false;
    const { rows, storage } = testStorage({ read: async ({ id }) => (hangs ? never : rows.get(id)) });
    const browser = await loggedIn({ strategy: { storage, timeoutMs: 1500 } });
    app.emulator.advanceTime(loginLife);
    hangs = true;
    // All reads together may not take longer than the time-out.
    const answer = await browser.get('/token');
    expect([200, 503]).toContain(answer.status);
    if (answer.status === 503) await browser.get('/token').expect(200);
    expect(await browser.token()).toBe(app.emulator.liveTokens()[0]?.accessToken);
    hangs = false;
    app.emulator.advanceTime(3600);
    expect(await browser.token()).toBe(app.emulator.liveTokens()[0]?.accessToken);
    expect(refreshes().map(({ status }) => status)).toEqual([200, 200]);
  });

  it('that fails during a login does not hide why Polar refused the code', async () => {
    let isDown = false;
    const { rows, storage } = testStorage({
      atomic: false,
      read: async ({ id }) => {
        if (isDown) throw new Error('down');
        return rows.get(id);
      },
    });
    app = await startTestApp({
      strategy: {
        storage,
        fetch: async (input, init) => {
          isDown = input.endsWith('/oauth2/token');
          return fetch(input, init);
        },
      },
    });
    app.emulator.fail('token', { status: 401, body: { error: 'invalid_client' } });
    expect((await app.browser().logIn()).body.code).toBe('invalid_client');
  });

  it('may respond like a database: with null, and with big integers as text', async () => {
    const { rows, storage } = testStorage({
      read: async ({ id }) => {
        const row = rows.get(id);
        return (row === undefined ? null : { ...row, version: String(row.version) }) as never;
      },
    });
    const browser = await loggedIn({ strategy: { storage } });
    for (let hour = 0; hour < 3; hour++) {
      app.emulator.advanceTime(hour === 0 ? loginLife : 3600);
      expect(await browser.token()).toBe(app.emulator.liveTokens()[0]?.accessToken);
    }
    expect(records(rows)).toHaveLength(1);
    app.emulator.revokeAll();
    app.emulator.advanceTime(3600);
    expect((await browser.get('/token')).body.code).toBe('login_expired');
  });

  it('that was down receives the record once it is back', async () => {
    let isDown = false;
    const { rows, storage } = testStorage();
    const write: PolarStorage['write'] = async (...args) =>
      isDown ? Promise.reject(new Error('down')) : storage.write(...args);
    const browser = await loggedIn({ strategy: { storage: { ...storage, write } } });
    app.emulator.advanceTime(loginLife);
    isDown = true;
    await browser.token();
    expect(records(rows)).toHaveLength(0);
    isDown = false;
    await until(() => records(rows).length === 1);
  });

  it('that cannot be read leaves open whether a refused login has ended', async () => {
    let isDown = false;
    const { rows, storage } = testStorage({
      read: async ({ id }) => (isDown ? Promise.reject(new Error('down')) : rows.get(id)),
    });
    const browser = await loggedIn({ strategy: { storage } });
    app.emulator.revokeAll();
    app.emulator.advanceTime(loginLife);
    isDown = true;
    expect((await browser.get('/token')).body.code).toBe('server_error');
    isDown = false;
    // Polar is not asked again at once, as it has just refused.
    expect((await browser.get('/token')).body.code).toBe('server_error');
    expect(app.errors.at(-1)).toMatchObject({ status: 503, retryAfterSeconds: 10 });
    expect(refreshes()).toHaveLength(1);
    app.emulator.advanceTime(10);
    expect((await browser.get('/token')).body.code).toBe('login_expired');
  });

  it('may respond synchronously, without promises', async () => {
    const { rows, storage } = testStorage();
    const plain = {
      shared: false,
      read: ({ id }: StorageKey) => rows.get(id),
      write: ({ id }: StorageKey, row: StoredRow) => {
        rows.set(id, row);
        return true;
      },
      remove: ({ id }: StorageKey) => void rows.delete(id),
    } as unknown as PolarStorage;
    expect(storage.read).toBeInstanceOf(Function);
    const browser = await loggedIn({ strategy: { storage: plain } });
    app.emulator.advanceTime(loginLife);
    expect(await browser.token()).toBe(app.emulator.liveTokens()[0]?.accessToken);
    expect(records(rows)).toHaveLength(1);
  });
});

describe('the lock of a refresh', () => {
  type Wrong = (storage: PolarStorage) => Partial<PolarStorage>;
  // A storage does not know what a row means: the lock's are the small ones.
  const isLock = (row: StoredRow): boolean => row.value.length < 200 && row.value.includes('owner');
  it.each<[string, Wrong]>([
    [
      'whose row the storage never takes',
      ({ write }) => ({ write: (key, row, options) => (isLock(row) ? never : write(key, row, options)) }),
    ],
    [
      'whose row the storage refuses',
      ({ write }) => ({
        write: async (key, row, options) => {
          if (isLock(row)) throw new Error('down');
          return write(key, row, options);
        },
      }),
    ],
    [
      'for which the storage throws',
      ({ write }) => ({
        write: (key, row, options) => {
          if (isLock(row)) throw new Error('down');
          return write(key, row, options);
        },
      }),
    ],
    [
      'whose release hangs',
      ({ remove }) => ({ remove: (key, row) => (isLock(row) ? never : remove(key, row)) }),
    ],
    [
      'whose release throws',
      ({ remove }) => ({
        remove: (key, row) => {
          if (isLock(row)) throw new Error('down');
          return remove(key, row);
        },
      }),
    ],
  ])('%s delays nobody', async (_what, wrong) => {
    const { storage } = testStorage({ shared: true });
    const broken = { ...storage, ...wrong(storage) };
    const browser = await loggedIn({ strategy: { storage: broken } });
    app.emulator.advanceTime(loginLife);
    expect(await browser.token()).toBe(app.emulator.liveTokens()[0]?.accessToken);
    expect(refreshes()).toHaveLength(1);
  });
});

it('a browser can start a login again after the session store failed to respond once', async () => {
  app = await startTestApp({ strategy: { timeoutMs: 300 } });
  const browser = app.browser();
  await browser.startLogin();
  const set = app.store.set.bind(app.store);
  let calls = 0;
  app.store.set = ((sid: string, data: never, callback: () => void) =>
    ++calls === 1 ? undefined : set(sid, data, callback)) as never;
  const answer = await browser.get('/auth/polar');
  expect([answer.status, answer.body.code]).toEqual([503, 'timeout']);
  expect(answer.body.message).toMatch(/storage for login attempts did not respond.*session store/);
  expect((await browser.get('/auth/polar')).status).toBe(302);
});

it('many login starts of one browser get a response in time while the session store hangs', async () => {
  let hangs = false;
  app = await startTestApp({
    strategy: { timeoutMs: 500 },
    routes: (server, { store }) => {
      const hanging = Object.assign(Object.create(store), { set: () => {} });
      server.use((req, _res, next) => {
        if (hangs) req.sessionStore = hanging;
        next();
      });
    },
  });
  const browser = app.browser();
  await browser.startLogin();
  hangs = true;
  const startedAt = performance.now();
  const answers = await Promise.all(Array.from({ length: 20 }, () => browser.get('/auth/polar')));
  expect(answers.map(({ status, body }) => [status, body.code])).toEqual(Array(20).fill([503, 'timeout']));
  // One time-out for all, instead of one after the other, which takes 10 s.
  expect(performance.now() - startedAt).toBeLessThan(9000);
  hangs = false;
  expect((await browser.get('/auth/polar')).status).toBe(302);
});

describe('tokens that Polar has not committed yet', () => {
  it('do not count as refused for good', async () => {
    const browser = await loggedIn({
      emulator: { realistic: { commitLagMs: 400 } },
      routes: refreshRoute,
    });
    expect((await browser.post('/refresh')).status).toBe(200);
    expect((await browser.post('/refresh')).status).toBe(200);
    expect(app.emulator.liveTokens()).toHaveLength(1);
  });
});

describe('a refresh under way', () => {
  it('is joined by requests whose token it is about to replace', async () => {
    const browser = await loggedIn({
      routes: refreshRoute,
    });
    app.emulator.fail('token', { delayMs: 200 });
    const forced = browser.post('/refresh').then(({ body }) => body.accessToken);
    await until(() => refreshes().length === 1);
    expect(await browser.token()).toBe(await forced);
  });

  it('leaves other requests the token that still works if it fails', async () => {
    const browser = await loggedIn({
      routes: refreshRoute,
    });
    const first = await browser.token();
    app.emulator.fail('token', { status: 503 });
    const forced = browser.post('/refresh').then(({ status }) => status);
    expect([await browser.token(), await forced]).toEqual([first, 503]);
  });
});

it('a person whose login has expired and cannot be refreshed is sent to log in', async () => {
  const browser = await loggedIn({
    routes: (server) =>
      server.get('/page', requireLogin({ loginPath: '/auth/polar' }), (_req, res) => void res.json({})),
    strategy: {
      fetch: async (url, init) => {
        const answer = await fetch(url, init);
        if (!url.endsWith('/token')) return answer;
        const { refresh_token: _none, ...body } = (await answer.json()) as Record<string, unknown>;
        return Response.json(body);
      },
    },
  });
  expect((await browser.get('/page')).status).toBe(200);
  app.emulator.advanceTime(loginLife);
  expect((await browser.get('/page').set('accept', 'text/html')).status).toBe(303);
  expect((await browser.get('/token')).body.code).toBe('login_expired');
});

describe('an app', () => {
  it('may call req.logIn twice without losing its tokens', async () => {
    app = await startTestApp({
      routes: (server, { passport: authenticator }) =>
        server.get('/auth/polar/callback', (req, res, next) =>
          authenticator.authenticate('polar', (_error: unknown, user: Express.User) =>
            req.logIn(user, () => req.logIn({ ...user, role: 'admin' } as Express.User, () => res.json({}))),
          )(req, res, next),
        ),
    });
    const browser = await app.loggedInBrowser();
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(await browser.token()).toBe(app.emulator.liveTokens()[0]?.accessToken);
  });

  it('that forgets passport.session() gets an error that says so', async () => {
    const browser = await loggedIn();
    const bare = express();
    bare.use(
      session({ secret: 'only for tests', resave: false, saveUninitialized: false, store: app.store }),
      polarTokens(app.polar),
    );
    bare.get('/token', async (req, res) => void res.json(await req.polar.getAccessToken()));
    bare.use(
      ((error, _req, res, _next) => void res.status(500).json(error.message)) as express.ErrorRequestHandler,
    );
    expect((await request(bare).get('/token').set('cookie', browser.cookieHeader)).body).toMatch(
      /passport\.session\(\) did not run/,
    );
  });

  it('gets its own TypeErrors unchanged', async () => {
    app = await startTestApp({ verify: () => (undefined as never as { name: string }).name });
    const { body } = await app.browser().logIn();
    expect(body.isPolarError).toBe(false);
  });

  it('may have its own property named polar', async () => {
    app = await startTestApp();
    const plain = express();
    plain.use((req, _res, next) => {
      (req as { polar: unknown }).polar = 'bear';
      next();
    });
    plain.get('/', (req, res) => void res.json(req.polar));
    expect((await request(plain).get('/')).body).toBe('bear');
  });

  it('is told to trust its proxy if callbackURL comes out as plain http', async () => {
    app = await startTestApp({ strategy: { proxy: true } });
    const { body } = await app.browser().get('/auth/polar').set('x-forwarded-host', 'shop.example');
    expect(body.code).toBe('invalid_option');
    expect(body.message).toMatch(/trust proxy/);
  });

  it('ignores forwarded headers of a peer that it does not trust', async () => {
    app = await startTestApp({ routes: (server) => server.set('trust proxy', '10.9.9.9') });
    const { headers } = await app
      .browser()
      .get('/auth/polar')
      .set({ 'x-forwarded-proto': 'https', 'x-forwarded-host': 'evil.example' });
    expect(headers['location']).not.toContain('evil.example');
  });

  it('starts no login on its callback path, with or without a slash', async () => {
    app = await startTestApp();
    expect((await app.browser().get('/auth/polar/callback/')).headers['location']).toBe('/failed');
  });
});

describe('linking an account', () => {
  const linking = (options: { session?: boolean }): TestAppOptions => ({
    routes: (server, { passport: authenticator }) => {
      server.get('/auth/polar', authenticator.authorize('polar') as express.RequestHandler);
      server.get(
        '/auth/polar/callback',
        authenticator.authorize('polar', {
          failureRedirect: '/failed',
          ...options,
        } as never) as express.RequestHandler,
        (req, res) => void res.json((req as never)['account']),
      );
      server.post('/login-as/:name', (req, res, next) =>
        req.logIn({ id: req.params['name'] } as Express.User, { keepSessionInfo: true } as never, (error) =>
          error ? next(error) : res.json({}),
        ),
      );
    },
  });

  it('can be finished only by the person who started it', async () => {
    app = await startTestApp(linking({}));
    const browser = app.browser();
    await browser.post('/login-as/alice');
    const path = await browser.visitPolar(await browser.startLogin());
    await browser.post('/login-as/mallory');
    expect((await browser.get(path)).headers['location']).toBe('/failed');
    expect((await browser.get('/token')).status).toBe(401);
  });

  it('stores nothing with session: false', async () => {
    app = await startTestApp(linking({ session: false }));
    const browser = app.browser();
    await browser.post('/login-as/alice');
    expect((await browser.logIn()).body.provider).toBe('polar');
    expect((await browser.get('/session')).body).not.toHaveProperty('polar');
  });
});
