import { randomFractions } from '../support/random-numbers.js';

/** Reproducible randomness: the seed is printed, and `STORM_SEED` sets it. */
export interface Random {
  readonly seed: number;
  /** A number from 0 to below `limit`. */
  below(limit: number): number;
  /** A whole number from 0 to below `limit`. */
  index(limit: number): number;
  pick<T>(items: readonly T[]): T;
  /** `count` of the items, each at most once. */
  some<T>(items: readonly T[], count: number): T[];
}

export function seededRandom(
  seed = Number(process.env['STORM_SEED'] ?? Math.floor(Math.random() * 2 ** 31)),
): Random {
  const next = randomFractions(seed);
  const random: Random = {
    seed,
    below: (limit) => next() * limit,
    index: (limit) => Math.floor(next() * limit),
    pick(items) {
      if (items.length === 0) throw new Error('There is nothing to pick from');
      return items[random.index(items.length)] as never;
    },
    some(items, count) {
      const left = [...items];
      return Array.from({ length: Math.min(count, items.length) }, () =>
        left.splice(random.index(left.length), 1),
      ).flat();
    },
  };
  return random;
}
