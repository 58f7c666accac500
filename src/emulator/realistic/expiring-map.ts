/** A map whose entries expire: expired ones cannot be found, and do not fill the memory. */
export class ExpiringMap<Value> {
  readonly #entries = new Map<string, { readonly value: Value; readonly until: number }>();
  readonly #now: () => number;
  readonly #lifetimeMs: number;

  /** @param now - milliseconds since the epoch */
  constructor(now: () => number, lifetimeSeconds: number) {
    this.#now = now;
    this.#lifetimeMs = lifetimeSeconds * 1000;
  }

  get(key: string): Value | undefined {
    const entry = this.#entries.get(key);
    return entry !== undefined && this.#now() < entry.until ? entry.value : undefined;
  }

  set(key: string, value: Value): void {
    const now = this.#now();
    this.#entries.delete(key);
    this.#entries.set(key, { value, until: now + this.#lifetimeMs });
    // All entries have the same lifetime, so expired ones come first.
    for (const [each, { until }] of this.#entries) {
      if (now < until) break;
      this.#entries.delete(each);
    }
  }

  delete(key: string): void {
    this.#entries.delete(key);
  }

  clear(): void {
    this.#entries.clear();
  }
}
