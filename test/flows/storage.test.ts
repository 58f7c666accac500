/** What session stores do to the logins in them, through a real app: ids, sizes, lifetimes, losses and slowness. */
import { afterEach, describe, expect, it } from '@jest/globals';
import session, { type SessionData } from 'express-session';
import { logout, type PolarStorage, polarTokens } from 'passport-polar-sh';
import type { Browser } from '../support/browser.js';
import { refreshesAt } from '../support/emulator-requests.js';
import { fieldsOf } from '../support/entry-fields.js';
import { inMemoryStorage } from '../support/in-memory-storage.js';
import { siblingStrategy } from '../support/sibling.js';
import { isRowId, rowIdOf } from '../support/stored-rows.js';
import { startTestApp, type TestApp, type TestAppOptions } from '../support/test-app.js';
import { until } from '../support/until.js';

let app: TestApp;
afterEach(() => app.close());

const loginLife = 864_000;
const minute = 60;
const refreshes = () => refreshesAt(app.emulator);
const liveToken = () => app.emulator.liveTokens()[0]?.accessToken;
const loginIdOf = async (browser: Browser): Promise<string> =>
  fieldsOf((await browser.get('/session')).body.polar)['loginId'] ?? '';

const routes: NonNullable<TestAppOptions['routes']> = (server, parts) => {
  server.post('/logout', logout(parts.polar, { redirectTo: '/' }));
  const other = siblingStrategy(parts, strategyOptions);
  server.get('/elsewhere/token', polarTokens(other), async (req, res) => {
    res.json({ accessToken: await req.polar.getAccessToken() });
  });
};
let strategyOptions: { storage?: PolarStorage } = {};

async function start(options: TestAppOptions = {}): Promise<TestApp> {
  strategyOptions = { ...(options.strategy?.storage !== undefined && { storage: options.strategy.storage }) };
  app = await startTestApp({ routes, ...options });
  return app;
}

async function loggedIn(options: TestAppOptions = {}): Promise<Browser> {
  await start(options);
  return app.loggedInBrowser();
}

/** A session store of several processes, which a test can break. */
class SharedStore extends session.MemoryStore {
  readonly written: string[] = [];
  /** The rows that were renewed and not written. */
  readonly touched: string[] = [];

  override set(sid: string, data: SessionData, callback?: (error?: unknown) => void): void {
    this.written.push(sid);
    super.set(sid, data, callback);
  }

  override touch(sid: string, data: SessionData, callback?: () => void): void {
    this.touched.push(sid);
    super.touch(sid, data, callback);
  }

  /** Removes a row, like an eviction. */
  lose(sid: string): Promise<void> {
    return new Promise((resolve) => super.destroy(sid, () => resolve()));
  }

  has(sid: string): Promise<boolean> {
    return new Promise((resolve) => super.get(sid, (_error, found) => resolve(Boolean(found))));
  }
}

