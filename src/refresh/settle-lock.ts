import { setTimeout as delay } from 'node:timers/promises';
import { type GuardedStorage, maxLagMs, rowOf } from '../storage/guarded-storage.js';
import type { StorageKey, StoredRow } from '../storage/polar-storage.js';
import { isSame, rowTTLSeconds, stepToFree } from './lock-row.js';

const lagPauseMs = 50;
const minSettleMs = 150;
// Reading and writing take three round trips in a store that cannot do both in one step; no process takes longer than
// four.
const settleRoundTrips = 6;

// The latest time from reading a lock to having written it, in milliseconds: many stores write more slowly than they
// read.
const writtenAfterMs = new WeakMap<object, number>();
// Stores that have acknowledged a write before it was visible.
const laggingStores = new WeakSet<object>();

/**
 * Writes a lock in a store without an atomic compare-and-write, and makes sure that no other process has done so at the
 * same time: any process that read the row before our write has written its own by the end of the pause, and the last
 * write wins.
 */
export async function settleLock(
  storage: GuardedStorage,
  key: StorageKey,
  before: StoredRow | undefined,
  row: StoredRow,
  askedAt: number,
): Promise<boolean> {
  const roundTripMs = performance.now() - askedAt;
  // This process was suspended meanwhile, so the row that it read may be long out of date.
  if (roundTripMs > storage.timeoutMs) return false;
  const usualMs = writtenAfterMs.get(storage.identity) ?? 0;
  const pauseMs = Math.max(minSettleMs, settleRoundTrips * roundTripMs, 3 * usualMs);
  const isSettled = async (): Promise<boolean> => {
    if (!(await storage.write(key, row, rowTTLSeconds))) return false;
    const writtenAt = performance.now();
    writtenAfterMs.set(storage.identity, Math.min(writtenAt - askedAt, storage.timeoutMs));
    // Another process may have taken the lock and confirmed it, then lost it to so late a write.
    if (writtenAt - askedAt > (pauseMs * 2) / 3) return false;
    for (;;) {
      const found = await storage.read(key);
      if (isSame(found, row)) break;
      // A lagging store still shows the earlier row, whichever process wrote it.
      if (isSame(found, before)) laggingStores.add(storage.identity);
      const isTooLate = performance.now() - writtenAt > maxLagMs;
      if (isTooLate || !laggingStores.has(storage.identity)) return false;
      await delay(lagPauseMs);
    }
    await delay(laggingStores.has(storage.identity) ? Math.max(pauseMs, maxLagMs) : pauseMs);
    return isSame(await storage.read(key), row);
  };
  let isOurs = false;
  try {
    isOurs = await isSettled();
    return isOurs;
  } finally {
    // Without an owner, the row would make other processes wait until it goes stale.
    if (!isOurs) await withdraw(storage, key, row);
  }
}

/** Withdraws a row that was written in vain. Its mark, which tells of exchanges that may be open, is preserved. */
async function withdraw(storage: GuardedStorage, key: StorageKey, row: StoredRow): Promise<void> {
  await storage.run([stepToFree(key, row)]);
  void withdrawLate(storage, key, row);
}

/** The row may only now have become visible, or have been written. */
async function withdrawLate(storage: GuardedStorage, key: StorageKey, row: StoredRow): Promise<void> {
  await delay(maxLagMs, undefined, { ref: false });
  const [result] = await storage.run([{ read: key }]);
  const isShown = result !== undefined && 'value' in result && isSame(rowOf(result), row);
  if (isShown) await storage.run([stepToFree(key, row)]);
}
