/** postgresStorage while its connection breaks at each step, and while PostgreSQL is away. */
import { randomBytes } from 'node:crypto';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { PolarStorage } from 'passport-polar-sh';
import { postgresStorage } from 'passport-polar-sh/postgres';
import { Pool } from 'pg';
import { GuardedStorage } from '../../src/storage/guarded-storage.js';
import { SharedStore } from '../support/app-processes.js';
import { type CuttingProxy, startCuttingProxy } from '../support/cutting-proxy.js';
import { refreshesAt } from '../support/emulator-requests.js';
import { hasPgBouncer, startPgBouncer, type TestPgBouncer } from '../support/pgbouncer.js';
import {
  hasPostgres,
  postgresStartMs,
  startPostgres,
  type TestPostgres,
} from '../support/postgres-server.js';
import { startTestApp, type TestApp } from '../support/test-app.js';
import { until } from '../support/until.js';

const describePostgres = hasPostgres ? describe : describe.skip;
const lost = 'there is no connection to PostgreSQL, or it was lost';
const ttlSeconds = 60;
const someKey = () => ({ id: randomBytes(16).toString('hex'), group: randomBytes(16).toString('hex') });

let postgres: TestPostgres;
let db: Pool;
beforeAll(async () => {
  if (!hasPostgres) return;
  postgres = await startPostgres();
  db = postgres.pool();
  await postgresStorage(db, { createTables: true }).read(someKey());
}, postgresStartMs);
afterAll(() => postgres?.close());

const opened: { close(): Promise<unknown> }[] = [];
afterEach(async () => {
  for (const each of opened.splice(0).reverse()) await each.close();
});

const portOf = (url: string): number => Number(new URL(url).port);

function poolAt(port: number): Pool {
  const pool = new Pool({
    connectionString: `postgres://postgres@127.0.0.1:${port}/postgres`,
    max: 3,
    connectionTimeoutMillis: 2000,
  });
  pool.on('error', () => {}); // it opens new connections by itself
  opened.push({ close: () => pool.end() });
  return pool;
}

async function cuttingPool(): Promise<{ pool: Pool; proxy: CuttingProxy }> {
  const proxy = await startCuttingProxy(portOf(postgres.url), 'polar_rows');
  opened.push(proxy);
  return { proxy, pool: poolAt(proxy.port) };
}

describePostgres('a connection to PostgreSQL that breaks', () => {
  let proxy: CuttingProxy;
  let pool: Pool;
  let storage: PolarStorage;
  beforeEach(async () => {
    ({ pool, proxy } = await cuttingPool());
    storage = postgresStorage(pool);
    await storage.write(someKey(), { version: 1, value: 'x' }, { ttlSeconds });
    await until(() => proxy.requests === 2); // it has looked for expired rows, too
  });

  it('before a statement arrives fails that statement alone, and it can be repeated', async () => {
    const key = someKey();
    const row = { version: 1, value: 'x' };
    const steps = [
      () => storage.write(key, row, { ttlSeconds }),
      () => storage.read(key),
      () => storage.remove(key, row),
    ];
    for (const [index, step] of steps.entries()) {
      proxy.cutAt(1, 'before');
      await expect(step()).rejects.toThrow(lost);
      expect(await step()).toEqual([true, row, undefined][index]);
    }
    expect(await storage.read(key)).toBeUndefined();
  });

  it('before its response arrives fails that statement alone, which repeated has the same result', async () => {
    const key = someKey();
    const row = { version: 1, value: 'x' };
    proxy.cutAt(1, 'after');
    await expect(storage.write(key, row, { ttlSeconds })).rejects.toThrow(lost);
    expect(await postgresStorage(db).read(key)).toEqual(row);
    expect(await storage.write(key, row, { ttlSeconds })).toBe(true);
    proxy.cutAt(1, 'after');
    await expect(storage.remove(key, row)).rejects.toThrow(lost);
    expect(await postgresStorage(db).read(key)).toBeUndefined();
    await storage.remove(key, row);
    expect(await storage.write(key, row, { ttlSeconds })).toBe(true);
  });

  it('while a statement runs fails that statement alone', async () => {
    const key = someKey();
    await storage.write(key, { version: 1, value: 'x' }, { ttlSeconds });
    const blocker = await db.connect();
    try {
      await blocker.query('BEGIN');
      await blocker.query('SELECT * FROM polar_rows WHERE id = $1 FOR UPDATE', [key.id]);
      const writing = storage.write(key, { version: 2, value: 'y' }, { ttlSeconds });
      const failed = expect(writing).rejects.toThrow(`${lost} (57P01)`);
      const terminate = `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
        WHERE wait_event_type = 'Lock' AND query LIKE 'INSERT INTO "polar_rows"%'`;
      await until(async () => (await db.query(terminate)).rows.length === 1);
      await failed;
      await blocker.query('COMMIT');
    } finally {
      blocker.release();
    }
    expect(await storage.read(key)).toEqual({ version: 1, value: 'x' });
    expect(await storage.write(key, { version: 2, value: 'y' }, { ttlSeconds })).toBe(true);
  });

  it('while nothing runs fails nothing', async () => {
    const key = someKey();
    await db.query('SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()');
    await until(() => pool.totalCount === 0);
    expect(await storage.read(key)).toBeUndefined();
  });
});

