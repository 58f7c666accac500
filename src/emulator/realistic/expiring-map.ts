interface Entry<Value> {
  readonly value: Value;
  /** Milliseconds since the epoch. */
  readonly until: number;
}

/** So many entries may be kept before those that are over are looked for. */
const FIRST_SWEEP_AT = 10_000;

/** A map that forgets: what is over cannot be found, and does not fill the memory either. */
export class ExpiringMap<Value> {
  readonly #entries = new Map<string, Entry<Value>>();
  readonly #now: () => number;
  #sweepAt = FIRST_SWEEP_AT;

  constructor(now: () => number) {
    this.#now = now;
  }

  get(key: string): Value | undefined {
    const entry = this.#entries.get(key);
    return entry !== undefined && this.#now() < entry.until ? entry.value : undefined;
  }

  set(key: string, value: Value, seconds: number): void {
    this.#entries.set(key, { value, until: this.#now() + seconds * 1000 });
    if (this.#entries.size >= this.#sweepAt) this.#sweep();
  }

  delete(key: string): void {
    this.#entries.delete(key);
  }

  clear(): void {
    this.#entries.clear();
  }

  #sweep(): void {
    const now = this.#now();
    for (const [key, { until }] of this.#entries) if (until <= now) this.#entries.delete(key);
    this.#sweepAt = Math.max(FIRST_SWEEP_AT, this.#entries.size * 2);
  }
}
