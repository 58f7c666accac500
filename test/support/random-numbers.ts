/** mulberry32: fractions from 0 to below 1, the same ones for the same seed. */
export function randomFractions(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Whole numbers below a limit, the same ones for the same seed. */
export function randomNumbers(seed: number): (below: number) => number {
  const fraction = randomFractions(seed);
  return (below) => Math.floor(fraction() * below);
}
