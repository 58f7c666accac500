/** Counts what two processes ask of real servers, and of a session store, so that it cannot grow unseen. */
import { afterEach, describe, expect, it } from '@jest/globals';
import session from 'express-session';
import { logout, type PolarStorage, PolarStrategy, polarTokens } from 'passport-polar-sh';
import { postgresStorage } from 'passport-polar-sh/postgres';
import { redisStorage } from 'passport-polar-sh/redis';
import { createClient } from 'redis';
import { sessionStorage } from '../../src/storage/session-storage.js';
import { hasPostgres, startPostgres } from '../support/postgres-server.js';
import { hasRedis, startRedis } from '../support/redis-server.js';
import { startTestApp, type TestApp } from '../support/test-app.js';
import { until } from '../support/until.js';

let app: TestApp;
afterEach(() => app.close());

const tenDays = 864_000;

/** The storage of one process, and how often it has asked its server. */
interface CountedStorage {
  readonly storage: PolarStorage;
  asked: number;
  /** Awaited before each question. */
  gate: () => Promise<unknown>;
}

const countedStorage = (storage: PolarStorage): CountedStorage => ({
  storage,
  asked: 0,
  gate: async () => {},
});

/** Counts batches: each is one command. */
function countedBatches(inner: PolarStorage): CountedStorage {
  const batch: NonNullable<PolarStorage['batch']> = async (steps) => {
    counted.asked++;
    await counted.gate();
    return (await inner.batch?.(steps)) as never;
  };
  const counted = countedStorage({ ...inner, batch });
  return counted;
}

/** Not a MemoryStore by name, so it may belong to several processes. */
class SharedStore extends session.MemoryStore {}

/** Counts the calls of a session store. */
function countedCalls(inner: session.Store): CountedStorage {
  const call = async (method: string, args: unknown[]): Promise<void> => {
    counted.asked++;
    await counted.gate();
    (inner as unknown as Record<string, (...args: unknown[]) => void>)[method]?.(...args);
  };
  const methods = ['get', 'set', 'touch', 'destroy'].map((method) => [
    method,
    (...args: unknown[]) => void call(method, args),
  ]);
  const counted = countedStorage(sessionStorage(Object.fromEntries(methods)));
  return counted;
}

/** A store on which two processes meet. */
interface StoreKind {
  readonly name: string;
  open(): Promise<{ forProcess(): CountedStorage; close(): Promise<unknown> }>;
  /** Round trips: each is a command or a call. */
  readonly trips: {
    readonly start: number;
    readonly callback: number;
    readonly cold: number;
    readonly refresher: number;
    /** Of a process that waits: one finds the lock taken, one the new tokens. */
    readonly poll: number;
    /** Of the lifetime of a row, at first sight and once a day. Nothing waits for it. */
    readonly renewal: number;
    readonly logout: number;
  };
}

const kinds: readonly StoreKind[] = [
  ...(hasRedis ? [inRedis()] : []),
  {
    name: 'a session store without compare-and-set',
    async open() {
      const store = new SharedStore();
      return { forProcess: () => countedCalls(store), close: async () => {} };
    },
    trips: { start: 1, callback: 4, cold: 2, refresher: 16, poll: 3, renewal: 2, logout: 5 },
  },
  ...(hasPostgres ? [inPostgres()] : []),
];

function inRedis(): StoreKind {
  return {
    name: 'redisStorage',
    async open() {
      const redis = await startRedis();
      const client = createClient({ url: redis.url });
      await client.connect();
      const close = async () => {
        client.destroy();
        await redis.close();
      };
      return { forProcess: () => countedBatches(redisStorage(client)), close };
    },
    trips: { start: 1, callback: 2, cold: 1, refresher: 2, poll: 1, renewal: 1, logout: 3 },
  };
}

function inPostgres(): StoreKind {
  return {
    name: 'postgresStorage',
    async open() {
      const postgres = await startPostgres();
      const pool = postgres.pool();
      const forProcess = (): CountedStorage => {
        const query = async (text: string, values: unknown[]) => {
          counted.asked++;
          await counted.gate();
          return pool.query(text, values);
        };
        const counted = countedStorage(postgresStorage({ query }, { createTables: true }));
        return counted;
      };
      return { forProcess, close: () => postgres.close() };
    },
    trips: { start: 1, callback: 2, cold: 2, refresher: 10, poll: 3, renewal: 1, logout: 4 },
  };
}

