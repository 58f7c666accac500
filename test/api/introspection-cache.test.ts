import { describe, expect, it } from '@jest/globals';
import { RequestBudget } from '../../src/api/request-budget.js';
import { PolarTransientError } from '../../src/errors.js';
import { setUp } from './cache-with-polar.js';

describe('the introspection cache', () => {
  it('keeps an active response for its time, and no longer', async () => {
    const { polar, isActive } = setUp();
    await isActive();
    polar.now += 29_999;
    await isActive();
    expect(polar.asked).toHaveLength(1);
    polar.now += 1;
    polar.answer = { active: false };
    expect(await isActive()).toBe(false);
    expect(polar.asked).toHaveLength(2);
  });

  it('keeps an active response no longer than the token lives', async () => {
    const { polar, isActive } = setUp();
    polar.answer = { expiresAt: polar.now + 5000 };
    await isActive();
    polar.now += 4999;
    await isActive();
    expect(polar.asked).toHaveLength(1);
    polar.now += 1;
    await isActive();
    expect(polar.asked).toHaveLength(2);
  });

  it('counts the time from the request, not from a late response', async () => {
    const { polar, isActive } = setUp();
    const asked = isActive();
    polar.now += 20_000;
    await asked;
    polar.now += 10_000;
    await isActive();
    expect(polar.asked).toHaveLength(2);
  });

  it('drops an active response when the clock is set back', async () => {
    const { polar, isActive } = setUp();
    await isActive();
    polar.now -= 1;
    await isActive();
    expect(polar.asked).toHaveLength(2);
  });

  it('keeps no active response when its time is 0', async () => {
    const { polar, isActive } = setUp({ ttlMs: 0 });
    await isActive();
    await isActive();
    expect(polar.asked).toHaveLength(2);
  });

  it('returns a copy to each caller', async () => {
    const { cache, polar } = setUp();
    polar.answer = { scopes: ['openid'], organizations: [] };
    const answers = await Promise.all([cache.introspect('t'), cache.introspect('t')]);
    for (const answer of [...answers, await cache.introspect('t')])
      (answer.scopes as string[]).push('orders:write');
    expect((await cache.introspect('t')).scopes).toEqual(['openid']);
    expect(polar.asked).toHaveLength(1);
  });
});

describe('the introspection cache, for an inactive token,', () => {
  it('keeps nothing in the first second, then for five seconds, then asks again', async () => {
    const { polar, isActive } = setUp();
    polar.answer = { active: false };
    await isActive();
    polar.now += 999;
    await isActive();
    expect(polar.asked).toHaveLength(2);
    polar.now += 1;
    await isActive();
    polar.now += 4999;
    expect(await isActive()).toBe(false);
    expect(polar.asked).toHaveLength(3);
    polar.now += 1;
    polar.answer = {};
    expect(await isActive()).toBe(true);
    expect(polar.asked).toHaveLength(4);
  });

  it('keeps the response no longer than an active one', async () => {
    const { polar, isActive } = setUp({ ttlMs: 2000 });
    polar.answer = { active: false };
    await isActive();
    polar.now += 1000;
    await isActive();
    polar.now += 2000;
    await isActive();
    expect(polar.asked).toHaveLength(3);
  });

  it('keeps the response after the clock was set back', async () => {
    const { polar, isActive } = setUp();
    polar.answer = { active: false };
    await isActive();
    polar.now -= 3_600_000;
    await isActive();
    await isActive();
    expect(polar.asked).toHaveLength(2);
  });

  it('replaces the previous active response', async () => {
    const { polar, isActive } = setUp();
    await isActive();
    polar.now += 30_000;
    polar.answer = { active: false };
    await isActive();
    polar.now -= 15_000; // back into the time of the good answer
    expect(await isActive()).toBe(false);
  });
});

describe('the introspection cache, while Polar fails,', () => {
  it('rejects all callers, and does not cache the failure', async () => {
    const { polar, isActive } = setUp();
    polar.fails = new Error('Polar is down');
    const asked = await Promise.allSettled([isActive(), isActive(), isActive()]);
    expect(asked.map(({ status }) => status)).toEqual(['rejected', 'rejected', 'rejected']);
    expect(polar.asked).toHaveLength(1);
    polar.fails = undefined;
    expect(await isActive()).toBe(true);
  });
});

describe('the introspection cache, with many tokens,', () => {
  it('makes one request for simultaneous calls with one token', async () => {
    const { polar, isActive } = setUp({ ttlMs: 0 });
    await Promise.all(Array.from({ length: 100 }, () => isActive()));
    expect(polar.asked).toEqual(['token']);
  });
});

