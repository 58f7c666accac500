import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { PolarResponseError } from '../../src/errors.js';
import { CircuitBreaker } from '../../src/http/circuit-breaker.js';
import { invalidGrant, transient } from '../refresh/refresher/refresher-world.js';
import {
  elapsedMs,
  installVirtualTime,
  pass,
  uninstallVirtualTime,
} from '../refresh/refresher/virtual-time.js';

let outage: CircuitBreaker;
let setBackMs: number;
beforeEach(() => {
  installVirtualTime();
  setBackMs = 0;
  outage = new CircuitBreaker(() => 1_000_000 + elapsedMs() - setBackMs);
});
afterEach(uninstallVirtualTime);

/** An attempt that takes some time, and then fails. */
async function fails(error: Error, tookMs = 0): Promise<void> {
  const attempt = outage.watch(
    () => new Promise<never>((_resolve, reject) => setTimeout(() => reject(error), tookMs)),
  );
  attempt.catch(() => {});
  await pass(tookMs);
  await expect(attempt).rejects.toBe(error);
}
const works = (): Promise<string> => outage.watch(async () => 'answer');

/** For how many milliseconds from now everybody fails at once, ten minutes at most; looked at every 50 ms. */
async function window(): Promise<number> {
  const from = elapsedMs();
  while (outage.error !== undefined && elapsedMs() - from < 600_000) await pass(50);
  return elapsedMs() - from;
}

it('is none at the start, and hands on what is asked', async () => {
  expect(outage.error).toBeUndefined();
  expect(await works()).toBe('answer');
});

describe('after Polar said how long to wait', () => {
  it.each(['rate_limited', 'server_error'] as const)('it counts down (%s)', async (code) => {
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
      expect(outage.error).toMatchObject({ code, retryAfterSeconds, cause: error, status: 503 });
      expect(outage.error?.message).toContain(`another ${retryAfterSeconds} s`);
    }
    await pass(1);
    expect(outage.error).toBeUndefined();
  });

  it('it is believed for five minutes at most', async () => {
    await fails(transient('rate_limited', 86_400));
    expect(outage.error).toMatchObject({ retryAfterSeconds: 300 });
    expect(await window()).toBe(300_000);
  });

  it('a 429 that does not say counts as one second', async () => {
    await fails(transient('rate_limited'));
    expect(outage.error).toMatchObject({ code: 'rate_limited', retryAfterSeconds: 1 });
    expect(await window()).toBe(1000);
  });

  it.each([
    ['an answer', () => works()],
    ['a refusal', () => fails(invalidGrant())],
  ])('it is over with %s', async (_what, ends) => {
    await fails(transient('rate_limited', 60));
    await ends();
    expect(outage.error).toBeUndefined();
  });

  it.each([
    ['an answer', () => undefined],
    ['a refusal', () => invalidGrant()],
    ['an outage that does not say how long', () => transient('server_error')],
  ])('an attempt of before ends nothing, with %s', async (_what, outcome) => {
    let end = (): void => {};
    const attempt = outage.watch(
      () =>
        new Promise((resolve, reject) => {
          end = () => (outcome() === undefined ? resolve('answer') : reject(outcome()));
        }),
    );
    attempt.catch(() => {});
    await fails(transient('rate_limited', 60));
    end();
    await attempt.catch(() => {});
    expect(outage.error).toMatchObject({ code: 'rate_limited', retryAfterSeconds: 60 });
  });

  it('an attempt of before the wait ends nothing after it either', async () => {
    let end = (): void => {};
    const attempt = outage.watch(() => new Promise<void>((resolve) => (end = resolve)));
    await fails(transient('rate_limited', 60));
    await pass(60_000);
    await works();
    end();
    await attempt;
    expect(outage.error).toBeUndefined();
  });

  it('it is over when the clock is set back', async () => {
    await fails(transient('rate_limited', 60));
    setBackMs = 1;
    expect(outage.error).toBeUndefined();
  });
});

describe('after an attempt that took', () => {
  it.each([
    [99, 0],
    [100, 100],
    [700, 700],
    [10_000, 1000],
  ])('%d ms, everybody fails for %d ms with its error', async (tookMs, windowMs) => {
    const error = transient('timeout');
    await fails(error, tookMs);
    expect(outage.error).toBe(windowMs === 0 ? undefined : error);
    expect(await window()).toBe(windowMs);
  });
});

it('takes an answer that makes no sense for an outage, too', async () => {
  const error = new PolarResponseError('malformed_response', 'not JSON');
  await fails(error, 500);
  expect(outage.error).toBe(error);
});

it('only what Polar asks for counts where that is wanted', async () => {
  outage = new CircuitBreaker(elapsedMs, { onlyWhenAsked: true });
  for (let round = 0; round < 5; round++) await fails(transient('server_error'));
  await fails(transient('timeout'), 10_000);
  expect(outage.error).toBeUndefined();
  await fails(transient('server_error', 2));
  expect(await window()).toBe(2000);
  await fails(transient('rate_limited'));
  expect(await window()).toBe(1000);
});

describe('quick failures', () => {
  it('two in a row cost nobody anything, more of them ever more, at most 5 s', async () => {
    const windows: number[] = [];
    for (let round = 0; round < 9; round++) {
      await fails(transient('server_error'));
      windows.push(await window());
    }
    expect(windows).toEqual([0, 0, 250, 500, 1000, 2000, 4000, 5000, 5000]);
  });

  it('are forgotten with the first answer', async () => {
    for (let round = 0; round < 3; round++) await fails(transient('server_error'));
    await pass(250);
    await works();
    await fails(transient('server_error'));
    expect(outage.error).toBeUndefined();
  });

  it('side by side count as one', async () => {
    const all = Array.from({ length: 10 }, () => {
      let fail = (_error: Error): void => {};
      const attempt = outage.watch(
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
    expect(outage.error).toBeUndefined();
  });
});
