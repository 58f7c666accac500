import { describe, expect, it } from '@jest/globals';
import { setUp } from './cache-with-polar.js';

describe('the introspection cache, with thousands of tokens,', () => {
  it('forgets inactive tokens first, without evicting active ones', async () => {
    const { polar, isActive } = setUp();
    await isActive('good');
    polar.answer = { active: false };
    const bad = Array.from({ length: 20_000 }, (_, index) => `bad-${index}`);
    await Promise.all(bad.map(isActive));
    polar.now += 1000;
    await Promise.all(bad.slice(10_000).map(isActive)); // seen before, so these are cached from now on
    expect(polar.asked).toHaveLength(30_001);
    await Promise.all(bad.slice(10_000).map(isActive));
    await isActive('good');
    expect(polar.asked).toHaveLength(30_001);
    await Promise.all(bad.slice(0, 10_000).map(isActive));
    expect(polar.asked).toHaveLength(40_001);
    // The cache has forgotten the oldest ones, and when it first saw them.
    await isActive('bad-0');
    expect(polar.asked).toHaveLength(40_002);
    polar.now += 1000;
    await Promise.all(bad.slice(0, 10_000).map(isActive));
    polar.asked.length = 0;
    await isActive('bad-0');
    await isActive('bad-19999');
    expect(polar.asked).toEqual(['bad-19999']);
  });

  it('keeps 10,000 active tokens, the most recently used ones', async () => {
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
