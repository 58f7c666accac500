import { setTimeout as delay } from 'node:timers/promises';
import { invalidOption, PolarTransientError } from '../errors.js';
import { within } from './within.js';

/**
 * Background work that was unfinished when {@link PolarStrategy.settled} resolved.
 *
 * @group Strategy
 */
export interface Unfinished {
  /** Exchanges of refresh tokens and codes that still wait for Polar's response. */
  readonly exchanges: number;
  /** Writes to the storage and revocations at Polar, also those that are retried later. */
  readonly writes: number;
}

/**
 * How long to wait for the response to an exchange, in milliseconds, even if its caller gives up earlier: the response is the
 * only copy of the new tokens. Polar aborts a database statement after 30 s.
 */
export const listenMs = 120_000;

// Counts all strategies of this process: each exchange holds a connection and about 80 KB.
let exchangesOfProcess = 0;
// A longer timer would fire at once.
const maxTimerMs = 2 ** 31 - 1;

/** Background work that outlives the request that started it. */
export class BackgroundWork {
  readonly #maxExchanges: number;
  readonly #exchanges = new Set<Promise<unknown>>();
  readonly #writes = new Set<Promise<unknown>>();
  readonly #retries = new Set<{ readonly at: number }>();

  /** @param maxExchanges maximum number of concurrent exchanges in this process */
  constructor(maxExchanges: number) {
    this.#maxExchanges = maxExchanges;
  }

  /**
   * Sends an exchange and tracks it until it settles.
   *
   * @throws PolarTransientError `server_error` if too many are under way; nothing is sent then
   */
  async exchange<T>(send: () => Promise<T>): Promise<T> {
    if (exchangesOfProcess >= this.#maxExchanges) {
      throw new PolarTransientError(
        'server_error',
        `${this.#maxExchanges} token exchanges are still waiting for Polar, so this one was not sent. Try again later; maxExchanges sets the limit.`,
        { retryAfterSeconds: 1 },
      );
    }
    exchangesOfProcess++;
    try {
      return await track(this.#exchanges, send());
    } finally {
      exchangesOfProcess--;
    }
  }

  /** Tracks a write or a revocation until it settles. */
  write<T>(writing: Promise<T>): Promise<T> {
    return track(this.#writes, writing);
  }

  /** Pauses before a write or revocation that has failed is retried. Does not keep the process running. */
  async beforeRetry(pauseMs: number): Promise<void> {
    const retry = { at: performance.now() + pauseMs };
    this.#retries.add(retry);
    await delay(pauseMs, undefined, { ref: false });
    this.#retries.delete(retry);
  }

  /**
   * Resolves with what is left: when all work is done, when what is left is retried too late, or after `withinMs` milliseconds.
   *
   * @throws {@link PolarConfigurationError} `invalid_option` when `withinMs` is not a number
   */
  async settled(withinMs: number): Promise<Unfinished> {
    if (typeof withinMs !== 'number' || Number.isNaN(withinMs))
      throw invalidOption('settled needs { withinMs }, a number of milliseconds');
    const giveUpAt = performance.now() + Math.min(withinMs, maxTimerMs);
    // Finished work may start more: after an exchange, its token record is written.
    for (;;) {
      const now = performance.now();
      const underWay = [...this.#exchanges, ...this.#writes];
      let retryAt = Number.POSITIVE_INFINITY;
      for (const { at } of this.#retries) retryAt = Math.min(retryAt, at);
      if (now >= giveUpAt || (underWay.length === 0 && retryAt >= giveUpAt)) break;
      if (underWay.length === 0) await delay(Math.max(0, retryAt - now));
      else await within(Promise.allSettled(underWay), giveUpAt - now, 'Waiting').catch(() => {});
      await new Promise((resolve) => setImmediate(resolve));
    }
    return { exchanges: this.#exchanges.size, writes: this.#writes.size + this.#retries.size };
  }
}

function track<T>(tracked: Set<Promise<unknown>>, promise: Promise<T>): Promise<T> {
  tracked.add(promise);
  const done = (): void => void tracked.delete(promise);
  promise.then(done, done);
  return promise;
}
