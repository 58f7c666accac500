import { PolarTransientError } from '../errors.js';

const windowSeconds = 60;

/** Bounds how many requests are sent within a minute, to the second. */
export class RequestBudget {
  readonly #perMinute: number;
  readonly #now: () => number;
  // By the second in which they were sent, oldest first: as small for a large budget as for a small one.
  readonly #sent = new Map<number, number>();

  /**
   * @param now the clock by which everything else goes that Polar asks to wait for, so that tests which turn it see the
   * budget come back
   */
  constructor(perMinute: number, now: () => number) {
    this.#perMinute = perMinute;
    this.#now = now;
  }

  /**
   * Counts one request that is about to be sent.
   *
   * @throws PolarTransientError `rate_limited` when there have been too many
   */
  spend(): void {
    const second = Math.floor(this.#now() / 1000);
    let count = 0;
    for (const [at, sent] of this.#sent) {
      // What lies ahead was sent before the clock was set back, and must not keep everybody out until then.
      if (at <= second - windowSeconds || at > second) this.#sent.delete(at);
      else count += sent;
    }
    if (count >= this.#perMinute) throw this.#exhausted(second);
    this.#sent.set(second, (this.#sent.get(second) ?? 0) + 1);
  }

  #exhausted(second: number): PolarTransientError {
    const [oldest = second] = this.#sent.keys();
    const retryAfterSeconds = oldest + windowSeconds - second;
    return new PolarTransientError(
      'rate_limited',
      `Polar has been asked about ${this.#perMinute} unknown tokens within a minute (unknownTokensPerMinute), and is not asked about more for another ${retryAfterSeconds} s.`,
      { retryAfterSeconds },
    );
  }
}
