/** Locks of processes that died, were stopped or cannot be reached: who takes them over, and what stays in doubt. */
import { describe, expect, it } from '@jest/globals';
import type { HeldLock } from '../../../src/refresh/held-lock.js';
import { LoginLocks } from '../../../src/refresh/login-lock.js';
import { inVirtualTime } from '../refresher/refresher-setup.js';
import { finished, pass, settle } from '../refresher/virtual-time.js';
import { storageKinds } from '../refresher/world-rows.js';
import { type Contender, contenders, said, stoppable } from './contender.js';

inVirtualTime();
const doubtMs = 185_000;

describe.each(storageKinds)('a lock (%s)', (kind) => {
  const staleMs = kind === 'session store' ? 10_000 : 6000;

  it('that nobody renews is taken over, not before its owner cannot be at work', async () => {
    const { b, rows } = contenders(kind);
    const { faults, process } = stoppable(rows);
    const lock = await process.take();
    faults.hangs = true;
    const { afterMs } = await b.await();
    expect(afterMs).toBeGreaterThanOrEqual(staleMs);
    expect(afterMs).toBeLessThan(staleMs + 1500);
    lock?.release();
  });

  it('that was taken over is exclusive for nobody, and says so to those who come later', async () => {
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

  it('is exclusive again once this process has known for 185 s that it was taken over', async () => {
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
    // Each process goes by its own clock and by what it has seen itself.
    expect(await takeAndRelease(b)).toBe(false);
    await pass(5000);
    expect(await takeAndRelease(a)).toBe(true);
    expect(rows.get('lock')).toBeUndefined();
  });

  it('that is taken over once more is in doubt for 185 s more', async () => {
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

  it('given up in doubt says so to those who come later, whatever was said before', async () => {
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

  it('is claimed again by an owner who wakes up with an exchange open, and is exclusive for nobody then', async () => {
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

  it('is given up by an owner who wakes up with no exchange open', async () => {
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

  it('whose row the store has lost is written again while an exchange is open, with a mark', async () => {
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

  it('whose row is none of ours is held by nobody for long', async () => {
    const { a, rows } = contenders(kind);
    rows.put('lock', { version: 1, value: 'of another version' });
    const { afterMs } = await a.await();
    expect(afterMs).toBeGreaterThanOrEqual(staleMs);
  });

  it('is not taken for abandoned by a process that was stopped itself', async () => {
    const { a, b } = contenders(kind);
    const lock = (await a.take()) as HeldLock;
    expect(await b.take(false)).toBeUndefined();
    await pass(60_000);
    // It looks for the first time since: the owner has renewed it all the while.
    expect(await b.take(false)).toBeUndefined();
    lock.release();
  });

  it('outlasts renewals that fail', async () => {
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

  it('is in doubt when somebody says that an exchange is open without it', async () => {
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
