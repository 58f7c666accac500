/** Locks whose owner died, was stopped or cannot reach the store: who takes them over, and how long doubt remains. */
import { describe, expect, it } from '@jest/globals';
import type { HeldLock } from '../../../src/refresh/held-lock.js';
import { LoginLocks } from '../../../src/refresh/login-lock.js';
import { finished, pass, settle } from '../../support/virtual-time.js';
import { inVirtualTime } from '../support/refresher-setup.js';
import { storageKinds } from '../support/world-rows.js';
import { type Contender, contenders, said, stoppable } from './contender.js';

inVirtualTime();
const doubtMs = 185_000;

describe.each(storageKinds)('the login lock (%s)', (kind) => {
  const staleMs = kind === 'session store' ? 10_000 : 6000;

  it('is taken over when nobody renews it, but not before its owner can no longer be at work', async () => {
    const { b, rows } = contenders(kind);
    const { faults, process } = stoppable(rows);
    const lock = await process.take();
    faults.hangs = true;
    const { afterMs } = await b.await();
    expect(afterMs).toBeGreaterThanOrEqual(staleMs);
    expect(afterMs).toBeLessThan(staleMs + 1500);
    lock?.release();
  });

  it('is exclusive to nobody after a take-over, and tells later owners so', async () => {
    const { b, c, rows } = contenders(kind);
    const { faults, process } = stoppable(rows);
    await process.take();
    faults.hangs = true;
    const { lock } = await b.await();
    expect(await finished(lock.isExclusive())).toBe(false);
    expect(said(rows.get('lock'))).toMatchObject({ mark: expect.any(String) });
    lock.release();
    await settle();
    expect(said(rows.get('lock'))).toMatchObject({ mark: expect.any(String), isFree: true });
    expect(await c.isHeld()).toBe(false);
    const next = (await c.take()) as HeldLock;
    expect(next).toBeDefined();
    expect(await finished(next.isExclusive())).toBe(false);
    next.release();
    await settle();
    expect(said(rows.get('lock'))).toMatchObject({ mark: expect.any(String), isFree: true });
  });

  it('is exclusive again in a process that has known of the take-over for 185 s', async () => {
    const { a, b, rows } = contenders(kind);
    const mark = { owner: 'x', mark: 'm', isFree: true };
    rows.put('lock', { version: 5, value: JSON.stringify(mark) });
    const takeAndRelease = async (process: Contender): Promise<boolean> => {
      const lock = (await process.take()) as HeldLock;
      const isExclusive = await finished(lock.isExclusive());
      lock.release();
      await settle();
      return isExclusive;
    };
    expect(await takeAndRelease(a)).toBe(false);
    await pass(doubtMs - 5000);
    expect(await takeAndRelease(a)).toBe(false);
    // Each process relies on its own clock and on what it has seen itself.
    expect(await takeAndRelease(b)).toBe(false);
    await pass(5000);
    expect(await takeAndRelease(a)).toBe(true);
    expect(rows.get('lock')).toBeUndefined();
  });

  it('stays in doubt for another 185 s after a second take-over', async () => {
    const { a, b, rows } = contenders(kind);
    rows.put('lock', { version: 5, value: JSON.stringify({ owner: 'x', mark: 'm', isFree: true }) });
    ((await a.take()) as HeldLock).release();
    await settle();
    await pass(doubtMs - 20_000);
    const { faults, process } = stoppable(rows);
    await process.take();
    faults.hangs = true;
    (await b.await()).lock.release();
    await settle();
    await pass(20_000);
    // A has known the first take-over for long enough, and has not seen the second one.
    const lock = (await a.take()) as HeldLock;
    expect(await finished(lock.isExclusive())).toBe(false);
  });

  it('stays in doubt for later owners when its owner releases it with a doubt of its own', async () => {
    const { a, b, rows } = contenders(kind);
    rows.put('lock', { version: 5, value: JSON.stringify({ owner: 'x', mark: 'm', isFree: true }) });
    ((await b.take()) as HeldLock).release();
    await settle();
    await pass(doubtMs - 10_000);
    ((await a.take()) as HeldLock).release(true);
    await settle();
    await pass(10_000);
    const lock = (await b.take()) as HeldLock;
    expect(await finished(lock.isExclusive())).toBe(false);
  });

  it('is claimed back by an owner that wakes up during an exchange, and is then exclusive to nobody', async () => {
    const { b, rows } = contenders(kind);
    const { faults, process } = stoppable(rows);
    const lock = (await process.take()) as HeldLock;
    lock.isExchangeOpen = true;
    faults.isDown = true;
    const taken = (await b.await()).lock;
    faults.isDown = false;
    await pass(1500);
    const owner = said(rows.get('lock'))?.['owner'];
    expect(said(rows.get('lock'))).toMatchObject({ mark: expect.any(String) });
    expect(await finished(lock.isExclusive())).toBe(false);
    expect(await finished(taken.isExclusive())).toBe(false);
    lock.isExchangeOpen = false;
    taken.release();
    await settle();
    expect(said(rows.get('lock'))?.['owner']).toBe(owner);
    lock.release();
    await settle();
    expect(said(rows.get('lock'))).toMatchObject({ isFree: true });
  });

  it('is given up by an owner that wakes up with no exchange open', async () => {
    const { b, rows } = contenders(kind);
    const { faults, process } = stoppable(rows);
    const lock = (await process.take()) as HeldLock;
    faults.isDown = true;
    const taken = (await b.await()).lock;
    faults.isDown = false;
    await pass(3000);
    const row = rows.get('lock');
    lock.release();
    await settle();
    expect(rows.get('lock')).toEqual(row);
    taken.release();
  });

  it('is written again, with a mark, if the store loses its row during an exchange', async () => {
    const { a, b, rows } = contenders(kind);
    const lock = (await a.take()) as HeldLock;
    lock.isExchangeOpen = true;
    rows.put('lock', undefined);
    await pass(1500);
    expect(said(rows.get('lock'))).toMatchObject({ mark: expect.any(String) });
    expect(await b.take()).toBeUndefined();
    expect(await finished(lock.isExclusive())).toBe(false);
    lock.release();
  });

  it('is taken over after the usual wait when its row is malformed', async () => {
    const { a, rows } = contenders(kind);
    rows.put('lock', { version: 1, value: 'of another version' });
    const { afterMs } = await a.await();
    expect(afterMs).toBeGreaterThanOrEqual(staleMs);
  });

  it('does not look stale to a process that was itself stopped', async () => {
    const { a, b } = contenders(kind);
    const lock = (await a.take()) as HeldLock;
    expect(await b.take(false)).toBeUndefined();
    await pass(60_000);
    // This is its first look since then, and the owner has renewed the lock all along.
    expect(await b.take(false)).toBeUndefined();
    lock.release();
  });

  it('survives renewals that fail', async () => {
    const { b, rows } = contenders(kind);
    const { faults, process } = stoppable(rows);
    const lock = (await process.take()) as HeldLock;
    for (let round = 0; round < 10; round++) {
      faults.isDown = true;
      await pass(2000);
      expect(await b.take(false)).toBeUndefined();
      faults.isDown = false;
      await pass(1500);
      expect(await b.take(false)).toBeUndefined();
    }
    expect(await finished(lock.isExclusive())).toBe(true);
    lock.release();
  });

  it('is in doubt when a process announces an exchange that it made without the lock', async () => {
    const { b, rows } = contenders(kind);
    const { faults, process } = stoppable(rows);
    faults.isDown = true;
    const announced = new LoginLocks().announce(process.place) as HeldLock;
    announced.isExchangeOpen = true;
    const lock = (await b.take()) as HeldLock;
    faults.isDown = false;
    await pass(1500);
    expect(await finished(lock.isExclusive())).toBe(false);
    expect(await finished(announced.isExclusive())).toBe(false);
    announced.isExchangeOpen = false;
    announced.release();
    lock.release();
  });
});