describePostgres('a PostgreSQL that stops and starts again', () => {
  const ways: [string, boolean, () => Promise<number>][] = [
    ['directly', true, async () => portOf(postgres.url)],
    [
      'behind PgBouncer',
      hasPgBouncer,
      async () => {
        const pgbouncer: TestPgBouncer = await startPgBouncer(postgres.url);
        opened.push(pgbouncer);
        return portOf(pgbouncer.url);
      },
    ],
  ];
  for (const [name, isHere, connect] of ways) {
    (isHere ? it : it.skip)(
      `loses nothing, and the storage recovers without a restart (${name})`,
      async () => {
        // As the package uses it: PgBouncer holds statements back until its server returns, or query_wait_timeout ends.
        const storage = new GuardedStorage(postgresStorage(poolAt(await connect())), 2000);
        const key = someKey();
        const row = { version: 1, value: 'x' };
        expect(await storage.write(key, row, ttlSeconds)).toBe(true);
        await postgres.stop();
        try {
          const error = /^(postgresStorage: the table polar_rows cannot be|The storage took longer than)/;
          await expect(storage.read(key)).rejects.toThrow(error);
          await expect(storage.write(key, row, ttlSeconds)).rejects.toThrow(error);
        } finally {
          await postgres.start();
        }
        await until(async () => (await storage.read(key).catch(() => undefined)) !== undefined);
        expect(await storage.read(key)).toEqual(row);
        expect(await storage.write(key, { version: 2, value: 'y' }, ttlSeconds)).toBe(true);
      },
    );
  }
});

describePostgres('a primary that fails over to its standby', () => {
  it('loses no row, and the storage is read-only until the standby is promoted', async () => {
    const standby = await startPostgres({ standbyOf: postgres.url });
    opened.push(standby);
    const onStandby = standby.pool();
    const { pool, proxy } = await cuttingPool();
    const storage = postgresStorage(pool);
    const key = someKey();
    const row = { version: 1, value: 'x' };
    await storage.write(key, row, { ttlSeconds });
    await until(async () => (await postgresStorage(onStandby).read(key)) !== undefined);

    proxy.switchTo(portOf(standby.url));
    await until(async () => (await storage.read(key).catch(() => undefined)) !== undefined);
    const next = { version: 2, value: 'y' };
    const message = 'is read-only on this server (25006). Connect to the primary, not to a replica';
    await expect(storage.write(key, next, { ttlSeconds })).rejects.toThrow(message);
    await expect(storage.remove(key, row)).rejects.toThrow(message);

    await onStandby.query('SELECT pg_promote()');
    expect(await storage.read(key)).toEqual(row);
    expect(await storage.write(key, next, { ttlSeconds })).toBe(true);
    expect(await storage.read(key)).toEqual(next);
  });
});

describePostgres('a login whose storage breaks in the middle of a refresh', () => {
  const loginLife = 864_000;
  let first: TestApp;
  let second: TestApp;
  let proxy: CuttingProxy;

  /** Two processes of one app, of which the first reaches PostgreSQL through the proxy. */
  async function startBoth() {
    const store = new SharedStore();
    const cutting = await cuttingPool();
    proxy = cutting.proxy;
    first = await startTestApp({
      session: { store },
      strategy: { storage: postgresStorage(cutting.pool), timeoutMs: 6000 },
    });
    opened.push(first);
    const { clientID, clientSecret } = first.client;
    second = await startTestApp({
      session: { store },
      sharedEmulator: first.emulator,
      strategy: { storage: postgresStorage(db), clientID, clientSecret, timeoutMs: 6000 },
    });
    opened.push(second);
    const browser = await first.loggedInBrowser();
    first.emulator.advanceTime(loginLife);
    return { browser, elsewhere: browser.at(second) };
  }

  const liveTokens = () => first.emulator.liveTokens().map(({ accessToken }) => accessToken);

  it('takes several statements', async () => {
    const { browser } = await startBoth();
    const before = proxy.requests;
    expect((await browser.get('/token')).status).toBe(200);
    expect(proxy.requests - before).toBeGreaterThan(3);
  });

  const steps = 10;
  const breaks = Array.from({ length: steps }, (_, index) => index + 1).flatMap((step) =>
    (['before', 'after'] as const).map((when) => ({ step, when })),
  );
  it.each(breaks)(
    'keeps its tokens, which the other process gets too ($when statement $step)',
    async ({ step, when }) => {
      const { browser, elsewhere } = await startBoth();
      proxy.cutAt(step, when);
      const { body, status } = await browser.get('/token');
      // One clear error at most, and the next request succeeds.
      if (status !== 200) expect([status, body.code]).toEqual([503, 'server_error']);
      const token = await browser.token();
      expect(liveTokens()).toEqual([token]);
      await first.polar.settled({ withinMs: 10_000 });
      expect(await elsewhere.token()).toBe(token);
      expect(refreshesAt(first.emulator).map(({ status }) => status)).toEqual([200]);
    },
  );

  it('works on after all connections were cut at once, in requests of many people', async () => {
    const { browser } = await startBoth();
    const requests = Array.from({ length: 20 }, () => browser.get('/token'));
    setTimeout(() => proxy.cutAll(), 20);
    const statuses = (await Promise.all(requests)).map(({ status }) => status);
    expect(statuses.filter((status) => status !== 200 && status !== 503)).toEqual([]);
    await until(async () => (await browser.get('/token')).status === 200);
    expect(liveTokens()).toEqual([await browser.token()]);
    expect(refreshesAt(first.emulator).map(({ status }) => status)).toEqual([200]);
  });
});
