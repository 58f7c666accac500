/** A logout wins against a refresh in every order of their steps: no token still works. */
import { describe, expect, it } from '@jest/globals';
import { PolarConfigurationError } from '../../../src/errors.js';
import { elapsedMs, finished } from '../../support/virtual-time.js';
import { faultyStorage } from '../support/faulty-storage.js';
import { errorOf, outcome } from '../support/refresher-process.js';
import { expectEnded, expiredWorld, inVirtualTime } from '../support/refresher-setup.js';
import { hourMs, pass, RefresherWorld, settle } from '../support/refresher-world.js';
import { type StorageKind, stepwiseKinds, storageKinds } from '../support/world-rows.js';

inVirtualTime();

async function twoProcesses(kind: StorageKind) {
  const world = await expiredWorld(kind);
  return { world, a: world.process('A').acquainted(), b: world.process('B') };
}

describe.each(storageKinds)('a logout in another process (%s)', (kind) => {
  it.each<[string, string, string[], number]>([
    ['before Polar receives the refresh', 'A refresh', ['B refresh-0'], 1],
    ['after Polar has issued new tokens', 'A response', ['B refresh-0', 'A refresh-1'], 1],
    ['before the new tokens are recorded', 'A write record', ['B refresh-0', 'A refresh-1'], 1],
  ])('leaves no token that works if it comes %s', async (_when, point, revocations, exchanges) => {
    const { world, a, b } = await twoProcesses(kind);
    let refresh: ReturnType<typeof a.valid> | undefined;
    const hold = await world.runTo(() => {
      refresh = a.valid();
    }, point);
    await finished(b.end());
    hold.release();
    expect(await outcome(refresh as never)).toBe('logged_out');
    expect(world.revocations).toEqual(revocations);
    expect(world.exchanges).toHaveLength(exchanges);
    await expectEnded(world, [a, b, world.process('C')]);
  });

  it('revokes the tokens of an earlier refresh', async () => {
    const { world, a, b } = await twoProcesses(kind);
    expect(await outcome(a.valid())).toBe('access-1');
    await finished(b.end());
    expect(world.revocations).toEqual(['B refresh-1']);
    await expectEnded(world, [a, b, world.process('C')]);
  });

  it('keeps another process from asking Polar if it comes before that takes the lock', async () => {
    const { world, a, b } = await twoProcesses(kind);
    await finished(b.end());
    expect(await outcome(a.valid())).toBe('logged_out');
    expect(world.exchanges).toEqual([]);
    await expectEnded(world, [a, b, world.process('C')]);
  });

  it.each<[string, string, string, string[]]>([
    ['before it writes its tombstone', 'B write tombstone', 'access-1', ['B refresh-1']],
    // A store with batches reads it in one step with the tombstone.
    kind === 'batch'
      ? ['before it reads the record', 'B read record', 'access-1', ['B refresh-1']]
      : ['before it reads the record', 'B read record', 'logged_out', ['B refresh-0']],
    ['before it revokes', 'B revoke', 'logged_out', ['B refresh-0']],
  ])(
    'leaves no token that works if a whole refresh happens %s',
    async (_when, point, became, revocations) => {
      const { world, a, b } = await twoProcesses(kind);
      let logout: Promise<void> | undefined;
      const hold = await world.runTo(() => {
        logout = b.end();
      }, point);
      expect(await outcome(a.valid())).toBe(became);
      hold.release();
      await finished(logout as never);
      expect(world.revocations).toEqual(revocations);
      await expectEnded(world, [a, b, world.process('C')]);
    },
  );

  it('waits for a refresh under way, so that its tokens are revoked once', async () => {
    const { world, a, b } = await twoProcesses(kind);
    const hold = world.hold('A response');
    const refresh = a.valid();
    await hold.reached();
    const logout = b.end();
    await pass(1000);
    expect(world.has('tombstone')).toBe(true);
    expect(world.revocations).toEqual([]);
    hold.release();
    expect(await outcome(refresh)).toBe('logged_out');
    await finished(logout);
    expect(world.revocations).toEqual(['A refresh-1', 'B refresh-1']);
    await expectEnded(world, [a, b]);
  });

  it('waits for a refresh under way for 2 s at most', async () => {
    const { world, a, b } = await twoProcesses(kind);
    const hold = world.hold('A response');
    const refresh = a.valid();
    await hold.reached();
    const startedAt = elapsedMs();
    await finished(b.end());
    expect(elapsedMs() - startedAt).toBeGreaterThanOrEqual(2000);
    expect(elapsedMs() - startedAt).toBeLessThan(2500);
    expect(world.revocations).toEqual(['B refresh-0']);
    hold.release();
    expect(await outcome(refresh)).toBe('logged_out');
    await expectEnded(world, [a, b]);
  });

  it('revokes the newest tokens, although its process has seen only old ones', async () => {
    const { world, a, b } = await twoProcesses(kind);
    b.acquainted();
    await outcome(a.valid());
    await pass(hourMs);
    expect(await outcome(a.valid())).toBe('access-2');
    await finished(b.end());
    expect(world.revocations).toEqual(['B refresh-2']);
    await expectEnded(world, [a, b]);
  });
});

