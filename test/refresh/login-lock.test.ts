/** The lock of a login, kept as a row of any storage: who has it, who waits, who takes over, and what is carried on. */
import { describe, expect, it } from '@jest/globals';
import { type HeldLock, LoginLocks } from '../../src/refresh/login-lock.js';
import { GuardedStorage } from '../../src/storage/guarded-storage.js';
import type { PolarStorage, StoredRow } from '../../src/storage/polar-storage.js';
import { faultyStorage } from './keeper/faulty-storage.js';
import { inVirtualTime } from './keeper/keeper-setup.js';
import { elapsedMs, finished, noteActivity, pass, settle } from './keeper/virtual-time.js';
import { loginId, storageKinds, WorldRows } from './keeper/world-rows.js';

inVirtualTime();
const doubtMs = 185_000;

/** One process that wants the lock. */
class Contender {
  readonly #locks = new LoginLocks();
  readonly #storage: GuardedStorage;

  constructor(storage: PolarStorage) {
    this.#storage = new GuardedStorage(storage, 3000);
  }

  get place() {
    return { loginId, storage: this.#storage, ttlSeconds: 60 };
  }

  /** The lock, if it can be had now. */
  async take(first = true): Promise<HeldLock | undefined> {
    return (await finished(this.#locks.tryTake(this.place, { first }))).lock;
  }

  /** The lock, as soon as it can be had, and when that was. */
  async await(withinMs = 60_000): Promise<{ lock: HeldLock; afterMs: number }> {
    const startedAt = elapsedMs();
    for (let first = true; elapsedMs() - startedAt <= withinMs; first = false) {
      const lock = await this.take(first);
      if (lock !== undefined) return { lock, afterMs: elapsedMs() - startedAt };
      await pass(200);
    }
    throw new Error('The lock could not be had');
  }

  isHeld(): Promise<boolean> {
    return finished(this.#locks.isHeld(this.place));
  }
}

describe.each(storageKinds)('a lock (%s)', (kind) => {
  /** Processes over one storage. */
  function contenders() {
    const log: string[] = [];
    const rows = new WorldRows(kind, async (process, what) => {
      log.push(`${process} ${what}`);
      noteActivity();
    });
    const contender = (name: string) => new Contender(rows.storageFor(name));
    const [a, b, c] = [contender('A'), contender('B'), contender('C')];
    return { rows, a, b, c, log, contender };
  }
  const said = (row: StoredRow | undefined) => row && (JSON.parse(row.value) as Record<string, unknown>);
  /** Stops a process where it is: its lock is renewed no more. */
  const stopped = (rows: WorldRows) => {
    const storage = rows.storageFor('stopped');
    const { storage: stoppable, faults } = faultyStorage(storage);
    return { process: new Contender(stoppable), faults };
  };
  const staleMs = kind === 'session store' ? 10_000 : 6000;

  it('is held by one at a time', async () => {
    const { a, b } = contenders();
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

  it('goes to one of many who want it at the same time', async () => {
    const { contender } = contenders();
    for (let round = 0; round < 5; round++) {
      const all = Array.from({ length: 8 }, (_, index) => contender(`P${index}`));
      const taken = (await Promise.all(all.map((each) => each.take()))).filter(Boolean);
      expect(taken.length).toBeLessThanOrEqual(1);
      for (const lock of taken) lock?.release();
      // Where nobody was sure of it, it is free once it is stale.
      await pass(30_000);
    }
  });

  it('leaves no row behind when it is released', async () => {
    const { a, rows } = contenders();
    const lock = await a.take();
    expect(rows.get('lock')).toBeDefined();
    lock?.release();
    lock?.release();
    await settle();
    expect(rows.get('lock')).toBeUndefined();
  });

  it('can be given up along with other steps, and is not touched again then', async () => {
    const { a, b, rows } = contenders();
    const lock = await a.take();
    const step = lock?.releaseStep();
    await finished(a.place.storage.run([step as never]));
    lock?.released();
    expect(rows.get('lock')).toBeUndefined();
    const next = await b.take();
    const row = rows.get('lock');
    lock?.release();
    await settle();
    expect(rows.get('lock')).toEqual(row);
    next?.release();
  });

  it('is renewed once a second while it is held, for as long as that takes', async () => {
    const { a, b, rows } = contenders();
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

  it('is exclusive for whoever took it while it was free', async () => {
    const { a } = contenders();
    const lock = await a.take();
    expect(await finished((lock as HeldLock).isExclusive())).toBe(true);
    lock?.release();
    await settle();
    expect(await finished((lock as HeldLock).isExclusive())).toBe(false);
  });

  it('comes with record and tombstone as they are when it is held', async () => {
    const { a, rows } = contenders();
    rows.put('record', { version: 4, value: 'record' });
    rows.put('tombstone', { version: 1, value: 'ended' });
    const attempt = await finished(new LoginLocks().tryTake(a.place, { first: true }));
    expect(attempt.lock).toBeDefined();
    expect(attempt.rows).toEqual({
      record: { value: { version: 4, value: 'record' } },
      tombstone: { value: { version: 1, value: 'ended' } },
    });
  });

  it('that nobody renews is taken over, not before its owner cannot be at work', async () => {
    const { b, rows } = contenders();
    const { faults, process } = stopped(rows);
    const lock = await process.take();
    faults.hangs = true;
    const { afterMs } = await b.await();
    expect(afterMs).toBeGreaterThanOrEqual(staleMs);
    expect(afterMs).toBeLessThan(staleMs + 1500);
    lock?.release();
  });

  it('that was taken over is exclusive for nobody, and says so to those who come later', async () => {
    const { b, c, rows } = contenders();
    const { faults, process } = stopped(rows);
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
    const { a, b, rows } = contenders();
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
    const { a, b, rows } = contenders();
    rows.put('lock', { version: 5, value: JSON.stringify({ owner: 'x', mark: 'm', isFree: true }) });
    ((await a.take()) as HeldLock).release();
    await settle();
    await pass(doubtMs - 20_000);
    const { faults, process } = stopped(rows);
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
    const { a, b, rows } = contenders();
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
    const { b, rows } = contenders();
    const { faults, process } = stopped(rows);
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
    const { b, rows } = contenders();
    const { faults, process } = stopped(rows);
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
    const { a, b, rows } = contenders();
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
    const { a, rows } = contenders();
    rows.put('lock', { version: 1, value: 'of another version' });
    const { afterMs } = await a.await();
    expect(afterMs).toBeGreaterThanOrEqual(staleMs);
  });

  it('is not taken for abandoned by a process that was stopped itself', async () => {
    const { a, b } = contenders();
    const lock = (await a.take()) as HeldLock;
    expect(await b.take(false)).toBeUndefined();
    await pass(60_000);
    // It looks for the first time since: the owner has renewed it all the while.
    expect(await b.take(false)).toBeUndefined();
    lock.release();
  });

  it('outlasts renewals that fail', async () => {
    const { b, rows } = contenders();
    const { faults, process } = stopped(rows);
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

  it('is not there in a store that fails, which is told', async () => {
    const { rows } = contenders();
    const { faults, process } = stopped(rows);
    faults.isDown = true;
    await expect(process.take()).rejects.toThrow('the store is down');
    await expect(process.isHeld()).rejects.toThrow('the store is down');
  });
});

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
    expect(elapsedMs() - startedAt).toBe(100);
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
    const slow = new LoginLocks().tryTake(contender(rows, 'slow').place, { first: true });
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
