/** A gate at which requests wait, so that all requests of a storm are under way at the same time. */
export class Gate {
  #waiting: (() => void)[] | undefined;

  /** How many requests wait. */
  get held(): number {
    return this.#waiting?.length ?? 0;
  }

  /** Resolves at once, or when the gate opens. */
  async pass(): Promise<void> {
    const waiting = this.#waiting;
    if (waiting !== undefined) await new Promise<void>((resolve) => waiting.push(resolve));
  }

  close(): void {
    this.#waiting ??= [];
  }

  open(): void {
    const waiting = this.#waiting ?? [];
    this.#waiting = undefined;
    for (const go of waiting) go();
  }
}
