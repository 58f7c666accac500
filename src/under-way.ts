import { within } from './within.js';

/** What was still going on when waiting for it ended. */
export interface Unfinished {
  /** Exchanges of refresh tokens and codes for which Polar's response has not come. */
  readonly exchanges: number;
  /** Writes to the storage, and revocations at Polar. */
  readonly writes: number;
}

/** Counts what goes on in the background, so that a shutdown can wait for it. */
export class UnderWay {
  readonly #exchanges = new Set<Promise<unknown>>();
  readonly #writes = new Set<Promise<unknown>>();

  /** Counts an exchange until it settles. */
  exchange<T>(exchange: Promise<T>): Promise<T> {
    return track(this.#exchanges, exchange);
  }

  /** Counts a write or revocation until it settles. */
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
