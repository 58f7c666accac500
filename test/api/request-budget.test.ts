import { describe, expect, it } from '@jest/globals';
import { RequestBudget } from '../../src/api/request-budget.js';
import { PolarTransientError } from '../../src/errors.js';

/** A budget and its clock. */
function budgetOf(perMinute: number) {
  const clock = { now: 1_000_000 };
  const budget = new RequestBudget(perMinute, () => clock.now);
  const spend = (): number | undefined => {
    try {
      budget.spend();
      return undefined;
    } catch (error) {
      expect(error).toBeInstanceOf(PolarTransientError);
      expect(error).toMatchObject({ code: 'rate_limited', status: 503 });
      return (error as PolarTransientError).retryAfterSeconds;
    }
  };
  return { clock, spend };
}

describe('a request budget', () => {
  it('allows its number of requests, then says when the next one is possible', () => {
    const { clock, spend } = budgetOf(3);
    expect([spend(), spend(), spend()]).toEqual([undefined, undefined, undefined]);
    expect(spend()).toBe(60);
    clock.now += 1;
    expect(spend()).toBe(60);
    clock.now += 59_000;
    expect(spend()).toBe(1);
    clock.now += 998;
    expect(spend()).toBe(1);
    clock.now += 1;
    expect(spend()).toBeUndefined();
  });

  it('holds in every minute, wherever that starts', () => {
    const { clock, spend } = budgetOf(10);
    const sentAt: number[] = [];
    for (let second = 0; second < 600; second++) {
      if (spend() === undefined) sentAt.push(clock.now);
      clock.now += 1000;
    }
    expect(sentAt).toHaveLength(100);
    for (const [index, at] of sentAt.entries())
      expect((sentAt[index + 10] ?? Number.POSITIVE_INFINITY) - at).toBeGreaterThanOrEqual(60_000);
  });

  it('is not reduced by requests that it refuses', () => {
    const { clock, spend } = budgetOf(1);
    spend();
    for (let time = 0; time < 1000; time++) expect(spend()).toBe(60);
    clock.now += 60_000;
    expect(spend()).toBeUndefined();
  });

  it('does not stay exhausted when the clock is set back', () => {
    const { clock, spend } = budgetOf(1);
    spend();
    clock.now -= 3_600_000;
    expect([spend(), spend()]).toEqual([undefined, 60]);
  });
});
