import { singleFlight } from '../refresh/single-flight.js';
import { BoundedMap } from '../tokens/bounded-map.js';

/** What a {@link TimedCache} is given. */
export interface TimedCacheParts<Value> {
  readonly maxEntries: number;
  /** Milliseconds for which a value is believed. */
  readonly ttlMs: (value: Value) => number;
  readonly now: () => number;
}

interface Entry<Value> {
  readonly value: Value;
  readonly since: number;
}

/** Values that are loaded, and believed for a while. Whoever asks at the same time shares one request; failures are not kept. */
export class TimedCache<Value> {
  readonly #parts: TimedCacheParts<Value>;
  readonly #entries: BoundedMap<Entry<Value>>;
  readonly #underWay = new Map<string, Promise<Value>>();

  constructor(parts: TimedCacheParts<Value>) {
    this.#parts = parts;
    this.#entries = new BoundedMap(parts.maxEntries);
  }

  /** The value under this key, loaded unless it is known. */
  async get(key: string, load: () => Promise<Value>): Promise<Value> {
    const known = this.#entries.get(key);
    if (known !== undefined && this.#isFresh(known)) return known.value;
    return singleFlight(this.#underWay, key, async () => {
      const since = this.#parts.now();
      const value = await load();
      this.#entries.set(key, { value, since });
      return value;
    });
  }

  #isFresh({ value, since }: Entry<Value>): boolean {
    const age = this.#parts.now() - since;
    // Also a clock that was set back makes nothing last.
    return age >= 0 && age < this.#parts.ttlMs(value);
  }
}
