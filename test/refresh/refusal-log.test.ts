/** Refusals that are not believed yet: how long Polar is not asked again, and when the doubt ends. */
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { RefusalLog } from '../../src/refresh/refusal-log.js';
import { elapsedMs, installVirtualTime, pass, uninstallVirtualTime } from '../support/virtual-time.js';

const doubtMs = 185_000;
let refusals: RefusalLog;
beforeEach(() => {
  installVirtualTime();
  refusals = new RefusalLog(elapsedMs);
});
afterEach(uninstallVirtualTime);

describe('an unconfirmed refusal', () => {
  it('keeps Polar from being asked again for 10 s, and for twice as long after each further one', async () => {
    for (const pauseMs of [10_000, 20_000, 40_000, 80_000]) {
      refusals.note('login', 1);
      expect(refusals.pauseMs('login', 1)).toBe(pauseMs);
      await pass(pauseMs - 1);
      expect(refusals.pauseMs('login', 1)).toBe(1);
      await pass(1);
      expect(refusals.pauseMs('login', 1)).toBe(0);
    }
  });

  it('counts as the first one of its generation only once', () => {
    const noted = [1, 1, 2, 2].map((generation) => refusals.note('login', generation));
    expect(noted).toEqual([true, false, true, false]);
  });

  it('is beyond doubt 185 s after the first one, and delays nobody after that', async () => {
    refusals.note('login', 1);
    await pass(doubtMs - 5000);
    for (let time = 0; time < 6; time++) refusals.note('login', 1);
    expect(refusals.isBeyondDoubt('login', 1)).toBe(false);
    expect(refusals.pauseMs('login', 1)).toBe(5000);
    await pass(5000);
    expect(refusals.isBeyondDoubt('login', 1)).toBe(true);
    expect(refusals.pauseMs('login', 1)).toBe(0);
  });

  it('does not affect another generation or another login', async () => {
    refusals.note('login', 1);
    await pass(doubtMs);
    expect(refusals.isBeyondDoubt('login', 2)).toBe(false);
    expect(refusals.isBeyondDoubt('other', 1)).toBe(false);
    expect(refusals.pauseMs('login', 2)).toBe(0);
  });

  it('starts over for a newer generation', async () => {
    refusals.note('login', 1);
    refusals.note('login', 1);
    await pass(doubtMs);
    refusals.note('login', 2);
    expect(refusals.pauseMs('login', 2)).toBe(10_000);
    expect(refusals.isBeyondDoubt('login', 2)).toBe(false);
  });
});

it('without a refusal nothing is in doubt, and nothing has to wait', () => {
  expect(refusals.pauseMs('login', 0)).toBe(0);
  expect(refusals.isBeyondDoubt('login', 0)).toBe(false);
});
