/** Polar's refusals that are not believed yet: how long it is left alone, and when there is no doubt any more. */
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Refusals } from '../../src/refresh/refusals.js';
import { elapsedMs, installVirtualTime, pass, uninstallVirtualTime } from './refresher/virtual-time.js';

const doubtMs = 185_000;
let refusals: Refusals;
beforeEach(() => {
  installVirtualTime();
  refusals = new Refusals(elapsedMs);
});
afterEach(uninstallVirtualTime);

describe('a refusal', () => {
  it('keeps Polar from being asked for 10 s, and after each further one for twice as long', async () => {
    for (const pauseMs of [10_000, 20_000, 40_000, 80_000]) {
      refusals.note('login', 1);
      expect(refusals.pauseMs('login', 1)).toBe(pauseMs);
      await pass(pauseMs - 1);
      expect(refusals.pauseMs('login', 1)).toBe(1);
      await pass(1);
      expect(refusals.pauseMs('login', 1)).toBe(0);
    }
  });

  it('is told from the first one of its generation', () => {
    const noted = [1, 1, 2, 2].map((generation) => refusals.note('login', generation));
    expect(noted).toEqual([true, false, true, false]);
  });

  it('is beyond doubt 185 s after the first one, and keeps nobody waiting for longer', async () => {
    refusals.note('login', 1);
    await pass(doubtMs - 5000);
    for (let time = 0; time < 6; time++) refusals.note('login', 1);
    expect(refusals.isBeyondDoubt('login', 1)).toBe(false);
    expect(refusals.pauseMs('login', 1)).toBe(5000);
    await pass(5000);
    expect(refusals.isBeyondDoubt('login', 1)).toBe(true);
    expect(refusals.pauseMs('login', 1)).toBe(0);
  });

  it('says nothing of another generation, nor of another login', async () => {
    refusals.note('login', 1);
    await pass(doubtMs);
    expect(refusals.isBeyondDoubt('login', 2)).toBe(false);
    expect(refusals.isBeyondDoubt('other', 1)).toBe(false);
    expect(refusals.pauseMs('login', 2)).toBe(0);
  });

  it('of a newer generation begins anew', async () => {
    refusals.note('login', 1);
    refusals.note('login', 1);
    await pass(doubtMs);
    refusals.note('login', 2);
    expect(refusals.pauseMs('login', 2)).toBe(10_000);
    expect(refusals.isBeyondDoubt('login', 2)).toBe(false);
  });
});

it('nothing is in doubt, nor beyond it, before a refusal', () => {
  expect(refusals.pauseMs('login', 0)).toBe(0);
  expect(refusals.isBeyondDoubt('login', 0)).toBe(false);
});