describe.each(stepwiseKinds)('a logout between two steps of a refresh (%s)', (kind) => {
  it.each<[string, string[], string[], number]>([
    ['before the refresher reads the tombstone', ['A read lock', 'A read tombstone'], ['B refresh-0'], 0],
    [
      'after the record is written and before the tombstone is read',
      ['A write record', 'A read tombstone'],
      ['B refresh-1', 'A refresh-1'],
      1,
    ],
  ])('leaves no token that works if it comes %s', async (_when, points, revocations, exchanges) => {
    const { world, a, b } = await twoProcesses(kind);
    let refresh: ReturnType<typeof a.valid> | undefined;
    const hold = await world.runTo(
      () => {
        refresh = a.valid();
      },
      ...points,
    );
    await finished(b.end());
    hold.release();
    expect(await outcome(refresh as never)).toBe('logged_out');
    expect(world.revocations).toEqual(revocations);
    expect(world.exchanges).toHaveLength(exchanges);
    await expectEnded(world, [a, b, world.process('C')]);
  });
});

describe('a logout', () => {
  it('revokes the tokens that its process knows if they are newer than the record', async () => {
    const world = await expiredWorld();
    const { storage, faults } = faultyStorage(world.storageFor('A'));
    const a = world.process('A', { storage }).acquainted();
    await outcome(a.valid());
    await pass(hourMs);
    faults.failingWrites = 4; // the lock and three attempts at the record
    await outcome(a.valid());
    await finished(a.end());
    expect(world.revocations).toEqual(['A refresh-2']);
    await expectEnded(world, [a, world.process('B')]);
  });

  it.each(storageKinds)(
    'reaches tokens whose record the store has lost as soon as their process learns of it (%s)',
    async (kind) => {
      const { world, a, b } = await twoProcesses(kind);
      await outcome(a.valid());
      await pass(3000);
      world.rows.put('record', undefined);
      await finished(b.end());
      expect(world.live).toBe('refresh-1');
      const c = world.process('C');
      await pass(60_000);
      await outcome(a.valid());
      await settle();
      expect(world.revocations).toEqual(['B refresh-0', 'A refresh-1']);
      await expectEnded(world, [a, b, c]);
      expect(world.revocations).toHaveLength(2);
    },
  );

  it('revokes once, however often it is repeated', async () => {
    const world = new RefresherWorld();
    const a = world.process('A').acquainted();
    for (let time = 0; time < 3; time++) await finished(a.end());
    expect(world.revocations).toEqual(['A refresh-0']);
  });

  it('waits for a refresh in its own process', async () => {
    const world = await expiredWorld();
    const a = world.process('A').acquainted();
    const hold = world.hold('A response');
    const refresh = a.valid();
    await hold.reached();
    const logout = a.end();
    await pass(1000);
    expect(world.revocations).toEqual([]);
    hold.release();
    await finished(logout);
    expect(await outcome(refresh)).toBe('logged_out');
    await expectEnded(world, [a]);
  });

  it('waits no longer than the time-out if that is shorter than 2 s', async () => {
    const world = await expiredWorld();
    const a = world.process('A').acquainted();
    const hold = world.hold('A response');
    void a.valid();
    await hold.reached();
    const startedAt = elapsedMs();
    await finished(world.process('B', { timeoutMs: 500 }).end());
    expect(elapsedMs() - startedAt).toBeLessThan(800);
  });

  it('tells the revocation which tokens Polar may not have committed yet', async () => {
    for (const [ageMs, young] of [
      [1999, ['refresh-1']],
      [2000, []],
    ] as const) {
      const world = await expiredWorld();
      const a = world.process('A').acquainted();
      await outcome(a.valid());
      await pass(ageMs);
      await finished(world.process('B').end());
      expect(world.revokedYoung).toEqual(young);
    }
  });

  it('makes a refresh that finds it revoke its tokens as ones that Polar may not have committed yet', async () => {
    const world = await expiredWorld();
    const a = world.process('A').acquainted();
    const hold = world.hold('A response');
    const refresh = a.valid();
    await hold.reached();
    await finished(world.process('B').end());
    hold.release();
    await outcome(refresh);
    expect(world.revokedYoung).toEqual(['refresh-1']);
  });
});

