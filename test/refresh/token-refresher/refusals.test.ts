/** When the refresher believes that Polar refuses a refresh token: within seconds if it is alone, otherwise after three minutes. */
import { describe, expect, it } from '@jest/globals';
import { elapsedMs, finished } from '../../support/virtual-time.js';
import { faultyStorage } from '../support/faulty-storage.js';
import { transient } from '../support/polar-errors.js';
import { errorOf, outcome } from '../support/refresher-process.js';
import { expiredWorld, inVirtualTime } from '../support/refresher-setup.js';
import { hourMs, pass, type RefresherWorld } from '../support/refresher-world.js';
import { storageKinds } from '../support/world-rows.js';

inVirtualTime();
const doubtMs = 185_000;
const row = (value: object, version = 1) => ({ version, value: JSON.stringify(value) });

describe.each(storageKinds)('a refusal (%s)', (kind) => {
  it('is believed within seconds by the only owner of a lock that was free', async () => {
    const world = await expiredWorld(kind);
    const a = world.process('A').acquainted();
    world.live = undefined;
    const startedAt = elapsedMs();
    const error = await errorOf(a.valid());
    expect(error).toMatchObject({ code: 'login_expired', cause: { code: 'invalid_grant' } });
    // A process that could not record its tokens has had time to retry.
    expect(elapsedMs() - startedAt).toBeGreaterThanOrEqual(3000);
    expect(elapsedMs() - startedAt).toBeLessThan(4000);
    // It is known now, so the next request does not wait.
    const again = elapsedMs();
    expect((await errorOf(a.valid())).code).toBe('login_expired');
    expect(elapsedMs()).toBe(again);
    expect(world.exchanges).toHaveLength(1);
  });

  it.each<[string, object]>([
    ['that carries a mark', { owner: 'x', mark: 'an exchange may be open', isFree: true }],
    ['whose owner has died', { owner: 'x' }],
    ['whose row is malformed', []],
  ])('is not believed for 185 s by the owner of a lock %s', async (_what, found) => {
    const world = await expiredWorld(kind);
    const a = world.process('A').acquainted();
    world.live = undefined;
    world.rows.put('lock', row(found));
    let firstRefusedAt: number | undefined;
    const becameOf: string[] = [];
    for (;;) {
      const error = await errorOf(a.valid());
      if (world.exchanges.length === 1) firstRefusedAt ??= elapsedMs();
      becameOf.push(String(error.code));
      if (error.code === 'login_expired') break;
      if (error.code === 'server_error') expect(error.retryAfterSeconds).toBeGreaterThanOrEqual(1);
      expect(await a.isAlive()).toBe(true);
      await pass(1000);
    }
    expect(elapsedMs() - Number(firstRefusedAt)).toBeGreaterThanOrEqual(doubtMs - 5000);
    expect(elapsedMs() - Number(firstRefusedAt)).toBeLessThan(doubtMs + 15_000);
    expect(await a.isAlive()).toBe(false);
    // 10, 20, 40 and 80 s later.
    expect(world.exchanges.length).toBeGreaterThanOrEqual(4);
    expect(world.exchanges.length).toBeLessThanOrEqual(5);
  });

  it('is not believed by an owner whose lock has been taken over meanwhile', async () => {
    const world = await expiredWorld(kind);
    const a = world.process('A').acquainted();
    world.live = undefined;
    const hold = world.hold('A refresh');
    const request = a.valid();
    await hold.reached();
    world.rows.put('lock', row({ owner: 'somebody else' }, 7));
    hold.release();
    expect(await errorOf(request)).toMatchObject({
      code: 'server_error',
      retryAfterSeconds: expect.any(Number),
      message: expect.stringContaining('The login is not lost yet'),
    });
  });

  it('is forgotten when a newer record appears, which is used at once', async () => {
    const world = await expiredWorld(kind);
    const [a, b] = world.twoProcesses();
    const hold = world.hold('A write record');
    const won = a.valid();
    await hold.reached();
    world.rows.put('lock', row({ owner: 'x', mark: 'm', isFree: true }, 9));
    expect(await outcome(b.valid())).toBe('server_error');
    await pass(5000);
    hold.release();
    expect(await outcome(won)).toBe('access-1');
    expect(await outcome(b.valid())).toBe('access-1');
    expect(world.exchanges).toEqual(['A refresh', 'B refresh']);
  });

  it('of an old generation does not affect a newer one', async () => {
    const world = await expiredWorld(kind);
    const [a, b] = world.twoProcesses();
    const inFlight = world.hold('B refresh');
    void b.valid();
    await inFlight.reached();
    world.rows.put('lock', undefined);
    await outcome(a.valid());
    await pass(hourMs);
    world.rows.put('lock', undefined);
    inFlight.release();
    expect(await outcome(b.valid())).toBe('access-2');
    expect(await outcome(a.valid())).toBe('access-2');
    expect(world.exchanges).toEqual(['A refresh', 'B refresh', 'B refresh']);
  });
});

