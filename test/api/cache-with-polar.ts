import { IntrospectionCache, type IntrospectionCacheParts } from '../../src/api/introspection-cache.js';
import type { Introspection } from '../../src/client/introspection.js';

/** A cache, its clock, and a Polar that counts requests. */
export function setUp(parts: Partial<IntrospectionCacheParts> = {}) {
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
