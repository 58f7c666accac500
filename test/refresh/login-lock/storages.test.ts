/** Locks in storages that lag, that cannot compare, and that no other process sees. */
import { describe, expect, it } from '@jest/globals';
import type { HeldLock } from '../../../src/refresh/held-lock.js';
import { LoginLocks } from '../../../src/refresh/login-lock.js';
import type { PolarStorage } from '../../../src/storage/polar-storage.js';
import { inVirtualTime } from '../refresher/refresher-setup.js';
import { elapsedMs, finished, noteActivity, settle } from '../refresher/virtual-time.js';
import { storageKinds, WorldRows } from '../refresher/world-rows.js';
import { Contender, isEnough } from './contender.js';

inVirtualTime();

describe('a lock in a store that shows writes later', () => {
  it.each(storageKinds)('goes to one of many all the same (%s)', async (kind) => {
    const rows = new WorldRows(kind, async () => noteActivity());
    rows.lagMs = 1000;
    const all = Array.from({ length: 5 }, (_, index) => new Contender(rows.storageFor(`P${index}`)));
    const taken = (await Promise.all(all.map((each) => each.take()))).filter(Boolean);
    expect(taken.length).toBeLessThanOrEqual(1);
  });
});

describe('a lock in a store that cannot compare', () => {
  const contender = (rows: WorldRows, name: string) => new Contender(rows.storageFor(name));

  it('is not believed to be held before a pause has shown that nobody else has written it', async () => {
    const rows = new WorldRows('session store', async () => noteActivity());
    const startedAt = elapsedMs();
    await contender(rows, 'A').take();
    expect(elapsedMs() - startedAt).toBe(150);
    rows.latencyMs = 50;
    const other = new WorldRows('session store', async () => noteActivity());
    other.latencyMs = 50;
    const slowAt = elapsedMs();
    await contender(other, 'A').take();
    // Six round trips, and those that it takes to read and to write.
    expect(elapsedMs() - slowAt).toBe(6 * 50 + 6 * 50);
  });

  it('is left to others when taking it took so long that somebody may have had it meanwhile', async () => {
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
    // It has overwritten the lock of B, who claims it again while an exchange is open, and believes no refusal.
    lock.isExchangeOpen = true;
    expect(await finished(lock.isExclusive())).toBe(false);
    lock.release();
  });
});

describe('a lock in a store of this process alone', () => {
  const own = (): PolarStorage => ({
    ...new WorldRows('atomic', async () => noteActivity()).storageFor('A'),
    shared: false,
  });

  it('is held by one at a time, of all that share the store', async () => {
    const storage = own();
    const [a, b, other] = [new Contender(storage), new Contender(storage), new Contender(own())];
    const lock = (await a.take()) as HeldLock;
    expect(await b.take()).toBeUndefined();
    expect(await other.take()).toBeDefined();
    expect(await finished(lock.isExclusive())).toBe(true);
    lock.release();
    expect(await b.take()).toBeDefined();
  });

  it('has no row', async () => {
    const storage = own();
    const lock = (await new Contender(storage).take()) as HeldLock;
    expect(lock.releaseStep()).toBeUndefined();
    expect(await new Contender(storage).isHeld()).toBe(false);
    lock.released();
    expect(await new Contender(storage).take()).toBeDefined();
  });
});
