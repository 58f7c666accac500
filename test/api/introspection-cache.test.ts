import { describe, expect, it } from '@jest/globals';
import { IntrospectionCache, type IntrospectionCacheParts } from '../../src/api/introspection-cache.js';
import { RequestBudget } from '../../src/api/request-budget.js';
import type { Introspection } from '../../src/client/introspection.js';
import { PolarTransientError } from '../../src/errors.js';

/** A cache, a clock to turn, and a Polar that counts. */
function setUp(parts: Partial<IntrospectionCacheParts> = {}) {
  const polar = {
    asked: [] as string[],
    now: 1_000_000,
    answer: { active: true } as Partial<Introspection>,
    fails: undefined as Error | undefined,
  };
  const cache = new IntrospectionCache({
    introspect: async (token) => {
      polar.asked.push(token);
      await new Promise((resolve) => setImmediate(resolve));
      if (polar.fails) throw polar.fails;
      return { raw: {}, active: true, ...polar.answer };
    },
    clientID: 'c',
    apiURL: 'https://api.example',
    ttlMs: 30_000,
    now: () => polar.now,
    ...parts,
  });
  const isActive = async (token = 'token') => (await cache.introspect(token)).active;
  return { cache, polar, isActive };
}

describe('a good answer', () => {
  it('is believed for its time, and no longer', async () => {
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

  it('never past the end of the token', async () => {
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

  it('counts from the question, not from a late answer', async () => {
    const { polar, isActive } = setUp();
    const asked = isActive();
    polar.now += 20_000;
    await asked;
    polar.now += 10_000;
    await isActive();
    expect(polar.asked).toHaveLength(2);
  });

  it('does not outlive a clock that was set back', async () => {
    const { polar, isActive } = setUp();
    await isActive();
    polar.now -= 1;
    await isActive();
    expect(polar.asked).toHaveLength(2);
  });

  it('is not kept with a time of 0', async () => {
    const { polar, isActive } = setUp({ ttlMs: 0 });
    await isActive();
    await isActive();
    expect(polar.asked).toHaveLength(2);
  });

  it('is a copy for everybody', async () => {
    const { cache, polar } = setUp();
    polar.answer = { scopes: ['openid'], organizations: [] };
    const answers = await Promise.all([cache.introspect('t'), cache.introspect('t')]);
    for (const answer of [...answers, await cache.introspect('t')])
      (answer.scopes as string[]).push('orders:write');
    expect((await cache.introspect('t')).scopes).toEqual(['openid']);
    expect(polar.asked).toHaveLength(1);
  });
});

describe('a bad answer', () => {
  it('is not kept in the first second, then for five, then asked for again', async () => {
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

  it('is kept no longer than a good one would be', async () => {
    const { polar, isActive } = setUp({ ttlMs: 2000 });
    polar.answer = { active: false };
    await isActive();
    polar.now += 1000;
    await isActive();
    polar.now += 2000;
    await isActive();
    expect(polar.asked).toHaveLength(3);
  });

  it('is kept after the clock was set back, too', async () => {
    const { polar, isActive } = setUp();
    polar.answer = { active: false };
    await isActive();
    polar.now -= 3_600_000;
    await isActive();
    await isActive();
    expect(polar.asked).toHaveLength(2);
  });

  it('ends what was believed before', async () => {
    const { polar, isActive } = setUp();
    await isActive();
    polar.now += 30_000;
    polar.answer = { active: false };
    await isActive();
    polar.now -= 15_000; // back into the time of the good answer
    expect(await isActive()).toBe(false);
  });
});

describe('a failure', () => {
  it('reaches all who asked, and is not kept', async () => {
    const { polar, isActive } = setUp();
    polar.fails = new Error('Polar is down');
    const asked = await Promise.allSettled([isActive(), isActive(), isActive()]);
    expect(asked.map(({ status }) => status)).toEqual(['rejected', 'rejected', 'rejected']);
    expect(polar.asked).toHaveLength(1);
    polar.fails = undefined;
    expect(await isActive()).toBe(true);
  });
});

describe('many', () => {
  it('who ask of one token at once make one request', async () => {
    const { polar, isActive } = setUp({ ttlMs: 0 });
    await Promise.all(Array.from({ length: 100 }, () => isActive()));
    expect(polar.asked).toEqual(['token']);
  });

  it('bad tokens are forgotten again, and do not push out the good ones', async () => {
    const { polar, isActive } = setUp();
    await isActive('good');
    polar.answer = { active: false };
    const bad = Array.from({ length: 20_000 }, (_, index) => `bad-${index}`);
    await Promise.all(bad.map(isActive));
    polar.now += 1000;
    await Promise.all(bad.slice(10_000).map(isActive)); // met before, so these are kept from now on
    expect(polar.asked).toHaveLength(30_001);
    await Promise.all(bad.slice(10_000).map(isActive));
    await isActive('good');
    expect(polar.asked).toHaveLength(30_001);
    await Promise.all(bad.slice(0, 10_000).map(isActive));
    expect(polar.asked).toHaveLength(40_001);
    // Neither when the oldest were met nor what was said of them is known any more.
    await isActive('bad-0');
    expect(polar.asked).toHaveLength(40_002);
    polar.now += 1000;
    await Promise.all(bad.slice(0, 10_000).map(isActive));
    polar.asked.length = 0;
    await isActive('bad-0');
    await isActive('bad-19999');
    expect(polar.asked).toEqual(['bad-19999']);
  });

  it('good tokens are kept up to 10,000, the ones used last', async () => {
    const { polar, isActive } = setUp();
    const good = Array.from({ length: 10_000 }, (_, index) => `good-${index}`);
    await Promise.all(good.map(isActive));
    await isActive('good-0');
    await isActive('one more');
    polar.asked.length = 0;
    await isActive('good-0');
    expect(polar.asked).toEqual([]);
    await isActive('good-1');
    expect(polar.asked).toEqual(['good-1']);
  });
});

describe('while Polar asks to wait', () => {
  it('nobody asks it, whatever tokens come; what is known still counts', async () => {
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

describe('with a budget for tokens that are not known to be good', () => {
  /** Two of them a minute. */
  const withBudget = (parts: Partial<IntrospectionCacheParts> = {}) => {
    let clock = (): number => 0;
    const made = setUp({ budget: new RequestBudget(2, () => clock()), ...parts });
    clock = () => made.polar.now;
    return made;
  };
  const tooMany = { code: 'rate_limited', status: 503, retryAfterSeconds: 60 };

  it('Polar is not asked about more, and is no outage', async () => {
    const { polar, isActive } = withBudget();
    polar.answer = { active: false };
    expect([await isActive('bad-1'), await isActive('bad-2')]).toEqual([false, false]);
    await expect(isActive('bad-3')).rejects.toMatchObject(tooMany);
    await expect(isActive('bad-1')).rejects.toMatchObject(tooMany);
    expect(polar.asked).toEqual(['bad-1', 'bad-2']);
    polar.now += 60_000;
    expect(await isActive('bad-3')).toBe(false);
  });

  it.each([0, 30_000])(
    'those that were good are asked about all the same (kept for %i ms)',
    async (ttlMs) => {
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
    },
  );

  it('what was good and has ended counts as unknown again', async () => {
    const { polar, isActive } = withBudget();
    await isActive('good');
    polar.now += 60_000;
    polar.answer = { active: false };
    expect(await isActive('good')).toBe(false);
    expect([await isActive('bad-1'), await isActive('bad-2')]).toEqual([false, false]);
    polar.now += 6000;
    await expect(isActive('good')).rejects.toMatchObject({ code: 'rate_limited' });
  });

  it('one that is good stays known while Polar is down', async () => {
    const { polar, isActive } = withBudget();
    await isActive('good');
    await isActive('another');
    polar.now += 31_000;
    polar.fails = new PolarTransientError('server_error', 'down');
    await expect(isActive('good')).rejects.toBe(polar.fails);
    polar.fails = undefined;
    expect(await isActive('good')).toBe(true);
  });

  it('many who ask of one token at once take one from it', async () => {
    const { polar, isActive } = withBudget({ ttlMs: 0 });
    polar.answer = { active: false };
    await Promise.all(Array.from({ length: 100 }, () => isActive('bad')));
    expect(await isActive('bad-2')).toBe(false);
    expect(polar.asked).toEqual(['bad', 'bad-2']);
  });

  it('nothing is taken from it while Polar asks to wait', async () => {
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
