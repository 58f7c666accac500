import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { PolarResponseError } from '../../src/errors.js';
import { CircuitBreaker } from '../../src/http/circuit-breaker.js';
import { invalidGrant, transient } from '../refresh/support/polar-errors.js';
import { elapsedMs, installVirtualTime, pass, uninstallVirtualTime } from '../support/virtual-time.js';

let breaker: CircuitBreaker;
let setBackMs: number;
beforeEach(() => {
  installVirtualTime();
  setBackMs = 0;
  breaker = new CircuitBreaker(() => 1_000_000 + elapsedMs() - setBackMs);
});
afterEach(uninstallVirtualTime);

/** A request that fails after some time. */
async function fails(error: Error, tookMs = 0): Promise<void> {
  const attempt = breaker.watch(
    () => new Promise<never>((_resolve, reject) => setTimeout(() => reject(error), tookMs)),
  );
  attempt.catch(() => {});
  await pass(tookMs);
  await expect(attempt).rejects.toBe(error);
}
const works = (): Promise<string> => breaker.watch(async () => 'answer');

/** How many milliseconds the circuit stays open from now on, at most ten minutes, in steps of 50 ms. */
async function openMs(): Promise<number> {
  const from = elapsedMs();
  while (breaker.error !== undefined && elapsedMs() - from < 600_000) await pass(50);
  return elapsedMs() - from;
}

it('a new circuit breaker is closed and passes results on', async () => {
  expect(breaker.error).toBeUndefined();
  expect(await works()).toBe('answer');
});

describe('a circuit breaker that is open because Polar asked to wait', () => {
  it.each(['rate_limited', 'server_error'] as const)(
    'counts the remaining seconds down (%s)',
    async (code) => {
      const error = transient(code, 60);
      await fails(error);
      for (const [passMs, retryAfterSeconds] of [
        [0, 60],
        [1, 60],
        [999, 59],
        [58_000, 1],
        [999, 1],
      ] as const) {
        await pass(passMs);
        expect(breaker.error).toMatchObject({ code, retryAfterSeconds, cause: error, status: 503 });
        expect(breaker.error?.message).toContain(`try again in ${retryAfterSeconds} s`);
      }
      await pass(1);
      expect(breaker.error).toBeUndefined();
    },
  );

  it('closes after five minutes at most', async () => {
    await fails(transient('rate_limited', 86_400));
    expect(breaker.error).toMatchObject({ retryAfterSeconds: 300 });
    expect(await openMs()).toBe(300_000);
  });

  it('closes after one second when a 429 does not say how long to wait', async () => {
    await fails(transient('rate_limited'));
    expect(breaker.error).toMatchObject({ code: 'rate_limited', retryAfterSeconds: 1 });
    expect(await openMs()).toBe(1000);
  });

  it.each([
    ['a response', () => works()],
    ['a refusal', () => fails(invalidGrant())],
  ])('closes after %s', async (_what, ends) => {
    await fails(transient('rate_limited', 60));
    await ends();
    expect(breaker.error).toBeUndefined();
  });

  it.each([
    ['a response', () => undefined],
    ['a refusal', () => invalidGrant()],
    ['an error without Retry-After', () => transient('server_error')],
  ])('stays open when an earlier request ends with %s', async (_what, outcome) => {
    let end = (): void => {};
    const attempt = breaker.watch(
      () =>
        new Promise((resolve, reject) => {
          end = () => (outcome() === undefined ? resolve('answer') : reject(outcome()));
        }),
    );
    attempt.catch(() => {});
    await fails(transient('rate_limited', 60));
    end();
    await attempt.catch(() => {});
    expect(breaker.error).toMatchObject({ code: 'rate_limited', retryAfterSeconds: 60 });
  });

  it('stays closed after the wait when an earlier request ends', async () => {
    let end = (): void => {};
    const attempt = breaker.watch(() => new Promise<void>((resolve) => (end = resolve)));
    await fails(transient('rate_limited', 60));
    await pass(60_000);
    await works();
    end();
    await attempt;
    expect(breaker.error).toBeUndefined();
  });

  it('closes when the clock is set back', async () => {
    await fails(transient('rate_limited', 60));
    setBackMs = 1;
    expect(breaker.error).toBeUndefined();
  });
});

describe('a circuit breaker after a failure', () => {
  it.each([
    [99, 0],
    [100, 100],
    [700, 700],
    [10_000, 1000],
  ])('that took %d ms stays open for %d ms, with the error of that request', async (tookMs, windowMs) => {
    const error = transient('timeout');
    await fails(error, tookMs);
    expect(breaker.error).toBe(windowMs === 0 ? undefined : error);
    expect(await openMs()).toBe(windowMs);
  });
});

it('a circuit breaker opens after a malformed response as well', async () => {
  const error = new PolarResponseError('malformed_response', 'not JSON');
  await fails(error, 500);
  expect(breaker.error).toBe(error);
});

it('a circuit breaker with onlyWhenAsked opens only when Polar asks to wait', async () => {
  breaker = new CircuitBreaker(elapsedMs, { onlyWhenAsked: true });
  for (let round = 0; round < 5; round++) await fails(transient('server_error'));
  await fails(transient('timeout'), 10_000);
  expect(breaker.error).toBeUndefined();
  await fails(transient('server_error', 2));
  expect(await openMs()).toBe(2000);
  await fails(transient('rate_limited'));
  expect(await openMs()).toBe(1000);
});

describe('a series of quick failures', () => {
  it('opens the circuit from the third one on, for a time that doubles up to 5 s', async () => {
    const windows: number[] = [];
    for (let round = 0; round < 9; round++) {
      await fails(transient('server_error'));
      windows.push(await openMs());
    }
    expect(windows).toEqual([0, 0, 250, 500, 1000, 2000, 4000, 5000, 5000]);
  });

  it('is forgotten after the first response', async () => {
    for (let round = 0; round < 3; round++) await fails(transient('server_error'));
    await pass(250);
    await works();
    await fails(transient('server_error'));
    expect(breaker.error).toBeUndefined();
  });

  it('counts as one failure when they happen concurrently', async () => {
    const all = Array.from({ length: 10 }, () => {
      let fail = (_error: Error): void => {};
      const attempt = breaker.watch(
        () =>
          new Promise<never>((_resolve, reject) => {
            fail = reject;
          }),
      );
      attempt.catch(() => {});
      return () => fail(transient('server_error'));
    });
    for (const fail of all) {
      await pass(1);
      fail();
    }
    await pass(0);
    expect(breaker.error).toBeUndefined();
  });
});
