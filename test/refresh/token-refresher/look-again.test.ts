/** A process learns within a minute of use what others did to a login, and keeps its rows from being forgotten. */
import { describe, expect, it } from '@jest/globals';
import type { PolarStorage } from 'passport-polar-sh';
import { faultyStorage } from '../refresher/faulty-storage.js';
import { outcome } from '../refresher/refresher-process.js';
import { inVirtualTime } from '../refresher/refresher-setup.js';
import { hourMs, KeeperWorld, pass, settle } from '../refresher/refresher-world.js';
import { finished } from '../refresher/virtual-time.js';
import { storageKinds } from '../refresher/world-rows.js';

const reports = inVirtualTime();
const minute = 60_000;

describe('tokens that stay valid', () => {
  it('are looked after once a minute of use, without anybody waiting', async () => {
    const world = new KeeperWorld();
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
    const world = new KeeperWorld(kind);
    const [a, b] = [world.process('A').acquainted(), world.process('B').acquainted()];
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
      const world = new KeeperWorld(kind);
      const [a, b] = [world.process('A').acquainted(), world.process('B').acquainted()];
      expect(await outcome(b.forced())).toBe('access-1');
      await pass(minute);
      await outcome(a.valid());
      await settle();
      expect(await outcome(a.valid())).toBe('access-1');
      expect(world.exchanges).toEqual(['B refresh']);
    },
  );

  it('are looked after also in a store that belongs to this process, which may forget rows', async () => {
    const world = new KeeperWorld();
    const { storage, faults } = faultyStorage({ ...world.storageFor('A'), shared: false });
    const a = world.process('A', { storage }).acquainted();
    await pass(minute);
    await outcome(a.valid());
    await settle();
    expect(faults.reads).toBe(2);
  });

  it('outlast a store that is down', async () => {
    const world = new KeeperWorld();
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
  /** A process of a world, with the lifetimes that it asked for. */
  function watched(given: Partial<PolarStorage> = {}) {
    const world = new KeeperWorld();
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

  it('are renewed once a minute where the store goes by its own idle time', async () => {
    const { a, lifetimes } = watched({ forgetsIdle: true });
    await outcome(a.forced());
    expect(lifetimes).toEqual([ttlSeconds]);
    await use(a, 10 * minute);
    expect(lifetimes.length).toBeGreaterThanOrEqual(9);
    expect(lifetimes.length).toBeLessThanOrEqual(11);
    expect(new Set(lifetimes)).toEqual(new Set([ttlSeconds]));
  });

  it('are renewed once a day where the store keeps them for as long as it is told', async () => {
    const { a, lifetimes, world } = watched();
    await outcome(a.forced());
    // Tokens that never expire, as far as this process knows: no refresh writes the record.
    await pass(23 * hourMs);
    world.clockOffsetMs = -23 * hourMs;
    await use(a, 2 * minute);
    expect(lifetimes).toHaveLength(1);
    await pass(hourMs);
    world.clockOffsetMs = -24 * hourMs;
    await use(a, 2 * minute);
    expect(lifetimes).toEqual([ttlSeconds, ttlSeconds]);
  });

  it('are left alone when there are none to renew', async () => {
    const { a, lifetimes } = watched({ forgetsIdle: true });
    await use(a, 3 * minute);
    expect(lifetimes).toEqual([]);
  });

  it('that say that it has ended are renewed, too, for as long as somebody comes with it', async () => {
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

  it.each(storageKinds)(
    'that say that it has ended are written again where they were lost (%s)',
    async (kind) => {
      const world = new KeeperWorld(kind);
      const a = world.process('A').acquainted();
      await finished(a.end());
      expect(await outcome(a.valid())).toBe('logged_out');
      await pass(minute);
      world.rows.put('tombstone', undefined);
      expect(await a.isAlive()).toBe(false);
      await pass(1000);
      expect(world.rows.get('tombstone')).toBeDefined();
      // A process that has not met it, with the session of before.
      expect(await outcome(world.process('B').valid())).toBe('logged_out');
    },
  );
});

describe('a record that the store has lost', () => {
  it.each(storageKinds)('is written again at the next look of a process that knows it (%s)', async (kind) => {
    const world = new KeeperWorld(kind);
    const a = world.process('A').acquainted();
    await outcome(a.forced());
    world.rows.put('record', undefined);
    await pass(minute);
    await outcome(a.valid());
    await pass(1000);
    expect(world.recorded).toBe(1);
    expect(reports.map(({ event }) => event)).toEqual(['refreshed', 'record-restored']);
    expect(await outcome(world.process('B').valid())).toBe('access-1');
  });

  it('is written again, too, where an older one has come back in its place', async () => {
    const world = new KeeperWorld();
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

  it('is not written without end to a store that loses it each time', async () => {
    const world = new KeeperWorld('session store');
    const a = world.process('A').acquainted();
    await outcome(a.forced());
    const { length } = world.log;
    for (let lost = 0; lost < 10; lost++) {
      world.rows.put('record', undefined);
      await pass(1500);
    }
    expect(world.log.slice(length).filter((entry) => entry.includes('write record')).length).toBeLessThan(4);
  });

  it('is looked for once more after a refresh, for which no shutdown waits', async () => {
    const world = new KeeperWorld('session store');
    const a = world.process('A').acquainted();
    await outcome(a.forced());
    expect(await finished(a.background.settled(100))).toEqual({ exchanges: 0, writes: 0 });
    world.rows.put('record', undefined);
    await pass(2000);
    expect(world.recorded).toBe(1);
  });

  it('is not missed where the session alone has the tokens of the login', async () => {
    const world = new KeeperWorld();
    const a = world.process('A').acquainted();
    await pass(minute);
    await outcome(a.valid());
    await settle();
    expect(world.recorded).toBeUndefined();
  });

  it('is missed where even the tokens of the login are recorded', async () => {
    const world = new KeeperWorld();
    const a = world.process('A', { isRecordedFromStart: true }).acquainted();
    await finished(a.refresher.recordFirst(a.login));
    world.rows.put('record', undefined);
    await pass(minute);
    await outcome(a.valid());
    await settle();
    expect(world.recorded).toBe(0);
  });

  it('does not come back for a login that has ended', async () => {
    const world = new KeeperWorld();
    const [a, b] = [world.process('A').acquainted(), world.process('B').acquainted()];
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
