import { LateTransaction, type LateTransactionParts } from './late-transaction.js';
import { Pauses } from './pauses.js';
import { PolarWorker } from './polar-worker.js';
import type { Realism } from './realism.js';
import { SeededRandom } from './seeded-random.js';
import type { Backend, RequestTransaction } from './transaction.js';

/**
 * Polar's server under load. It responds first and commits afterwards; in between, a row that the request changed is locked.
 * Another request that has read the row before, and also changes it, waits:
 * - in another process, until the commit. Then it continues and succeeds too: two pairs of tokens are valid.
 * - in the same process, in vain. Waiting freezes the process, which then cannot commit, until the database cancels the
 *   statement. That request gets a 500, and all pending responses of the process, perhaps the winner's too, are delayed as long.
 *
 * A request that arrives after the commit reads the change and is refused.
 */
export class LateBackend implements Backend {
  readonly #pauses = new Pauses();
  readonly #lags = new Pauses();
  readonly #longestLagMs: number;
  readonly #anyWorker: () => PolarWorker;
  readonly #open = new Set<LateTransaction>();
  readonly #parts: LateTransactionParts;

  constructor({ commitLagMs, races, seed }: Realism) {
    const random = new SeededRandom(seed);
    [, this.#longestLagMs] = commitLagMs;
    const workers = Array.from({ length: races?.workers ?? 1 }, () => new PolarWorker());
    this.#anyWorker = () => random.oneOf(workers);
    this.#parts = {
      latency: () => this.#pauses.sleep(races === undefined ? 0 : random.between(races.latencyMs)),
      commitLag: () => this.#lags.sleep(random.between(commitLagMs)),
      comesInTime: (event) => this.#pauses.comesWithin(event, races?.lockTimeoutMs ?? 0),
      owners: races === undefined ? undefined : new Map(),
    };
  }

  async accept(): Promise<RequestTransaction> {
    const worker = this.#anyWorker();
    const transaction = new LateTransaction(worker, this.#parts);
    this.#open.add(transaction);
    void transaction.ended.then(() => this.#open.delete(transaction));
    await worker.ready();
    return transaction;
  }

  async settled(): Promise<void> {
    await Promise.all([...this.#open].map(({ ended }) => ended));
  }

  passTime(ms: number): void {
    if (ms >= this.#longestLagMs) this.#lags.end();
  }

  stop(): void {
    this.#pauses.stop();
    this.#lags.stop();
  }
}
