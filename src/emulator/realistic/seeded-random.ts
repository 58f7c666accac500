/** A small random generator (mulberry32): the same seed makes the same choices. */
export class SeededRandom {
  #state: number;

  constructor(seed: number) {
    this.#state = seed;
  }

  /** One of the choices, of which there must be one at least. */
  oneOf<Choice>(choices: readonly Choice[]): Choice {
    return choices[Math.floor(this.#next() * choices.length)] as Choice;
  }

  /** A number from `least` to `most`. */
  between([least, most]: readonly [least: number, most: number]): number {
    return least + this.#next() * (most - least);
  }

  #next(): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), this.#state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  }
}
