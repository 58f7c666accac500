/** Pauses in real time, all of which can be ended early. They keep no process alive. */
export class Pauses {
  readonly #ends = new Set<() => void>();
  #isStopped = false;

  /** Resolves after so many milliseconds. */
  async sleep(ms: number): Promise<void> {
    if (ms > 0) await this.comesWithin(new Promise(() => {}), ms);
  }

  /** Waits for an event, and resolves with false when it has not come after so many milliseconds. */
  comesWithin(event: Promise<void>, ms: number): Promise<boolean> {
    if (this.#isStopped) return Promise.resolve(false);
    return new Promise((resolve) => {
      const end = (hasCome: boolean): void => {
        clearTimeout(timer);
        this.#ends.delete(giveUp);
        resolve(hasCome);
      };
      const giveUp = (): void => end(false);
      const timer = setTimeout(giveUp, ms).unref();
      this.#ends.add(giveUp);
      void event.then(() => end(true));
    });
  }

  /** Ends every pause under way. */
  end(): void {
    for (const end of [...this.#ends]) end();
  }

  /** Ends every pause under way, and those to come. */
  stop(): void {
    this.#isStopped = true;
    this.end();
  }
}
