import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { RefreshLock } from 'passport-polar';
import { redisRefreshLock } from 'passport-polar/redis';
import { inProcessLock } from '../../src/refresh/refresh-lock.js';
import { hasRedis, startRedis, type TestRedis } from '../support/redis-server.js';

let redis: TestRedis;
beforeAll(async () => {
  if (hasRedis) redis = await startRedis();
});
afterAll(() => redis?.close());

const locks: [string, boolean, () => RefreshLock][] = [
  ['in this process', true, inProcessLock],
  ['in Redis', hasRedis, () => redisRefreshLock({ sendCommand: redis.sendCommand, leaseMs: 300 })],
];

describe.each(locks)('a lock %s', (_where, available, makeLock) => {
  const test = available ? it : it.skip;

  test('is held by one at a time, in the order of asking', async () => {
    const lock = makeLock();
    const order: number[] = [];
    let holders = 0;
    await Promise.all(
      Array.from({ length: 5 }, async (_, index) => {
        const release = await lock.acquire('a', { waitMs: 5000 });
        expect(++holders).toBe(1);
        order.push(index);
        await delay(5);
        holders--;
        await release();
      }),
    );
    expect(order).toEqual([0, 1, 2, 3, 4]);
  });

  test('of one key does not hold up another', async () => {
    const lock = makeLock();
    const release = await lock.acquire('b', { waitMs: 100 });
    await (await lock.acquire('c', { waitMs: 100 }))();
    await release();
  });

  test('is waited for no longer than told, and is free for the next afterwards', async () => {
    const lock = makeLock();
    const release = await lock.acquire('d', { waitMs: 100 });
    await expect(lock.acquire('d', { waitMs: 50 })).rejects.toThrow('took longer than 50 ms');
    await release();
    await (await lock.acquire('d', { waitMs: 100 }))();
  });
});

const describeRedis = hasRedis ? describe : describe.skip;
describeRedis('a lock in Redis', () => {
  const lockOf = (leaseMs: number) => redisRefreshLock({ sendCommand: redis.sendCommand, leaseMs });

  it('is shared between processes', async () => {
    const [one, two] = [lockOf(300), lockOf(300)];
    const release = await one.acquire('shared', { waitMs: 100 });
    await expect(two.acquire('shared', { waitMs: 50 })).rejects.toThrow('took longer');
    await release();
    await (await two.acquire('shared', { waitMs: 500 }))();
  });

  it('is renewed while its owner lives', async () => {
    const release = await lockOf(120).acquire('renewed', { waitMs: 100 });
    await delay(300);
    await expect(lockOf(120).acquire('renewed', { waitMs: 30 })).rejects.toThrow('took longer');
    await release();
  });

  it('of an owner that died is free after the lease', async () => {
    await redis.sendCommand('SET', 'polar:lock:dead', 'somebody', 'PX', '150');
    await (await lockOf(150).acquire('dead', { waitMs: 2000 }))();
  });

  it('is not released for somebody else who got it after the lease', async () => {
    const release = await lockOf(300).acquire('lost', { waitMs: 100 });
    await redis.sendCommand('SET', 'polar:lock:lost', 'somebody else');
    await release();
    expect(await redis.sendCommand('GET', 'polar:lock:lost')).toBe('somebody else');
  });

  it('says so when Redis cannot be asked', async () => {
    const down = redisRefreshLock({ sendCommand: async () => Promise.reject(new Error('connection lost')) });
    await expect(down.acquire('x', { waitMs: 100 })).rejects.toThrow('connection lost');
    await expect(down.acquire('x', { waitMs: 100 })).rejects.toThrow('connection lost');
  });
});

it.each([undefined, {}, { sendCommand: 7 }])('names what it needs: %j', (options) => {
  expect(() => redisRefreshLock(options as never)).toThrow('redisRefreshLock needs sendCommand');
});

it.each([0, 99, Number.NaN])('refuses a lease of %d ms', (leaseMs) => {
  expect(() => redisRefreshLock({ sendCommand: async () => null, leaseMs })).toThrow('leaseMs');
});
