/** A refresh is awaited to the end, even when its callers have given up: the response is the only copy of the new tokens. */
import { describe, expect, it } from '@jest/globals';
import { elapsedMs, finished, stepTime } from '../../support/virtual-time.js';
import { transient } from '../support/polar-errors.js';
import { errorOf, outcome } from '../support/refresher-process.js';
import { expiredWorld, inVirtualTime } from '../support/refresher-setup.js';
import { pass, RefresherWorld, settle } from '../support/refresher-world.js';
import { storageKinds } from '../support/world-rows.js';

const reports = inVirtualTime();

describe.each(storageKinds)('a refresh that outlasts the time-out of its caller (%s)', (kind) => {
  it('is recorded when its response comes 0.5 s too late, and other requests use its tokens', async () => {
    const world = await expiredWorld(kind);
    const a = world.process('A', { timeoutMs: 2000 }).acquainted();
    const hold = world.hold('A response');
    const startedAt = elapsedMs();
    const request = a.valid();
    await hold.reached();
    const error = await errorOf(request);
    expect(error).toMatchObject({
      code: 'timeout',
      message: expect.stringContaining('took longer than 2000 ms'),
    });
    expect(elapsedMs() - startedAt).toBe(2000);
    await pass(500);
    hold.release();
    await settle();
    expect(world.recorded).toBe(1);
    expect(await outcome(a.valid())).toBe('access-1');
    expect(await outcome(world.process('B', { timeoutMs: 2000 }).valid())).toBe('access-1');
    expect(world.exchanges).toEqual(['A refresh']);
    expect(world.revocations).toEqual([]);
  });

  it('is shared by later requests of its process, each with its own time-out', async () => {
    const world = await expiredWorld(kind);
    const a = world.process('A', { timeoutMs: 2000 }).acquainted();
    const hold = world.hold('A response');
    void a.valid();
    await hold.reached();
    await pass(20_000);
    const startedAt = elapsedMs();
    const late = a.valid();
    hold.release();
    expect(await outcome(late)).toBe('access-1');
    expect(elapsedMs() - startedAt).toBeLessThan(2000);
    expect(world.exchanges).toEqual(['A refresh']);
  });

  it('keeps its lock, so that no other process refreshes', async () => {
    const world = await expiredWorld(kind);
    const a = world.process('A', { timeoutMs: 2000 }).acquainted();
    const b = world.process('B', { timeoutMs: 2000 }).acquainted();
    const hold = world.hold('A response');
    void a.valid();
    await hold.reached();
    for (let passedMs = 0; passedMs < 110_000; passedMs += 5000) {
      expect(await outcome(b.valid())).toBe('timeout');
      await pass(3000);
    }
    hold.release();
    await pass(500);
    expect(await outcome(b.valid())).toBe('access-1');
    expect(world.exchanges).toEqual(['A refresh']);
  });
});

describe('a process that was stopped for 3 s', () => {
  it('uses the response in its socket, although the time-out had passed when it woke', async () => {
    const world = await expiredWorld();
    const a = world.process('A', { timeoutMs: 2000 }).acquainted();
    const hold = world.hold('A response');
    const startedAt = elapsedMs();
    const request = a.valid();
    await hold.reached();
    // When a process wakes up, Node first runs all timers that are due, then reads its sockets.
    while (elapsedMs() < startedAt + 2000 && stepTime());
    setImmediate(() => hold.release());
    expect(await outcome(request)).toBe('access-1');
    expect(world.recorded).toBe(1);
  });
});

describe('the circuit breaker', () => {
  it('counts the time that callers had to wait, not how long the exchange took', async () => {
    const world = await expiredWorld();
    const a = world.process('A', { timeoutMs: 2000 }).acquainted();
    const hold = world.hold('A response');
    void a.valid();
    await hold.reached();
    await pass(2000);
    // Polar has just kept a caller waiting, so the next one gets the error at once.
    const startedAt = elapsedMs();
    expect(await outcome(a.valid())).toBe('timeout');
    expect(elapsedMs()).toBe(startedAt);
    hold.release();
    await settle();
    expect(await outcome(a.valid())).toBe('access-1');
  });
});

describe('the exchanges under way in a process', () => {
  it('are limited, and requests beyond the limit fail without harm and send nothing', async () => {
    const world = new RefresherWorld();
    const a = world.process('A', { maxExchanges: 1 }).acquainted();
    const other = await expiredWorld();
    const b = other.process('B', { maxExchanges: 1 }).acquainted();
    const hold = world.hold('A response');
    const first = a.forced();
    await hold.reached();
    const error = await errorOf(b.valid());
    expect(error).toMatchObject({ code: 'server_error', retryAfterSeconds: 1 });
    expect(other.exchanges).toEqual([]);
    hold.release();
    await outcome(first);
    expect(await outcome(b.valid())).toBe('access-1');
  });

  it('no longer count after they have failed', async () => {
    const world = await expiredWorld();
    const a = world.process('A', { maxExchanges: 1 }).acquainted();
    for (let time = 0; time < 3; time++) {
      world.mishaps.push({ before: transient('network_error') });
      expect(await outcome(a.valid())).toBe('network_error');
      await pass(10_000);
    }
    expect(await outcome(a.valid())).toBe('access-1');
    expect(reports.filter(({ event }) => event === 'refresh-failed')).toHaveLength(3);
  });

  it('delay a shutdown, which reports how many are left', async () => {
    const world = await expiredWorld();
    const a = world.process('A').acquainted();
    const hold = world.hold('A response');
    void a.valid();
    await hold.reached();
    expect(await finished(a.background.settled(3000))).toMatchObject({ exchanges: 1 });
    const settled = a.background.settled(3000);
    hold.release();
    expect(await finished(settled)).toEqual({ exchanges: 0, writes: 0 });
  });
});
