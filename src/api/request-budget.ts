import { PolarTransientError } from '../errors.js';

const windowSeconds = 60;

/** Limits the number of requests per minute, to the second. */
export class RequestBudget {
  readonly #perMinute: number;
  readonly #now: () => number;
  // Counts per second, oldest first: a large budget takes no more memory than a small one.
  readonly #sent = new Map<number, number>();

  /**
   * @param now the clock that also measures how long Polar asks to wait, so that a test which advances it sees the
   *   budget recover
   */
  constructor(perMinute: number, now: () => number) {
    this.#perMinute = perMinute;
    this.#now = now;
  }

  /**
   * Counts a request that is about to be sent.
   *
   * @throws PolarTransientError `rate_limited` when the budget is used up
   */
  spend(): void {
    const second = Math.floor(this.#now() / 1000);
    let count = 0;
    for (const [at, sent] of this.#sent) {
      // An entry in the future was counted before the clock was set back, and must not block requests until then.
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
      `The limit of ${this.#perMinute} unknown tokens per minute is reached (unknownTokensPerMinute). Try again in ${retryAfterSeconds} s.`,
      { retryAfterSeconds },
    );
  }
}
