import { PolarTransientError } from '../errors.js';

const windowMs = 60_000;

/** Bounds how many requests are sent within any minute. */
export class RequestBudget {
  readonly #perMinute: number;
  readonly #now: () => number;
  // Of the requests of the last minute, oldest first.
  #sentAt: number[] = [];

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
    const now = this.#now();
    // A clock that was set back must not keep everybody out until it is as late again.
    if (now < (this.#sentAt.at(-1) ?? now)) this.#sentAt = [];
    while ((this.#sentAt[0] ?? now) <= now - windowMs) this.#sentAt.shift();
    const [oldest] = this.#sentAt;
    if (oldest !== undefined && this.#sentAt.length >= this.#perMinute) {
      const retryAfterSeconds = Math.ceil((oldest + windowMs - now) / 1000);
      throw new PolarTransientError(
        'rate_limited',
        `Polar has been asked about ${this.#perMinute} unknown tokens within a minute (unknownTokensPerMinute), and is not asked about more for another ${retryAfterSeconds} s.`,
        { retryAfterSeconds },
      );
    }
    this.#sentAt.push(now);
  }
}
