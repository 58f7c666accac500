import { randomFractions } from '../../support/random-numbers.js';

/** Random numbers that are the same for the same seed. */
export interface Random {
  /** From 0 to below 1. */
  fraction(): number;
  /** A whole number below the limit. */
  below(limit: number): number;
  between(from: number, to: number): number;
  pick<T>(options: readonly T[]): T;
  chance(probability: number): boolean;
}

/** Random numbers from a seed and the purpose of the numbers. */
export function randomFrom(seed: number, purpose = 0): Random {
  const fraction = randomFractions(Math.imul(seed, 0x9e3779b1) ^ Math.imul(purpose + 1, 0x85ebca6b));
  const below = (limit: number): number => Math.floor(fraction() * limit);
  return {
    fraction,
    below,
    between: (from, to) => from + fraction() * (to - from),
    pick: <T>(options: readonly T[]) => options[below(options.length)] as T,
    chance: (probability) => fraction() < probability,
  };
}
