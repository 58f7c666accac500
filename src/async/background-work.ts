import { PolarTransientError } from '../errors.js';
import { within } from './within.js';

/** Background work that was unfinished when `settled` resolved. */
export interface Unfinished {
  /** Exchanges of refresh tokens and codes that still wait for Polar's response. */
  readonly exchanges: number;
  /** Writes to the storage, and revocations at Polar. */
  readonly writes: number;
}

/**
 * How long to wait for the response to an exchange, in milliseconds, even if its caller gives up earlier: the response is the
 * only copy of the new tokens. Polar aborts a database statement after 30 s.
 */
export const listenMs = 120_000;

// Counts all strategies of this process: each exchange holds a connection and about 80 KB.
let exchangesOfProcess = 0;

/** Background work that outlives the request that started it. */
export class BackgroundWork {
  readonly #maxExchanges: number;
  readonly #exchanges = new Set<Promise<unknown>>();
  readonly #writes = new Set<Promise<unknown>>();

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

  /** Resolves when all work is done, or after `withinMs` milliseconds, with what is left. */
  async settled(withinMs: number): Promise<Unfinished> {
    const giveUpAt = performance.now() + withinMs;
    const all = (): Promise<unknown>[] => [...this.#exchanges, ...this.#writes];
    // Finished work may start more: after an exchange, its token record is written.
    while (all().length > 0 && performance.now() < giveUpAt) {
      const leftMs = Math.max(0, giveUpAt - performance.now());
      await within(Promise.allSettled(all()), leftMs, 'Waiting').catch(() => {});
      await new Promise((resolve) => setImmediate(resolve));
    }
    return { exchanges: this.#exchanges.size, writes: this.#writes.size };
  }
}

function track<T>(tracked: Set<Promise<unknown>>, promise: Promise<T>): Promise<T> {
  tracked.add(promise);
  const done = (): void => void tracked.delete(promise);
  promise.then(done, done);
  return promise;
}
