/** A process revalidates a login within a minute of use, and renews its rows before the store forgets them. */
import { describe, expect, it } from '@jest/globals';
import type { PolarStorage } from 'passport-polar-sh';
import { finished } from '../../support/virtual-time.js';
import { faultyStorage } from '../support/faulty-storage.js';
import { outcome } from '../support/refresher-process.js';
import { inVirtualTime } from '../support/refresher-setup.js';
import { hourMs, pass, RefresherWorld, settle } from '../support/refresher-world.js';
import { storageKinds } from '../support/world-rows.js';

const reports = inVirtualTime();
const minute = 60_000;

describe('tokens that stay valid', () => {
  it('are revalidated in the background once a minute of use', async () => {
    const world = new RefresherWorld();
    const a = world.process('A').acquainted();
    await pass(minute - 1);
    await outcome(a.valid());
    expect(world.log).toEqual([]);
    await pass(1);
    const held = world.hold(/^A read/);
    expect(await outcome(a.valid())).toBe('access-0');
    expect(await outcome(a.valid())).toBe('access-0');
    held.release();
    await settle();
    expect(world.log).toEqual(['A read tombstone', 'A read record']);
    await outcome(a.valid());
    await settle();
    expect(world.log).toHaveLength(2);
  });

  it.each(storageKinds)('are given up within a minute of a logout in another process (%s)', async (kind) => {
    const world = new RefresherWorld(kind);
    const [a, b] = world.twoProcesses();
    await finished(b.end());
    expect(await outcome(a.valid())).toBe('access-0');
    await pass(minute);
    await outcome(a.valid());
    await settle();
    expect(await outcome(a.valid())).toBe('logged_out');
  });

  it.each(storageKinds)(
    'are replaced within a minute of a forced refresh in another process (%s)',
    async (kind) => {
      const world = new RefresherWorld(kind);
      const [a, b] = world.twoProcesses();
      expect(await outcome(b.forced())).toBe('access-1');
      await pass(minute);
      await outcome(a.valid());
      await settle();
      expect(await outcome(a.valid())).toBe('access-1');
      expect(world.exchanges).toEqual(['B refresh']);
    },
  );

  it('are also revalidated in a store that no other process shares, since it may forget rows', async () => {
    const world = new RefresherWorld();
    const { storage, faults } = faultyStorage({ ...world.storageFor('A'), shared: false });
    const a = world.process('A', { storage }).acquainted();
    await pass(minute);
    await outcome(a.valid());
    await settle();
    expect(faults.reads).toBe(2);
  });

  it('stay in use while the store is down', async () => {
    const world = new RefresherWorld();
    const { storage, faults } = faultyStorage(world.storageFor('A'));
    const a = world.process('A', { storage }).acquainted();
    faults.isDown = true;
    await pass(minute);
    expect(await outcome(a.valid())).toBe('access-0');
    await settle();
    expect(await outcome(a.valid())).toBe('access-0');
    expect(reports.map(({ event }) => event)).toEqual(['record-unreadable']);
  });
});