describe('a session store that accepts only', () => {
  /** Refuses ids as a column would. */
  class ColumnStore extends SharedStore {
    readonly #fits: (sid: string) => boolean;

    constructor(fits: (sid: string) => boolean) {
      super();
      this.#fits = fits;
    }

    override get(
      sid: string,
      callback: (error: unknown, session?: SessionData | null | undefined) => void,
    ): void {
      if (this.#fits(sid)) super.get(sid, callback);
      else callback(new Error('invalid input syntax'));
    }

    override set(sid: string, data: SessionData, callback?: (error?: unknown) => void): void {
      if (this.#fits(sid)) super.set(sid, data, callback);
      else callback?.(new Error('value too long for type character varying'));
    }
  }
  const uuid = /^[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}$/;

  it.each<[string, (sid: string) => boolean]>([
    ['varchar(36)', (sid) => sid.length <= 36],
    ['UUID', (sid) => uuid.test(sid)],
    ['lowercase text', (sid) => sid === sid.toLowerCase()],
  ])('%s as ids works: login, refresh, and a logout that is recorded', async (_type, fits) => {
    const store = new ColumnStore(fits);
    const browser = await loggedIn({
      // The app chose ids that fit.
      session: { store, genid: () => crypto.randomUUID() },
    });
    app.emulator.advanceTime(loginLife);
    expect(await browser.token()).toBe(liveToken());
    expect((await browser.get('/elsewhere/token')).body.accessToken).toBe(liveToken());
    expect(refreshes()).toHaveLength(1);
    const loginId = await loginIdOf(browser);
    expect((await browser.post('/logout')).status).toBe(302);
    expect(await store.has(rowIdOf(loginId, 'tombstone'))).toBe(true);
    expect(app.emulator.liveTokens()).toEqual([]);
  });

  it('other ids than ours is reported at the first login start, without endless retries', async () => {
    const store = new ColumnStore((sid) => !isRowId(sid));
    // Such a store can be read; it only refuses writes.
    store.get = session.MemoryStore.prototype.get.bind(store) as never;
    await start({ session: { store } });
    const set = store.set.bind(store);
    let attempts = 0;
    store.set = (sid, data, callback) => {
      if (isRowId(sid)) attempts++;
      set(sid, data, callback);
    };
    const answer = await app.browser().get('/auth/polar');
    expect([answer.status, answer.body.code]).toEqual([500, 'unsupported_storage']);
    expect(answer.body.message).toMatch(
      /rejected a test row.*32 hexadecimal characters.*redisStorage\(client\), postgresStorage\(pool\)/,
    );
    expect(app.errors[0]).toMatchObject({ cause: { message: expect.stringContaining('varying') } });
    const before = attempts;
    await new Promise((resolve) => setTimeout(resolve, 1000));
    expect(attempts).toBe(before);
    // The next start tries again: the store may have been repaired.
    store.set = session.MemoryStore.prototype.set.bind(store) as never;
    expect((await app.browser().get('/auth/polar')).status).toBe(302);
  });

  it('values that are shorter than ours is reported too', async () => {
    class ShortStore extends SharedStore {
      override set(sid: string, data: SessionData, callback?: (error?: unknown) => void): void {
        // Like a column that truncates long values.
        const text = JSON.stringify(data);
        super.set(sid, text.length > 2000 ? ({ cookie: data.cookie } as SessionData) : data, callback);
      }
    }
    await start({ session: { store: new ShortStore() }, strategy: { timeoutMs: 500 } });
    const { status, body } = await app.browser().get('/auth/polar');
    expect([status, body.code]).toEqual([500, 'unsupported_storage']);
    expect(body.message).toMatch(/lost a test row.*values of 4 KB/);
  });

  it('short values is reported at the logout of an earlier login, whose tokens are revoked anyway', async () => {
    const store = new SharedStore();
    const browser = await loggedIn({ session: { store } });
    const restarted = siblingStrategy(app, {
      storage: { ...inMemoryStorage(), write: async () => Promise.reject(new Error('value too long')) },
    });
    await browser.get('/token').expect(200);
    const req = { ...(await requestOf(store)), logout: undefined };
    const ended = await new Promise((resolve) =>
      logout(restarted)(req as never, { setHeader() {} } as never, resolve),
    );
    expect(ended).toMatchObject({ code: 'unsupported_storage' });
    expect(app.emulator.liveTokens()).toEqual([]);
  });

  /** A request with the only session of a store. */
  async function requestOf(store: SharedStore) {
    const all = await new Promise<Record<string, SessionData>>((resolve) =>
      store.all((_error, found) => resolve(found as Record<string, SessionData>)),
    );
    const [sid = '', data] = Object.entries(all).find(([id]) => !isRowId(id)) ?? [];
    const found = {
      ...data,
      cookie: { originalMaxAge: null },
      regenerate() {},
      save() {},
      destroy: (done: () => void) => done(),
    };
    return { session: found, sessionID: sid, sessionStore: store, user: undefined };
  }
});

describe('a store', () => {
  it('with slow writes and fast reads keeps nobody from refreshing', async () => {
    class SlowStore extends SharedStore {
      override set(sid: string, data: SessionData, callback?: (error?: unknown) => void): void {
        setTimeout(() => super.set(sid, data, callback), isRowId(sid) ? 200 : 0);
      }
    }
    const browser = await loggedIn({ session: { store: new SlowStore() } });
    app.emulator.advanceTime(loginLife);
    expect(await browser.token()).toBe(liveToken());
    expect(refreshes()).toHaveLength(1);
  });

  it.each([2500, 4000])('that does not respond leaves a refresh enough of its %d ms', async (timeoutMs) => {
    const store = inMemoryStorage();
    let isSilent = false;
    const orSilence =
      <Args extends unknown[], T>(call: (...args: Args) => Promise<T>) =>
      (...args: Args): Promise<T> =>
        isSilent ? new Promise(() => {}) : call(...args);
    const storage: PolarStorage = {
      read: orSilence((key) => store.read(key)),
      write: orSilence((key, row, options) => store.write(key, row, options)),
      remove: orSilence((key, row) => store.remove(key, row)),
    };
    const browser = await loggedIn({ strategy: { storage, timeoutMs } });
    app.emulator.advanceTime(loginLife);
    isSilent = true;
    expect(await browser.token()).toBe(liveToken());
    expect(refreshes()).toHaveLength(1);
    isSilent = false;
  });

  it('that does not respond to the very first row counts as down, not as unsuitable', async () => {
    class HangingStore extends SharedStore {
      hangs = true;

      override set(sid: string, data: SessionData, callback?: (error?: unknown) => void): void {
        if (!(this.hangs && isRowId(sid))) super.set(sid, data, callback);
      }
    }
    const store = new HangingStore();
    await start({ session: { store }, strategy: { timeoutMs: 300 } });
    const browser = app.browser();
    expect((await browser.get('/auth/polar')).body.code).toBe('timeout');
    store.hangs = false;
    await browser.logIn();
    app.emulator.advanceTime(loginLife);
    await until(async () => (await browser.get('/token')).status === 200);
    expect(await browser.token()).toBe(liveToken());
  });
});

describe('a store with an idle time for rows', () => {
  it('has the record renewed once a minute while the login is in use, and not otherwise', async () => {
    const store = new SharedStore();
    const browser = await loggedIn({ session: { store } });
    app.emulator.advanceTime(loginLife);
    await browser.token();
    const record = rowIdOf(await loginIdOf(browser), 'record');
    const renewals = () => store.touched.filter((sid) => sid === record).length;
    for (let request = 0; request < 5; request++) await browser.token();
    expect(renewals()).toBe(0);
    for (let passed = 1; passed <= 3; passed++) {
      app.emulator.advanceTime(minute);
      // Requests do not wait for it, and a check that is still under way is not repeated.
      await until(async () => (await browser.token()) !== undefined && renewals() >= passed);
      expect(renewals()).toBe(passed);
    }
    expect(store.written.filter((sid) => sid === record)).toHaveLength(1);
    expect(refreshes()).toHaveLength(1);
  });
});

describe('a record that the store has lost', () => {
  it('is written again by a process that has cached it, within a minute of use', async () => {
    const store = new SharedStore();
    const browser = await loggedIn({ session: { store } });
    app.emulator.advanceTime(loginLife);
    const token = await browser.token();
    const record = rowIdOf(await loginIdOf(browser), 'record');
    await store.lose(record);
    app.emulator.advanceTime(minute);
    expect(await browser.token()).toBe(token);
    await until(() => store.has(record));
    expect((await browser.get('/elsewhere/token')).body.accessToken).toBe(token);
    expect(refreshes()).toHaveLength(1);
  });

  it('is restored while Polar refuses another process the tokens that it still has', async () => {
    const store = new SharedStore();
    const browser = await loggedIn({ session: { store } });
    app.emulator.advanceTime(loginLife);
    const token = await browser.token();
    await store.lose(rowIdOf(await loginIdOf(browser), 'record'));
    app.emulator.advanceTime(minute);
    const refused = browser.get('/elsewhere/token').then(({ body }) => body.accessToken ?? body.code);
    await until(() => refreshes().length === 2);
    expect(await browser.token()).toBe(token);
    expect([token, 'server_error']).toContain(await refused);
    await until(async () => (await browser.get('/elsewhere/token')).body.accessToken === token);
    expect(refreshes().map(({ status }) => status)).toEqual([200, 400]);
  });
});
