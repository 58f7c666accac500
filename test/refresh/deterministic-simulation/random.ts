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

/** mulberry32, seeded with a number and with the purpose of its numbers. */
export function randomFrom(seed: number, purpose = 0): Random {
  let state = Math.imul(seed, 0x9e3779b1) ^ Math.imul(purpose + 1, 0x85ebca6b);
  const fraction = (): number => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
  const below = (limit: number): number => Math.floor(fraction() * limit);
  return {
    fraction,
    below,
    between: (from, to) => from + fraction() * (to - from),
    pick: <T>(options: readonly T[]) => options[below(options.length)] as T,
    chance: (probability) => fraction() < probability,
  };
}
