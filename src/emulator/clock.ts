/** The emulator's time: the machine's clock plus whatever a test has skipped. */
export class Clock {
  #skippedMs = 0;

  /** Milliseconds since the epoch. Bound, so that it can be handed on as a function. */
  readonly now = (): number => Date.now() + this.#skippedMs;

  /** Whole seconds since the epoch, as Polar stores its times. */
  seconds(): number {
    return Math.floor(this.now() / 1000);
  }

  /** True once `lifetimeSeconds` have gone by since `sinceSeconds`; the last second still counts as valid. */
  hasPassed(sinceSeconds: number, lifetimeSeconds: number): boolean {
    return sinceSeconds + lifetimeSeconds < this.now() / 1000;
  }

  /** Moves time by so many seconds. */
  advance(seconds: number): void {
    if (!Number.isFinite(seconds)) throw new TypeError('advanceTime needs a finite number of seconds.');
    this.#skippedMs += seconds * 1000;
  }

  /** Back to the machine's clock. */
  reset(): void {
    this.#skippedMs = 0;
  }
}