describe('an unconfirmed refusal', () => {
  async function inDoubt(): Promise<{ world: RefresherWorld; a: ReturnType<RefresherWorld['process']> }> {
    const world = await expiredWorld();
    const a = world.process('A').acquainted();
    world.live = undefined;
    world.rows.put('lock', row({ owner: 'x', mark: 'm', isFree: true }));
    expect((await errorOf(a.valid())).code).toBe('server_error');
    return { world, a };
  }

  it('keeps Polar from being asked again for 10 s, then 20 s, then 40 s', async () => {
    const { world, a } = await inDoubt();
    const askedAt: number[] = [elapsedMs()];
    let exchanges = world.exchanges.length;
    while (askedAt.length < 4) {
      await pass(500);
      await errorOf(a.valid());
      if (world.exchanges.length > exchanges) askedAt.push(elapsedMs());
      exchanges = world.exchanges.length;
    }
    const pauses = askedAt.slice(1).map((at, index) => Math.round((at - Number(askedAt[index])) / 1000));
    for (const [index, pause] of [10, 20, 40].entries())
      expect(Math.abs(Number(pauses[index]) - pause)).toBeLessThanOrEqual(3);
  });

  it('gives callers the time until Polar is asked again', async () => {
    const { a } = await inDoubt();
    await pass(4000);
    const error = await errorOf(a.valid());
    expect(error.retryAfterSeconds).toBeGreaterThanOrEqual(3);
    expect(error.retryAfterSeconds).toBeLessThanOrEqual(5);
  });

  it('does not end a login whose record cannot be read when the wait is over', async () => {
    const world = await expiredWorld();
    const { storage, faults } = faultyStorage(world.storageFor('A'));
    const [a, b] = [world.process('A', { storage }).acquainted(), world.process('B').acquainted()];
    const hold = world.hold('B write record');
    const slow = b.valid();
    await hold.reached();
    world.rows.put('lock', row({ owner: 'x', mark: 'm', isFree: true }, 99));
    expect(await outcome(a.valid())).toBe('server_error');
    hold.release();
    await finished(slow);
    faults.isDown = true;
    await pass(doubtMs);
    expect((await errorOf(a.valid())).code).toBe('server_error');
    faults.isDown = false;
    expect(await outcome(a.valid())).toBe('access-1');
  });
});

describe('in a store that no other process shares', () => {
  it('a refusal is believed at once', async () => {
    const world = await expiredWorld();
    const a = world.process('A', { storage: { ...world.storageFor('A'), shared: false } }).acquainted();
    world.live = undefined;
    const startedAt = elapsedMs();
    expect(await outcome(a.valid())).toBe('login_expired');
    expect(elapsedMs()).toBe(startedAt);
    expect(world.count('A read lock')).toBe(0);
  });
});

describe('a refusal while the store is unavailable', () => {
  it.each(['hangs', 'isDown'] as const)('leaves open whether the login is dead (%s)', async (how) => {
    const world = await expiredWorld();
    const { storage, faults } = faultyStorage(world.storageFor('A'));
    const a = world.process('A', { storage }).acquainted();
    faults[how] = true;
    world.live = undefined;
    const error = await errorOf(a.valid());
    expect(error).toMatchObject({ code: 'server_error', cause: expect.any(Error) });
    expect(await a.isAlive()).toBe(true);
    faults[how] = false;
    // Another process may have refreshed without a lock meanwhile.
    await pass(30_000);
    expect(await outcome(a.valid())).toBe('server_error');
    await pass(doubtMs);
    expect(await outcome(a.valid())).toBe('login_expired');
  });
});

describe('a 500 that Polar sends to the loser of a race', () => {
  it('makes it read what the winner has recorded', async () => {
    const world = await expiredWorld();
    world.refusal = () => transient('server_error');
    const [a, b] = world.twoProcesses();
    const inFlight = world.hold('B refresh');
    const lost = b.valid();
    await inFlight.reached();
    world.rows.put('lock', undefined);
    expect(await outcome(a.valid())).toBe('access-1');
    inFlight.release();
    expect(await outcome(lost)).toBe('access-1');
  });

  it('becomes an error if the winner’s tokens have expired by then', async () => {
    const world = await expiredWorld();
    world.refusal = () => transient('server_error');
    const [a, b] = world.twoProcesses();
    const inFlight = world.hold('B refresh');
    const lost = b.valid().catch((error: { code: string }) => error.code);
    await inFlight.reached();
    world.rows.put('lock', undefined);
    await outcome(a.valid());
    await pass(hourMs);
    inFlight.release();
    expect(await finished(lost)).toBe('timeout');
    await pass(2000);
    expect(await outcome(b.valid())).toBe('access-2');
  });
});
