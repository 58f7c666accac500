/**
 * One process of Polar's server. Its event loop does one thing at a time, and SQL on the token endpoint is done inside
 * of it: while a statement waits for a lock, nothing else happens in this process, no response and no commit.
 */
export class PolarWorker {
  #frozen: Promise<unknown> | undefined;

  /** Resolves when the process can do something: at once, unless it is frozen. Those who wait go on in order. */
  async ready(): Promise<void> {
    while (this.#frozen !== undefined) await this.#frozen;
  }

  /** Freezes the process until the statement is over. */
  async freeze<Result>(statement: Promise<Result>): Promise<Result> {
    const frozen = Promise.all([statement, this.#frozen]);
    this.#frozen = frozen;
    const [result] = await frozen;
    if (this.#frozen === frozen) this.#frozen = undefined;
    return result;
  }
}