describe('the introspection cache, while Polar asks clients to wait,', () => {
  it('sends nothing for any token, and still uses cached responses', async () => {
    const { polar, isActive } = setUp();
    await isActive('known');
    polar.fails = new PolarTransientError('rate_limited', 'slow down', { retryAfterSeconds: 20 });
    await expect(isActive('first')).rejects.toBe(polar.fails);
    for (let index = 0; index < 100; index++) {
      polar.now += 100;
      await expect(isActive(`bad-${index}`)).rejects.toMatchObject({
        code: 'rate_limited',
        retryAfterSeconds: Math.ceil((20_000 - 100 * (index + 1)) / 1000),
      });
    }
    expect(polar.asked).toEqual(['known', 'first']);
    expect(await isActive('known')).toBe(true);
    polar.fails = undefined;
    polar.now += 10_000;
    expect(await isActive('new')).toBe(true);
  });
});

describe('the introspection cache, with a budget for tokens that are not known to be active,', () => {
  /** A budget of two tokens a minute. */
  const withBudget = (parts: Partial<NonNullable<Parameters<typeof setUp>[0]>> = {}) => {
    let clock = (): number => 0;
    const made = setUp({ budget: new RequestBudget(2, () => clock()), ...parts });
    clock = () => made.polar.now;
    return made;
  };
  const tooMany = { code: 'rate_limited', status: 503, retryAfterSeconds: 60 };

  it('asks Polar about no more tokens, without tripping the circuit breaker', async () => {
    const { polar, isActive } = withBudget();
    polar.answer = { active: false };
    expect([await isActive('bad-1'), await isActive('bad-2')]).toEqual([false, false]);
    await expect(isActive('bad-3')).rejects.toMatchObject(tooMany);
    await expect(isActive('bad-1')).rejects.toMatchObject(tooMany);
    expect(polar.asked).toEqual(['bad-1', 'bad-2']);
    polar.now += 60_000;
    expect(await isActive('bad-3')).toBe(false);
  });

  it.each([0, 30_000])('still asks about tokens that were active (kept for %i ms)', async (ttlMs) => {
    const { polar, isActive } = withBudget({ ttlMs });
    await isActive('good');
    await isActive('another');
    await expect(isActive('new')).rejects.toMatchObject(tooMany);
    polar.now += 31_000;
    expect([await isActive('good'), await isActive('another'), await isActive('good')]).toEqual([
      true,
      true,
      true,
    ]);
    await expect(isActive('new')).rejects.toMatchObject({ ...tooMany, retryAfterSeconds: 29 });
    expect(polar.asked).not.toContain('new');
  });

  it('treats a token that was active and has ended as unknown', async () => {
    const { polar, isActive } = withBudget();
    await isActive('good');
    polar.now += 60_000;
    polar.answer = { active: false };
    expect(await isActive('good')).toBe(false);
    expect([await isActive('bad-1'), await isActive('bad-2')]).toEqual([false, false]);
    polar.now += 6000;
    await expect(isActive('good')).rejects.toMatchObject({ code: 'rate_limited' });
  });

  it('still knows an active token after Polar was down', async () => {
    const { polar, isActive } = withBudget();
    await isActive('good');
    await isActive('another');
    polar.now += 31_000;
    polar.fails = new PolarTransientError('server_error', 'down');
    await expect(isActive('good')).rejects.toBe(polar.fails);
    polar.fails = undefined;
    expect(await isActive('good')).toBe(true);
  });

  it('spends one request for simultaneous calls with one token', async () => {
    const { polar, isActive } = withBudget({ ttlMs: 0 });
    polar.answer = { active: false };
    await Promise.all(Array.from({ length: 100 }, () => isActive('bad')));
    expect(await isActive('bad-2')).toBe(false);
    expect(polar.asked).toEqual(['bad', 'bad-2']);
  });

  it('spends nothing while Polar asks clients to wait', async () => {
    const { polar, isActive } = withBudget();
    polar.fails = new PolarTransientError('rate_limited', 'slow down', { retryAfterSeconds: 20 });
    await expect(isActive('first')).rejects.toBe(polar.fails);
    for (let index = 0; index < 100; index++)
      await expect(isActive(`bad-${index}`)).rejects.toMatchObject({ cause: polar.fails });
    polar.fails = undefined;
    polar.now += 20_000;
    expect(await isActive('good')).toBe(true);
    await expect(isActive('another')).rejects.toMatchObject({ ...tooMany, retryAfterSeconds: 40 });
  });
});