describe.each(kinds)('round trips to $name', ({ open, trips }) => {
  let server: Awaited<ReturnType<StoreKind['open']>>;
  let here: CountedStorage;
  let there: CountedStorage;
  let other: PolarStrategy;
  afterEach(() => server.close());

  /** An app whose routes below `/there` run as in another process: with caches and a storage of their own. */
  async function startTwo(): Promise<void> {
    server = await open();
    [here, there] = [server.forProcess(), server.forProcess()];
    app = await startTestApp({
      strategy: { storage: here.storage },
      routes: (server, { client, emulator, polar }) => {
        other = new PolarStrategy({
          clientID: client.clientID,
          clientSecret: client.clientSecret,
          callbackURL: '/auth/polar/callback',
          server: emulator.server,
          now: emulator.now,
          storage: there.storage,
        });
        server.get('/there/token', polarTokens(other), async (req, res) => {
          res.json({ accessToken: await req.polar.getAccessToken() });
        });
        server.post('/logout', logout(polar), (_req, res) => void res.sendStatus(204));
      },
    });
    // Each process checks its storage once.
    await app.browser().logIn();
    const browser = await app.loggedInBrowser();
    app.emulator.advanceTime(tenDays);
    await browser.get('/there/token');
    await settled();
  }

  async function settled(): Promise<void> {
    for (const each of [app.polar, other]) await each.settled({ withinMs: 5000 });
  }

  async function asked<T>(counted: CountedStorage, work: () => PromiseLike<T>) {
    const before = counted.asked;
    const result = await work();
    await settled();
    return { result, asked: counted.asked - before };
  }

  it('are few for a login, none for a valid token, and few for a logout', async () => {
    await startTwo();
    const browser = app.browser();
    const started = asked(here, () => browser.startLogin());
    expect((await started).asked).toBe(trips.start);
    const callback = await browser.visitPolar((await started).result);
    expect((await asked(here, () => browser.get(callback))).asked).toBe(trips.callback);
    expect((await asked(here, () => browser.token())).asked).toBe(0);
    expect((await asked(there, () => browser.get('/there/token'))).asked).toBe(trips.cold);
    expect((await asked(there, () => browser.get('/there/token'))).asked).toBe(0);
    expect((await asked(here, () => browser.post('/logout'))).asked).toBe(trips.logout);
  });

  it('are few for the process that refreshes and for one that waits', async () => {
    await startTwo();
    const browser = await app.loggedInBrowser();
    await browser.get('/there/token');
    await settled();
    app.emulator.advanceTime(tenDays);
    [here.asked, there.asked] = [0, 0];
    const startedAt = performance.now();
    app.emulator.fail('token', { delayMs: 300 });
    const refreshed = browser.get('/token').then((answer) => answer.body.accessToken);
    await until(() => app.emulator.requests.at(-1)?.grantType === 'refresh_token');
    // The other process finds the lock taken, and asks again once the refresh is over.
    let foundTaken = (): void => {};
    const isFoundTaken = new Promise<void>((resolve) => {
      foundTaken = resolve;
    });
    here.gate = () => isFoundTaken;
    there.gate = async () => {
      if (there.asked <= trips.poll) return;
      foundTaken();
      await refreshed;
    };
    const waited = await browser.get('/there/token');
    expect(waited.body.accessToken).toBe(await refreshed);
    await settled();
    // On a slow machine, the owner also renews its lock every second.
    const renewals = 4 * Math.floor((performance.now() - startedAt) / 1000);
    expect(here.asked).toBeLessThanOrEqual(trips.refresher + renewals);
    expect(there.asked).toBe(2 * trips.poll + trips.renewal);
  });

  it('do not pile up while a process waits for the refresh of another one', async () => {
    await startTwo();
    const browser = await app.loggedInBrowser();
    await browser.get('/there/token');
    app.emulator.advanceTime(tenDays);
    app.emulator.fail('token', { delayMs: 1000 });
    const refreshed = browser.get('/token').then(() => {});
    await until(() => app.emulator.requests.at(-1)?.grantType === 'refresh_token');
    there.asked = 0;
    const startedAt = performance.now();
    await browser.get('/there/token');
    // Between two polls it pauses for at least 10 ms.
    expect(there.asked / trips.poll).toBeLessThanOrEqual(2 + (performance.now() - startedAt) / 10);
    await refreshed;
  });
});
