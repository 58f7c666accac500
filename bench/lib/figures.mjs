// Figures of runs, and what is made of them. On a machine that others use too, no two runs are alike: what is compared is
// measured side by side, again and again, and each figure is divided by the one of its own round.

/** @param {readonly number[]} numbers @param {number} share between 0 and 1 */
export function quantile(numbers, share) {
  const sorted = [...numbers].sort((a, b) => a - b);
  const at = (sorted.length - 1) * share;
  const below = sorted[Math.floor(at)] ?? Number.NaN;
  return below + ((sorted[Math.ceil(at)] ?? below) - below) * (at % 1);
}

/** @param {readonly number[]} numbers */
export const median = (numbers) => quantile(numbers, 0.5);

/** @param {readonly number[]} numbers @param {number} [digits] */
export function withSpread(numbers, digits = 2) {
  const [low, middle, high] = [0.25, 0.5, 0.75].map((share) => quantile(numbers, share).toFixed(digits));
  return `${middle} (${low} to ${high})`;
}

/**
 * Measures all of them once a round, in another order each time, until the time is over.
 *
 * @param {readonly string[]} names
 * @param {{ seconds: number, rounds: number }} most at least 3 rounds, however long they take
 * @param {(name: string) => Promise<number>} measure
 * @param {Record<string, number[]>} [figures] of earlier rounds, which get longer
 * @returns {Promise<Record<string, number[]>>} the figures of each, by round
 */
export async function interleaved(names, { seconds, rounds }, measure, figures = {}) {
  const end = performance.now() + seconds * 1000;
  for (let round = 0; round < rounds && (round < 3 || performance.now() < end); round += 1) {
    for (const name of shuffled(names)) {
      figures[name] ??= [];
      figures[name].push(await measure(name));
    }
  }
  return figures;
}

/** @template T @param {readonly T[]} list */
export function shuffled(list) {
  const result = [...list];
  for (let last = result.length - 1; last > 0; last -= 1) {
    const other = Math.floor(Math.random() * (last + 1));
    [result[last], result[other]] = /** @type {[T, T]} */ ([result[other], result[last]]);
  }
  return result;
}

/**
 * @param {readonly number[]} figures
 * @param {readonly number[]} baseline of the same rounds
 */
export const ratios = (figures, baseline) =>
  figures.map((figure, round) => figure / (baseline[round] ?? Number.NaN));
