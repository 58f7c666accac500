import { crashRefusal } from '../http/answers.js';
import type { PolarWorker } from './polar-worker.js';
import type { RequestTransaction } from './transaction.js';

/** What the transactions of one backend share. */
export interface LateTransactionParts {
  /** The time between the decision on a request and its response. */
  readonly latency: () => Promise<void>;
  /** The time between the response and the commit. */
  readonly commitLag: () => Promise<void>;
  /** Waits for an event as long as a statement may take; resolves to false if it does not come in that time. */
  readonly comesInTime: (event: Promise<void>) => Promise<boolean>;
  /** Which transaction has which row; none has any where requests do not wait for each other. */
  readonly owners: Map<object, LateTransaction> | undefined;
}

/** A transaction that is committed after the response; other requests see its changes only then. */
export class LateTransaction implements RequestTransaction {
  readonly #worker: PolarWorker;
  readonly #parts: LateTransactionParts;
  readonly #changes: (() => void)[] = [];
  readonly #rows: object[] = [];
  #end!: () => void;
  /** Resolves with the commit. */
  readonly ended = new Promise<void>((resolve) => {
    this.#end = resolve;
  });

  constructor(worker: PolarWorker, parts: LateTransactionParts) {
    this.#worker = worker;
    this.#parts = parts;
  }

  async lock(row: object, change: () => void): Promise<void> {
    const { owners, comesInTime } = this.#parts;
    if (owners !== undefined) {
      for (;;) {
        await this.#worker.ready();
        const owner = owners.get(row);
        if (owner === undefined) break;
        if (!(await this.#worker.freeze(comesInTime(owner.ended)))) throw crashRefusal();
      }
      owners.set(row, this);
      this.#rows.push(row);
    }
    change();
  }

  onCommit(change: () => void): void {
    this.#changes.push(change);
  }

  async respond(): Promise<void> {
    await this.#parts.latency();
    await this.#worker.ready();
    void this.#commit();
  }

  async #commit(): Promise<void> {
    if (this.#changes.length > 0) await this.#parts.commitLag();
    await this.#worker.ready();
    for (const change of this.#changes.splice(0)) change();
    for (const row of this.#rows.splice(0)) this.#parts.owners?.delete(row);
    this.#end();
  }
}
