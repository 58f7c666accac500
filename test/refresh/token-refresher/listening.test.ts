/** An exchange that was sent is listened to, however short the patience of those who wait: its response is all there is. */
import { describe, expect, it } from '@jest/globals';
import { within } from '../../../src/async/within.js';
import { errorOf, outcome } from '../refresher/refresher-process.js';
import { expiredWorld, inVirtualTime } from '../refresher/refresher-setup.js';
import { KeeperWorld, pass, settle, transient } from '../refresher/refresher-world.js';
import { elapsedMs, finished, stepTime } from '../refresher/virtual-time.js';
import { storageKinds } from '../refresher/world-rows.js';

const reports = inVirtualTime();

describe.each(storageKinds)('a refresh that outlasts the time-out of its caller (%s)', (kind) => {
  it('is recorded when its response comes 0.5 s too late, and others take what it brought', async () => {
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

  it('is joined by later requests of its process, each of which waits for its own time-out', async () => {
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

  it('keeps its lock all the while, so that nobody refreshes beside it', async () => {
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
  it('takes the response that lay in its socket, though its time-out was over when it woke', async () => {
    const world = await expiredWorld();
    const a = world.process('A', { timeoutMs: 2000 }).acquainted();
    const hold = world.hold('A response');
    const startedAt = elapsedMs();
    const request = a.valid();
    await hold.reached();
    // When a process wakes up, Node runs all timers that are due, and reads its sockets then.
    while (elapsedMs() < startedAt + 2000 && stepTime());
    setImmediate(() => hold.release());
    expect(await outcome(request)).toBe('access-1');
    expect(world.recorded).toBe(1);
  });
});

describe('a deadline', () => {
  it('lets what comes in the same turn of the event loop count', async () => {
    let come = (_value: string): void => {};
    const response = new Promise<string>((resolve) => {
      come = resolve;
    });
    const waiting = within(response, 1000, 'The response');
    waiting.catch(() => {});
    stepTime();
    setImmediate(() => come('there'));
    expect(await finished(waiting)).toBe('there');
  });

  it('is over two turns of the event loop after its time', async () => {
    const waiting = within(new Promise(() => {}), 1000, 'The response');
    expect((await errorOf(waiting)).message).toBe('The response took longer than 1000 ms');
    expect(elapsedMs()).toBe(1000);
  });
});

describe('the circuit breaker', () => {
  it('goes by how long callers had to wait, not by how long the exchange was listened to', async () => {
    const world = await expiredWorld();
    const a = world.process('A', { timeoutMs: 2000 }).acquainted();
    const hold = world.hold('A response');
    void a.valid();
    await hold.reached();
    await pass(2000);
    // Polar has just kept somebody waiting: who comes now gets the error at once.
    const startedAt = elapsedMs();
    expect(await outcome(a.valid())).toBe('timeout');
    expect(elapsedMs()).toBe(startedAt);
    hold.release();
    await settle();
    expect(await outcome(a.valid())).toBe('access-1');
  });
});

describe('the exchanges that may be under way in a process', () => {
  it('are limited: beyond that requests fail without harm, and nothing is sent', async () => {
    const world = new KeeperWorld();
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

  it('are counted off after failures, too', async () => {
    const world = await expiredWorld();
    const a = world.process('A', { maxExchanges: 1 }).acquainted();
    for (let time = 0; time < 3; time++) {
      world.mishaps.push({ before: transient('network_error') });
      expect(await outcome(a.valid())).toBe('network_error');
      await pass(10_000);
    }
    expect(await outcome(a.valid())).toBe('access-1');
    expect(reports.filter(({ event }) => event === 'failed')).toHaveLength(3);
  });

  it('are waited for by a shutdown, which says what is left', async () => {
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
