import { describe, expect, it } from '@jest/globals';
import { TimedCache } from '../../src/api/timed-cache.js';

/** A cache, and a loader that counts. */
function counting(maxEntries = 10) {
  let now = 0;
  let loads = 0;
  const cache = new TimedCache<number>({ maxEntries, ttlMs: () => 1000, now: () => now });
  const load = async (): Promise<number> => {
    loads++;
    await new Promise((resolve) => setImmediate(resolve));
    return loads;
  };
  return { get: (key: string) => cache.get(key, load), cache, setTime: (time: number) => (now = time) };
}

describe('a timed cache', () => {
  it('shares one load among simultaneous callers, and keeps the result for its time', async () => {
    const { get, setTime } = counting();
    expect(await Promise.all([get('a'), get('a'), get('b')])).toEqual([2, 2, 2]);
    setTime(999);
    expect(await get('a')).toBe(2);
    setTime(1000);
    expect(await get('a')).toBe(3);
  });

  it('extends no entry when the clock is set back', async () => {
    const { get, setTime } = counting();
    setTime(5000);
    await get('a');
    setTime(4999);
    expect(await get('a')).toBe(2);
  });

  it('does not cache a failure', async () => {
    const { cache, get } = counting();
    await expect(cache.get('a', () => Promise.reject(new Error('down')))).rejects.toThrow('down');
    expect(await get('a')).toBe(1);
  });

  it('evicts the least recently used entry', async () => {
    const { get } = counting(2);
    for (const key of ['a', 'b', 'a', 'c']) await get(key);
    expect(await get('a')).toBe(1);
    expect(await get('b')).toBe(4);
  });
});