describe('the end of a login', () => {
  it('is recorded, whatever a refresh under way brings while the store is down', async () => {
    const world = await expiredWorld();
    const { storage, faults } = faultyStorage(world.storageFor('A'));
    const a = world.process('A', { storage }).acquainted();
    const hold = world.hold('A response');
    const refresh = a.valid();
    await hold.reached();
    faults.isDown = true;
    await finished(a.end());
    hold.release();
    expect(await outcome(refresh)).toBe('logged_out');
    expect(world.revocations).toEqual(['A refresh-0', 'A refresh-1']);
    faults.isDown = false;
    await pass(60_000);
    expect(world.has('tombstone')).toBe(true);
    await expectEnded(world, [a]);
    expect(await outcome(world.process('B').valid())).toBe('logged_out');
  });

  it('is recorded late if the store fails, and tokens that were refreshed meanwhile are revoked then', async () => {
    const world = await expiredWorld();
    const { storage, faults } = faultyStorage(world.storageFor('A'));
    const [a, b] = [world.process('A', { storage }).acquainted(), world.process('B')];
    faults.failingWrites = 5;
    await finished(a.end());
    expect(world.revocations).toEqual(['A refresh-0']);
    world.live = 'refresh-0'; // as if Polar had failed to revoke it
    expect(await outcome(b.valid())).toBe('access-1');
    await pass(60_000);
    expect(world.revocations).toEqual(['A refresh-0', 'A refresh-1']);
    await expectEnded(world, [a, b]);
  });

  it('is an error if it can never be recorded, and the tokens are revoked all the same', async () => {
    const world = new RefresherWorld();
    const { storage, faults } = faultyStorage(world.storageFor('A'));
    faults.isReadOnly = true;
    const a = world.process('A', { storage }).acquainted();
    const error = await errorOf(a.end());
    expect(error).toBeInstanceOf(PolarConfigurationError);
    expect(error.code).toBe('unsupported_storage');
    expect(world.revocations).toEqual(['A refresh-0']);
    expect(await outcome(a.valid())).toBe('logged_out');
  });

  it('is recorded for a login that cannot be opened, and nothing is revoked', async () => {
    const world = new RefresherWorld();
    const a = world.process('A');
    await finished(a.refresher.endUnopened(a.login, 'logged_out'));
    expect(world.revocations).toEqual([]);
    expect(await outcome(world.process('B').valid())).toBe('logged_out');
  });

  it('stays known when a record is written later', async () => {
    const world = await expiredWorld();
    const a = world.process('A').acquainted();
    const hold = world.hold('A write record');
    const refresh = a.valid();
    await hold.reached();
    await finished(a.end());
    expect(a.peeked).toBeUndefined();
    hold.release();
    expect(await outcome(refresh)).toBe('logged_out');
    expect(a.peeked).toBeUndefined();
    expect(world.recorded).toBe(1);
    await expectEnded(world, [a, world.process('B')]);
  });
});
