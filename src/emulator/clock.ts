/** The emulator's time: the machine's clock plus the time that tests have skipped. */
export class Clock {
  #skippedMs = 0;

  /** Milliseconds since the epoch. Bound, so that it can be passed as a function. */
  readonly now = (): number => Date.now() + this.#skippedMs;

  /** Whole seconds since the epoch, as Polar stores its times. */
  seconds(): number {
    return Math.floor(this.now() / 1000);
  }

  /** True once `lifetimeSeconds` have passed since `sinceSeconds`; the last second still counts as valid. */
  hasPassed(sinceSeconds: number, lifetimeSeconds: number): boolean {
    return sinceSeconds + lifetimeSeconds < this.now() / 1000;
  }

  /** Advances the time. */
  advance(seconds: number): void {
    if (!Number.isFinite(seconds)) throw new TypeError('advanceTime needs a finite number of seconds.');
    this.#skippedMs += seconds * 1000;
  }

  /** Returns to the machine's clock. */
  reset(): void {
    this.#skippedMs = 0;
  }
}
