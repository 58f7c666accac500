import { singleFlight } from '../async/single-flight.js';
import { BoundedMap } from '../bounded-map.js';

/** Dependencies of {@link TimedCache}. */
export interface TimedCacheParts<Value> {
  readonly maxEntries: number;
  /** Milliseconds for which a value is cached. */
  readonly ttlMs: (value: Value) => number;
  readonly now: () => number;
}

interface Entry<Value> {
  readonly value: Value;
  readonly since: number;
}

/** Caches loaded values for a while. Simultaneous calls for one key share a load; failures are not cached. */
export class TimedCache<Value> {
  readonly #parts: TimedCacheParts<Value>;
  readonly #entries: BoundedMap<Entry<Value>>;
  readonly #pending = new Map<string, Promise<Value>>();

  constructor(parts: TimedCacheParts<Value>) {
    this.#parts = parts;
    this.#entries = new BoundedMap(parts.maxEntries);
  }

  /** Returns the cached value for this key, or loads it. */
  async get(key: string, load: () => Promise<Value>): Promise<Value> {
    const known = this.#entries.get(key);
    if (known !== undefined && this.#isFresh(known)) return known.value;
    return singleFlight(this.#pending, key, async () => {
      const since = this.#parts.now();
      const value = await load();
      this.#entries.set(key, { value, since });
      return value;
    });
  }

  #isFresh({ value, since }: Entry<Value>): boolean {
    const age = this.#parts.now() - since;
    // A clock that was set back must not keep entries alive.
    return age >= 0 && age < this.#parts.ttlMs(value);
  }
}
