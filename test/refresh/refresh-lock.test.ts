/** Every refresh lock, held to one contract over the real thing. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { redisRefreshLock, type SendRedisCommand } from 'passport-polar-sh/redis';
import { inProcessLock } from '../../src/refresh/refresh-lock.js';
import {
  hasPostgres,
  postgresStartMs,
  startPostgres,
  type TestPostgres,
} from '../support/postgres-server.js';
import { hasRedis, startRedis, type TestRedis } from '../support/redis-server.js';
import { startLockHolder } from './lock-holder.js';
import { refreshLockContract, testLeaseMs } from './refresh-lock.contract.js';
import { openSharedLock, type SharedLockKind } from './shared-locks.js';

const opened: (() => unknown)[] = [];
afterAll(async () => {
  for (const close of opened.reverse()) await close();
});

function sharedLockContract(kind: SharedLockKind, url: () => string): void {
  const open = async () => {
    const { close, lock } = await openSharedLock(kind, url(), testLeaseMs);
    opened.push(close);
    return lock;
  };
  refreshLockContract(open, () => startLockHolder(kind, url(), testLeaseMs));
}

describe('a lock in this process', () => {
  const lock = inProcessLock();
  refreshLockContract(() => lock);

  it('is taken in the order of asking', async () => {
    const order: number[] = [];
    await Promise.all(
      [0, 1, 2, 3, 4].map(async (index) => {
        const release = await lock.acquire('in order', { waitMs: 5000 });
        order.push(index);
        await release();
      }),
    );
    expect(order).toEqual([0, 1, 2, 3, 4]);
  });
});

const describePostgres = hasPostgres ? describe : describe.skip;
describePostgres('a lock in PostgreSQL, as the guide shows', () => {
  let postgres: TestPostgres;
  beforeAll(async () => {
    postgres = await startPostgres();
    opened.push(() => postgres.close());
    const tables = readFileSync(join(__dirname, '../docs/background-jobs/tables.sql'), 'utf8');
    await postgres.pool().query(tables);
  }, postgresStartMs);
  sharedLockContract('SQL', () => postgres.url);
});

const describeRedis = hasRedis ? describe : describe.skip;
describeRedis('a lock in Redis', () => {
  let redis: TestRedis;
  beforeAll(async () => {
    redis = await startRedis();
    opened.push(() => redis.close());
  });
  describe.each<SharedLockKind>(['node-redis', 'ioredis'])('through %s', (kind) => {
    sharedLockContract(kind, () => redis.url);

    it('is given up when Redis does not answer, long before the wait is over, and comes back with it', async () => {
      const { close, lock } = await openSharedLock(kind, redis.url, testLeaseMs);
      opened.push(close);
      await (await lock.acquire('answered', { waitMs: 0 }))();
      redis.pause();
      try {
        const startedAt = performance.now();
        await expect(lock.acquire('unanswered', { waitMs: 60_000 })).rejects.toThrow('took longer than');
        const tookMs = performance.now() - startedAt;
        expect(tookMs).toBeGreaterThan(1400);
        expect(tookMs).toBeLessThan(8000);
      } finally {
        redis.resume();
      }
      // Also what was asked for in vain, and arrived after all, is not left locked.
      await (await lock.acquire('unanswered', { waitMs: 10_000 }))();
    });
  });

  /** Commands as they are sent, and how many of them were on their way at once. */
  function watched() {
    const commands: string[] = [];
    let onTheirWay = 0;
    let atOnce = 0;
    const sendCommand: SendRedisCommand = async (...command) => {
      commands.push(command[0]);
      atOnce = Math.max(atOnce, ++onTheirWay);
      try {
        return await redis.sendCommand(...command);
      } finally {
        onTheirWay--;
      }
    };
    return { sendCommand, commands, atOnce: () => atOnce };
  }

  it('uses plain commands only, which hold up nobody on a shared connection', async () => {
    const { commands, sendCommand } = watched();
    const lock = redisRefreshLock({ sendCommand, leaseMs: 900 });
    const release = await lock.acquire('plain', { waitMs: 0 });
    // Long enough for a renewal.
    await expect(lock.acquire('plain', { waitMs: 400 })).rejects.toThrow();
    await expect(redisRefreshLock({ sendCommand }).acquire('plain', { waitMs: 100 })).rejects.toThrow();
    await release();
    expect([...new Set(commands)].sort()).toEqual(['EVAL', 'SET']);
  });

  it('is polled by one of a process, now and then, for all that wait there', async () => {
    const release = await redisRefreshLock({ sendCommand: redis.sendCommand }).acquire('polled', {
      waitMs: 0,
    });
    const { atOnce, commands, sendCommand } = watched();
    const lock = redisRefreshLock({ sendCommand });
    const waits = Array.from({ length: 50 }, () => lock.acquire('polled', { waitMs: 10_000 }));
    const startedAt = performance.now();
    await delay(700);
    // The pauses between two of them are at least 10, 20, 40, 80, 100, 100 ... ms.
    expect(commands.length).toBeGreaterThan(1);
    expect(commands.length).toBeLessThan(6 + (performance.now() - startedAt) / 100);
    expect(atOnce()).toBe(1);
    await release();
    for (const wait of waits) await (await wait)();
  });

  it('is called by the key, after a prefix of the app’s choice', async () => {
    const { sendCommand } = redis;
    const [usual, named] = [{}, { prefix: 'app1:' }].map((options) =>
      redisRefreshLock({ sendCommand, ...options }),
    );
    const releases = await Promise.all([usual, named].map((lock) => lock?.acquire('name', { waitMs: 0 })));
    expect(await sendCommand('EXISTS', 'polar:lock:name', 'app1:name')).toBe(2);
    for (const release of releases) await release?.();
    expect(await sendCommand('EXISTS', 'polar:lock:name', 'app1:name')).toBe(0);
  });

  it('says so when Redis cannot be asked, and keeps nobody waiting for that', async () => {
    const down = redisRefreshLock({ sendCommand: async () => Promise.reject(new Error('connection lost')) });
    await expect(down.acquire('x', { waitMs: 100 })).rejects.toThrow('connection lost');
    await expect(down.acquire('x', { waitMs: 100 })).rejects.toThrow('connection lost');
  });
});

it.each([undefined, {}, { sendCommand: 7 }])('names what it needs: %j', (options) => {
  expect(() => redisRefreshLock(options as never)).toThrow('redisRefreshLock needs sendCommand');
});

it('takes a lease of 100 ms, which is the shortest', () => {
  expect(redisRefreshLock({ sendCommand: async () => null, leaseMs: 100 }).leaseMs).toBe(100);
});

it.each([0, 99, Number.NaN])('refuses a lease of %d ms', (leaseMs) => {
  expect(() => redisRefreshLock({ sendCommand: async () => null, leaseMs })).toThrow('leaseMs');
});
