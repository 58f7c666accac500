/** The lock of a login, kept as a row of any storage: how one process holds it while others wait. */
import { describe, expect, it } from '@jest/globals';
import type { HeldLock } from '../../../src/refresh/held-lock.js';
import { LoginLocks } from '../../../src/refresh/login-lock.js';
import type { LoginRows } from '../../../src/refresh/store-tokens.js';
import { rowOf } from '../../../src/storage/guarded-storage.js';
import { finished, pass, settle } from '../../support/virtual-time.js';
import { inVirtualTime } from '../support/refresher-setup.js';
import { storageKinds } from '../support/world-rows.js';
import { contenders, isEnough, stoppable } from './contender.js';

inVirtualTime();

describe.each(storageKinds)('the login lock (%s)', (kind) => {
  it('has one owner at a time', async () => {
    const { a, b } = contenders(kind);
    const lock = await a.take();
    expect(lock).toBeDefined();
    expect(await b.isHeld()).toBe(true);
    expect(await b.take()).toBeUndefined();
    expect(await b.take(false)).toBeUndefined();
    lock?.release();
    await settle();
    expect(await b.isHeld()).toBe(false);
    expect(await b.take()).toBeDefined();
  });

  it('goes to at most one of eight processes that want it at the same time', async () => {
    const { contender } = contenders(kind);
    for (let round = 0; round < 5; round++) {
      const all = Array.from({ length: 8 }, (_, index) => contender(`P${index}`));
      const taken = (await Promise.all(all.map((each) => each.take()))).filter(Boolean);
      expect(taken.length).toBeLessThanOrEqual(1);
      for (const lock of taken) lock?.release();
      // If no process could be sure of it, it is free again once it is stale.
      await pass(30_000);
    }
  });

  it('leaves no row behind after its release', async () => {
    const { a, rows } = contenders(kind);
    const lock = await a.take();
    expect(rows.get('lock')).toBeDefined();
    lock?.release();
    lock?.release();
    await settle();
    expect(rows.get('lock')).toBeUndefined();
  });

  it('can be released in the same batch as other steps, and is not touched afterwards', async () => {
    const { a, b, rows } = contenders(kind);
    const lock = await a.take();
    const step = lock?.releaseStep();
    // Reads may lag, so the owner has to read it again before it removes it.
    if (kind === 'session store') return expect(step).toBeUndefined();
    await finished(a.place.storage.run([step as never]));
    lock?.markReleased();
    expect(rows.get('lock')).toBeUndefined();
    const next = await b.take();
    const row = rows.get('lock');
    lock?.release();
    await settle();
    expect(rows.get('lock')).toEqual(row);
    next?.release();
  });

  it('is renewed once a second for as long as it is held', async () => {
    const { a, b, rows } = contenders(kind);
    const lock = await a.take();
    const before = Number(rows.get('lock')?.version);
    await pass(10_500);
    const renewals = Number(rows.get('lock')?.version) - before;
    expect(renewals).toBeGreaterThanOrEqual(9);
    expect(renewals).toBeLessThanOrEqual(11);
    for (let passedMs = 0; passedMs < 120_000; passedMs += 500) {
      expect(await b.take(false)).toBeUndefined();
      await pass(500);
    }
    lock?.release();
    await settle();
    const row = rows.get('lock');
    await pass(10_000);
    expect(rows.get('lock')).toEqual(row);
  });

  it('is exclusive to an owner that took it while it was free', async () => {
    const { a } = contenders(kind);
    const lock = await a.take();
    expect(await finished((lock as HeldLock).isExclusive())).toBe(true);
    lock?.release();
    await settle();
    expect(await finished((lock as HeldLock).isExclusive())).toBe(false);
  });

  it('comes with the record and the tombstone as they were when it was taken', async () => {
    const { a, rows } = contenders(kind);
    rows.put('record', { version: 4, value: 'record' });
    rows.put('tombstone', { version: 1, value: 'ended' });
    const attempt = await finished(new LoginLocks().tryTake(a.place, { first: true, isEnough }));
    expect(attempt.lock).toBeDefined();
    expect(attempt.rows).toEqual({
      record: { value: { version: 4, value: 'record' } },
      tombstone: { value: { version: 1, value: 'ended' } },
    });
  });

  it('is not taken when the rows already contain what the process needs', async () => {
    const { b, a, rows } = contenders(kind);
    rows.put('record', { version: 4, value: 'record' });
    const isThere = async (found: LoginRows): Promise<boolean> => rowOf(found.record)?.version === 4;
    const attempt = await finished(new LoginLocks().tryTake(a.place, { first: false, isEnough: isThere }));
    expect(attempt.lock).toBeUndefined();
    expect(rows.get('lock')).toBeUndefined();
    expect(await b.take()).toBeDefined();
  });

  it('is unavailable while the store fails, and rejects with the store’s error', async () => {
    const { rows } = contenders(kind);
    const { faults, process } = stoppable(rows);
    faults.isDown = true;
    await expect(process.take()).rejects.toThrow('the store is down');
    await expect(process.isHeld()).rejects.toThrow('the store is down');
  });
});
