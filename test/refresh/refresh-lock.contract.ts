import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { RefreshLock, Release } from 'passport-polar-sh';
import type { LockHolder } from './lock-holder.js';

/** How long the lock of a process that is gone stays held in these tests. */
export const testLeaseMs = 1200;

/**
 * What every refresh lock has to do.
 *
 * @param open the lock as one process has it; called twice, for two processes
 * @param startHolder a process of its own that holds locks; left out where processes share nothing
 */
export function refreshLockContract(
  open: () => RefreshLock | Promise<RefreshLock>,
  startHolder?: () => Promise<LockHolder>,
): void {
  let lock: RefreshLock;
  let elsewhere: RefreshLock;
  let key: string;
  let holder: Promise<LockHolder> | undefined;
  beforeAll(async () => {
    // It starts while the other tests run.
    holder = startHolder?.();
    holder?.catch(() => {}); // whoever awaits it is told
    lock = await open();
    elsewhere = await open();
  });
  afterAll(async () => (await holder)?.crash());
  beforeEach(() => {
    key = randomUUID();
  });
  const expectHeld = (by = key): Promise<void> =>
    expect(elsewhere.acquire(by, { waitMs: 0 })).rejects.toThrow();
  const acquire = (from = elsewhere): Promise<Release> => from.acquire(key, { waitMs: 60_000 });

  it('is held by one at a time, however many want it', async () => {
    let inside = 0;
    const seen: number[] = [];
    await Promise.all(
      Array.from({ length: 100 }, async (_, index) => {
        const release = await acquire(index % 2 === 0 ? lock : elsewhere);
        seen.push(++inside);
        await delay(1);
        inside--;
        await release();
      }),
    );
    expect(seen).toEqual(Array(100).fill(1));
  }, 60_000);

  it('of one key does not hold up another', async () => {
    const release = await acquire(lock);
    const other = await elsewhere.acquire(`${key}.other`, { waitMs: 0 });
    await other();
    await expectHeld();
    await release();
  });

  it('is waited for no longer than told, by many too, and is free for the next afterwards', async () => {
    const release = await acquire(lock);
    const startedAt = performance.now();
    const waits = await Promise.allSettled(
      Array.from({ length: 10 }, (_, index) =>
        (index % 2 === 0 ? lock : elsewhere).acquire(key, { waitMs: 150 }),
      ),
    );
    const tookMs = performance.now() - startedAt;
    expect(waits.map(({ status }) => status)).toEqual(Array(10).fill('rejected'));
    expect(tookMs).toBeGreaterThan(140);
    expect(tookMs).toBeLessThan(3000);
    await release();
    await (await acquire(lock))();
    await (await acquire())();
  });

  it('is handed to whoever waits when it is released', async () => {
    const release = await acquire(lock);
    const next = acquire();
    await delay(30);
    await release();
    await (await next)();
  });

  it('can be released twice, which frees nobody else’s', async () => {
    const release = await acquire(lock);
    await release();
    const next = await acquire();
    await release();
    await expect(lock.acquire(key, { waitMs: 0 })).rejects.toThrow();
    await next();
    await (await acquire(lock))();
  });

  if (startHolder === undefined) return;
  describe('shared by processes', () => {
    const longHeld = randomUUID();
    let release: Release;
    let heldSince: number;
    beforeAll(async () => {
      release = await lock.acquire(longHeld, { waitMs: 0 });
      heldSince = performance.now();
    });

    it('passes on when its owner freezes, who then frees nobody else’s', async () => {
      const owner = (await holder) as LockHolder;
      await owner.acquire(key);
      owner.freeze();
      const next = await acquire(lock);
      owner.thaw();
      await owner.release(key);
      await expectHeld();
      await next();
      await (await acquire())();
    }, 60_000);

    it('is free after its lease when its owner was killed, and not before', async () => {
      const owner = (await holder) as LockHolder;
      await owner.acquire(key);
      await expectHeld();
      await owner.crash();
      await expectHeld();
      await (await acquire())();
    }, 60_000);

    it('stays with an owner who lives, for longer than its lease', async () => {
      await delay(Math.max(0, heldSince + 2 * testLeaseMs - performance.now()));
      await expectHeld(longHeld);
      await release();
      await (await elsewhere.acquire(longHeld, { waitMs: 10_000 }))();
    });

    it('says how long its lease is, which the re-reading of records goes by', () => {
      expect(lock.leaseMs).toBe(testLeaseMs);
    });
  });
}