describe('the rows of a login in use', () => {
  /** A process and the lifetimes that it gives its rows. */
  function watched(given: Partial<PolarStorage> = {}) {
    const world = new RefresherWorld();
    const inner = world.storageFor('A');
    const lifetimes: number[] = [];
    const storage: PolarStorage = {
      ...inner,
      ...given,
      write: (key, row, options) => {
        if (options.ttlSeconds > 900) lifetimes.push(options.ttlSeconds);
        return inner.write(key, row, options);
      },
    };
    return { world, a: world.process('A', { storage }).acquainted(), lifetimes };
  }
  /** Uses the login every 20 s. */
  async function use(a: ReturnType<typeof watched>['a'], forMs: number): Promise<void> {
    for (let usedMs = 0; usedMs < forMs; usedMs += 20_000) {
      await outcome(a.valid());
      await pass(20_000);
    }
  }
  const ttlSeconds = 30 * 24 * 60 * 60;

  it('are renewed once a minute if the store expires idle rows', async () => {
    const { a, lifetimes } = watched({ forgetsIdle: true });
    await outcome(a.forced());
    expect(lifetimes).toEqual([ttlSeconds]);
    await use(a, 10 * minute);
    expect(lifetimes.length).toBeGreaterThanOrEqual(9);
    expect(lifetimes.length).toBeLessThanOrEqual(11);
    expect(new Set(lifetimes)).toEqual(new Set([ttlSeconds]));
  });

  it('are renewed once a day if the store keeps rows for as long as it is told', async () => {
    const { a, lifetimes, world } = watched();
    await outcome(a.forced());
    // For this process the tokens never expire, so no refresh writes the record.
    await pass(23 * hourMs);
    world.clockOffsetMs = -23 * hourMs;
    await use(a, 2 * minute);
    expect(lifetimes).toHaveLength(1);
    await pass(hourMs);
    world.clockOffsetMs = -24 * hourMs;
    await use(a, 2 * minute);
    expect(lifetimes).toEqual([ttlSeconds, ttlSeconds]);
  });

  it('are not renewed if there are none', async () => {
    const { a, lifetimes } = watched({ forgetsIdle: true });
    await use(a, 3 * minute);
    expect(lifetimes).toEqual([]);
  });

  it('are renewed after a logout, too, while requests still come with the login', async () => {
    const { a, lifetimes, world } = watched({ forgetsIdle: true });
    await finished(world.process('B').acquainted().end());
    await pass(minute);
    await outcome(a.valid());
    await settle();
    expect(lifetimes).toEqual([ttlSeconds]);
    await use(a, 10 * minute);
    expect(lifetimes.length).toBeGreaterThanOrEqual(10);
    expect(lifetimes.length).toBeLessThanOrEqual(12);
  });

  it.each(storageKinds)('are written again after a logout if the store has lost them (%s)', async (kind) => {
    const world = new RefresherWorld(kind);
    const a = world.process('A').acquainted();
    await finished(a.end());
    expect(await outcome(a.valid())).toBe('logged_out');
    await pass(minute);
    world.rows.put('tombstone', undefined);
    expect(await a.isAlive()).toBe(false);
    await pass(1000);
    expect(world.rows.get('tombstone')).toBeDefined();
    // A process that has not seen the login yet, with the old session.
    expect(await outcome(world.process('B').valid())).toBe('logged_out');
  });
});

describe('a record that the store has lost', () => {
  it.each(storageKinds)(
    'is written again at the next revalidation by a process that has its tokens (%s)',
    async (kind) => {
      const world = new RefresherWorld(kind);
      const a = world.process('A').acquainted();
      await outcome(a.forced());
      world.rows.put('record', undefined);
      await pass(minute);
      await outcome(a.valid());
      await pass(1000);
      expect(world.recorded).toBe(1);
      expect(reports.map(({ event }) => event)).toEqual(['refreshed', 'record-restored']);
      expect(await outcome(world.process('B').valid())).toBe('access-1');
    },
  );

  it('is also written again if an older one has come back in its place', async () => {
    const world = new RefresherWorld();
    const a = world.process('A').acquainted();
    await outcome(a.forced());
    const old = world.rows.get('record');
    await pass(3000);
    await outcome(a.forced());
    world.rows.put('record', old);
    await pass(minute);
    await outcome(a.valid());
    await settle();
    expect(world.recorded).toBe(2);
  });

  it('is not rewritten endlessly in a store that loses it each time', async () => {
    const world = new RefresherWorld('session store');
    const a = world.process('A').acquainted();
    await outcome(a.forced());
    const { length } = world.log;
    for (let lost = 0; lost < 10; lost++) {
      world.rows.put('record', undefined);
      await pass(1500);
    }
    expect(world.log.slice(length).filter((entry) => entry.includes('write record')).length).toBeLessThan(4);
  });

  it('is looked up once more after a refresh, and no shutdown waits for that', async () => {
    const world = new RefresherWorld('session store');
    const a = world.process('A').acquainted();
    await outcome(a.forced());
    expect(await finished(a.background.settled(100))).toEqual({ exchanges: 0, writes: 0 });
    world.rows.put('record', undefined);
    await pass(2000);
    expect(world.recorded).toBe(1);
  });

  it('is not missed if only the session holds the tokens of the login', async () => {
    const world = new RefresherWorld();
    const a = world.process('A').acquainted();
    await pass(minute);
    await outcome(a.valid());
    await settle();
    expect(world.recorded).toBeUndefined();
  });

  it('is missed if the tokens of the login are recorded from the start', async () => {
    const world = new RefresherWorld();
    const a = world.process('A', { recordsFromStart: true }).acquainted();
    await finished(a.refresher.recordFirst(a.login));
    world.rows.put('record', undefined);
    await pass(minute);
    await outcome(a.valid());
    await settle();
    expect(world.recorded).toBe(0);
  });

  it('is not restored for a login that has ended', async () => {
    const world = new RefresherWorld();
    const [a, b] = world.twoProcesses();
    await outcome(a.forced());
    world.rows.put('record', undefined);
    await finished(b.end());
    await pass(minute);
    await outcome(a.valid());
    await settle();
    expect(world.recorded).toBeUndefined();
    expect(await outcome(a.valid())).toBe('logged_out');
  });
});
