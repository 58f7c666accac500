import { LateTransaction, type LateTransactionParts } from './late-transaction.js';
import { Pauses } from './pauses.js';
import { PolarWorker } from './polar-worker.js';
import type { Realism } from './realism.js';
import { SeededRandom } from './seeded-random.js';
import type { Backend, RequestTransaction } from './transaction.js';

/**
 * Polar's server as it is. It responds first and commits then, and between the two, a row that the request has changed
 * is locked. Another request that has read the row before, and wants to change it too, waits:
 * - in another process, until the commit. Then it goes on, and succeeds as well: two pairs of tokens live.
 * - in the same process, in vain. Waiting freezes the process, which then cannot commit, until the database cancels the
 *   statement. That request gets a 500, and what the process had still to send, perhaps the winner's response, comes
 *   as late.
 *
 * A request that comes after the commit reads what has changed, and is refused.
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
