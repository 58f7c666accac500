/** The login lock in storages that lag, that have no compare-and-set, or that no other process shares. */
import { describe, expect, it } from '@jest/globals';
import type { HeldLock } from '../../../src/refresh/held-lock.js';
import { LoginLocks } from '../../../src/refresh/login-lock.js';
import type { PolarStorage } from '../../../src/storage/polar-storage.js';
import { elapsedMs, finished, noteActivity, settle } from '../../support/virtual-time.js';
import { inVirtualTime } from '../support/refresher-setup.js';
import { storageKinds, WorldRows } from '../support/world-rows.js';
import { Contender, isEnough } from './contender.js';

inVirtualTime();

describe('the login lock in a store whose reads lag', () => {
  it.each(storageKinds)('goes to at most one of five processes (%s)', async (kind) => {
    const rows = new WorldRows(kind, async () => noteActivity());
    rows.lagMs = 1000;
    const all = Array.from({ length: 5 }, (_, index) => new Contender(rows.storageFor(`P${index}`)));
    const taken = (await Promise.all(all.map((each) => each.take()))).filter(Boolean);
    expect(taken.length).toBeLessThanOrEqual(1);
  });
});

describe('the login lock in a store without compare-and-set', () => {
  const contender = (rows: WorldRows, name: string) => new Contender(rows.storageFor(name));

  it('counts as held only after a pause in which no other process has overwritten it', async () => {
    const rows = new WorldRows('session store', async () => noteActivity());
    const startedAt = elapsedMs();
    await contender(rows, 'A').take();
    expect(elapsedMs() - startedAt).toBe(150);
    rows.latencyMs = 50;
    const other = new WorldRows('session store', async () => noteActivity());
    other.latencyMs = 50;
    const slowAt = elapsedMs();
    await contender(other, 'A').take();
    // The pause is six round trips; reading and writing take six more.
    expect(elapsedMs() - slowAt).toBe(6 * 50 + 6 * 50);
  });

  it('is given up by a process that took so long to write it that another one may hold it', async () => {
    let wait: Promise<void> | undefined;
    let go = (): void => {};
    const rows = new WorldRows('session store', async (process, what) => {
      noteActivity();
      if (process === 'slow' && what === 'write lock') await wait;
    });
    wait = new Promise((resolve) => {
      go = resolve;
    });
    const slow = new LoginLocks().tryTake(contender(rows, 'slow').place, { first: true, isEnough });
    await settle();
    const lock = (await contender(rows, 'B').take()) as HeldLock;
    expect(lock).toBeDefined();
    wait = undefined;
    go();
    expect((await finished(slow)).lock).toBeUndefined();
    // It has overwritten the lock of B, which claims it again while an exchange is open, and believes no refusal.
    lock.isExchangeOpen = true;
    expect(await finished(lock.isExclusive())).toBe(false);
    lock.release();
  });
});

describe('the login lock in a store that no other process shares', () => {
  const own = (): PolarStorage => ({
    ...new WorldRows('atomic', async () => noteActivity()).storageFor('A'),
    shared: false,
  });

  it('has one owner at a time among all users of the store', async () => {
    const storage = own();
    const [a, b, other] = [new Contender(storage), new Contender(storage), new Contender(own())];
    const lock = (await a.take()) as HeldLock;
    expect(await b.take()).toBeUndefined();
    expect(await other.take()).toBeDefined();
    expect(await finished(lock.isExclusive())).toBe(true);
    lock.release();
    expect(await b.take()).toBeDefined();
  });

  it('needs no row', async () => {
    const storage = own();
    const lock = (await new Contender(storage).take()) as HeldLock;
    expect(lock.releaseStep()).toBeUndefined();
    expect(await new Contender(storage).isHeld()).toBe(false);
    lock.markReleased();
    expect(await new Contender(storage).take()).toBeDefined();
  });
});
