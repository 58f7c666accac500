import { beforeEach, describe, expect, it } from '@jest/globals';
import { RefreshQuota } from '../../src/refresh/refresh-quota.js';
import { transient } from './support/polar-errors.js';

const minuteMs = 60_000;
const windowMs = minuteMs + 1000;
const tooMany = transient('rate_limited', 60);

let now: number;
let quota: RefreshQuota;
beforeEach(() => {
  now = 1_000_000;
  quota = new RefreshQuota(() => now);
});

/** Tries to refresh so many logins, each a new one, and returns how many may be sent. */
let logins = 0;
function refresh(count: number): number {
  let sent = 0;
  for (let index = 0; index < count; index++) {
    if (quota.refusal(`login ${++logins}`) !== undefined) continue;
    quota.spend();
    quota.noteAccepted();
    sent++;
  }
  return sent;
}

/** Polar accepts so many refreshes, and then none. */
function reachLimit(accepted: number): void {
  expect(refresh(accepted)).toBe(accepted);
  quota.noteRateLimit(tooMany, minuteMs);
}

const secondsFor = (loginId: string): number | undefined => quota.refusal(loginId)?.retryAfterSeconds;

it('nothing is held back before Polar has refused a refresh', () => {
  expect(refresh(5000)).toBe(5000);
});

describe('after a 429, the quota of refreshes', () => {
  it('is nothing while Polar asks to wait, and nine tenths of what Polar accepted in each minute after that', () => {
    reachLimit(200);
    now += minuteMs - 1;
    expect(refresh(1)).toBe(0);
    now += 1;
    expect(refresh(500)).toBe(180);
    now += windowMs - 1;
    expect(refresh(1)).toBe(0);
    now += 1;
    expect(refresh(500)).toBe(180);
  });

  it('counts only what was accepted in the minute before', () => {
    refresh(300);
    now += minuteMs;
    reachLimit(100);
    now += minuteMs;
    expect(refresh(500)).toBe(90);
  });

  it.each([1, 29])(
    'does not begin when Polar has accepted only %i refreshes: others have used up the limit',
    (few) => {
      reachLimit(few);
      expect(quota.refusal('login')).toBeUndefined();
      now += minuteMs;
      expect(refresh(500)).toBe(500);
    },
  );

  it('ends after a minute in which nobody was refused', () => {
    reachLimit(200);
    now += minuteMs;
    expect(refresh(180)).toBe(180);
    now += windowMs;
    expect(refresh(500)).toBe(500);
  });

  it('ends after ten minutes', () => {
    reachLimit(200);
    for (let minute = 0; minute < 9; minute++) {
      now += windowMs;
      expect(refresh(500)).toBe(180);
    }
    now += windowMs;
    expect(refresh(500)).toBe(500);
  });

  it('is not changed by 429s for requests that were under way', () => {
    reachLimit(200);
    now += 100;
    quota.noteRateLimit(tooMany, minuteMs);
    now += minuteMs - 100;
    expect(refresh(500)).toBe(180);
  });

  it('is learned anew at the next 429', () => {
    reachLimit(200);
    now += minuteMs;
    reachLimit(100);
    now += minuteMs;
    expect(refresh(500)).toBe(90);
  });

  it('ends when the clock is set back', () => {
    reachLimit(200);
    now -= 1;
    expect(refresh(500)).toBe(500);
  });
});

describe('a login beyond the quota', () => {
  it('is told a time of its own, at the pace at which the others can be refreshed', () => {
    reachLimit(100);
    // 90 a minute
    const told = Array.from({ length: 180 }, (_, index) => secondsFor(`login ${index}`));
    expect(told.slice(0, 3)).toEqual([60, 61, 62]);
    expect(told[90]).toBe(60 + 61);
    expect(told[179]).toBe(Math.ceil(60 + (179 * 61) / 90));
  });

  it('keeps its time, however often it is tried', () => {
    reachLimit(100);
    secondsFor('one');
    expect(secondsFor('two')).toBe(61);
    now += 10_000;
    expect(secondsFor('one')).toBe(50);
    expect(secondsFor('two')).toBe(51);
    expect(secondsFor('three')).toBe(52);
  });

  it('gets another time if it comes in time and is refused again', () => {
    reachLimit(100);
    expect(secondsFor('one')).toBe(60);
    now += minuteMs;
    refresh(90);
    expect(secondsFor('one')).toBe(61);
  });

  it('gets an error that keeps its cause and says that nothing was sent', () => {
    reachLimit(100);
    expect(quota.refusal('one')).toMatchObject({
      code: 'rate_limited',
      status: 503,
      cause: tooMany,
      message: 'Polar returned 429: too many requests. Nothing was sent; try again in 60 s.',
    });
  });
});
