import { PolarTransientError } from './errors.js';
import { within } from './within.js';

/** What was still going on when waiting for it ended. */
export interface Unfinished {
  /** Exchanges of refresh tokens and codes for which Polar's response has not come. */
  readonly exchanges: number;
  /** Writes to the storage, and revocations at Polar. */
  readonly writes: number;
}

/**
 * How long an exchange that was sent is listened to, in milliseconds, however long its caller waits: its response is the only
 * copy of the new tokens. Polar itself gives up a statement after 30 s.
 */
export const listenMs = 120_000;

// Of all strategies of this process: each exchange holds a connection and some 80 KB.
let exchangesOfProcess = 0;

/** What goes on in the background, and outlives the request that started it. */
export class UnderWay {
  readonly #maxExchanges: number;
  readonly #exchanges = new Set<Promise<unknown>>();
  readonly #writes = new Set<Promise<unknown>>();

  /** @param maxExchanges how many exchanges there may be in this process */
  constructor(maxExchanges: number) {
    this.#maxExchanges = maxExchanges;
  }

  /**
   * Sends an exchange, and counts it until it settles.
   *
   * @throws PolarTransientError `server_error` when too many are under way; then nothing is sent
   */
  async exchange<T>(send: () => Promise<T>): Promise<T> {
    if (exchangesOfProcess >= this.#maxExchanges) {
      throw new PolarTransientError(
        'server_error',
        `Polar has not responded to ${this.#maxExchanges} exchanges of tokens yet, so no more are sent. Try again later; the option is maxExchanges.`,
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

  /** Counts a write or a revocation until it settles. */
  write<T>(writing: Promise<T>): Promise<T> {
    return track(this.#writes, writing);
  }

  /** Resolves when nothing is under way any more, or after `withinMs` milliseconds; says what is left then. */
  async settled(withinMs: number): Promise<Unfinished> {
    const giveUpAt = performance.now() + withinMs;
    const all = (): Promise<unknown>[] => [...this.#exchanges, ...this.#writes];
    // What ends may start something else: an exchange its record, say.
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
