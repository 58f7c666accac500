import { randomBytes } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { PolarConfigurationError } from '../errors.js';
import { within } from '../within.js';
import {
  type PolarStorage,
  parseStoredRow,
  type StorageKey,
  type StorageStep,
  type StoredRow,
} from './polar-storage.js';

/** What became of one step. */
export type StepResult = { readonly value: StoredRow | boolean | undefined } | { readonly error: unknown };

/** The row that a step has read; throws what the store threw. */
export function rowOf(result: StepResult | undefined): StoredRow | undefined {
  return parseStoredRow(outcomeOf(result));
}

/** Whether the row of a writing step is there now; throws what the store threw. */
export function isWritten(result: StepResult | undefined): boolean {
  return outcomeOf(result) === true;
}

function outcomeOf(result: StepResult | undefined): unknown {
  if (result === undefined) return undefined;
  if ('error' in result) throw result.error;
  return result.value;
}

// Stores that have not responded in time, and have not responded since. A refresh asks its store several times in a
// row: without this, somebody would wait for the whole of it while each one times out.
const silentStores = new WeakSet<PolarStorage>();
const maxSilentStoreTimeoutMs = 250;

const suitableStores = new WeakSet<PolarStorage>();
const probes = new WeakMap<PolarStorage, Promise<void>>();
// A store may show what was written a moment later.
const maxLagMs = 3000;
const lagPauseMs = 50;
// As large as a record of tokens with all scopes.
const probeValue = 'x'.repeat(3000);

/** A {@link PolarStorage} that responds in time or fails, and that is known to keep what it is given. */
export class GuardedStorage {
  readonly #storage: PolarStorage;
  readonly #timeoutMs: number;
  readonly shared: boolean;
  readonly atomic: boolean;
  readonly forgetsIdle: boolean;

  /** @param timeoutMs milliseconds after which a store that does not respond counts as down */
  constructor(storage: PolarStorage, timeoutMs: number) {
    this.#storage = storage;
    this.#timeoutMs = timeoutMs;
    this.shared = storage.shared ?? true;
    this.atomic = storage.atomic ?? true;
    this.forgetsIdle = storage.forgetsIdle ?? false;
  }

  /** True when several steps take one round trip. */
  get batches(): boolean {
    return this.#storage.batch !== undefined;
  }

  /** The store itself, to tell apart which one it is. */
  get identity(): object {
    return this.#storage;
  }

  /** Milliseconds after which a store that does not respond counts as down. */
  get timeoutMs(): number {
    return this.#timeoutMs;
  }

  /** Reads a row. */
  async read(key: StorageKey): Promise<StoredRow | undefined> {
    return rowOf((await this.run([{ read: key }]))[0]);
  }

  /** Writes a row; resolves with whether it is there now. */
  async write(
    key: StorageKey,
    row: StoredRow,
    ttlSeconds: number,
    hint: { readonly isCompared?: boolean } = {},
  ): Promise<boolean> {
    return isWritten((await this.run([{ write: key, row, ttlSeconds, ...hint }]))[0]);
  }

  /**
   * Takes steps in order, in one round trip where the store can. Never rejects: what one step came to says so. After a
   * step that failed to change something, the rest is not taken.
   */
  async run(steps: readonly StorageStep[]): Promise<StepResult[]> {
    const { batch } = this.#storage;
    if (batch !== undefined) {
      const [all] = await this.#settled([() => this.#takeAtOnce(batch, steps)]);
      if (all === undefined || 'error' in all) return steps.map(() => all as StepResult);
      return (all.value as StoredRow[]).map((value) => ({ value }));
    }
    const results: StepResult[] = [];
    while (results.length < steps.length) {
      const rest = steps.slice(results.length);
      const firstChange = rest.findIndex((step) => !('read' in step));
      // Reads that follow one another are made side by side.
      const together = firstChange === 0 ? 1 : firstChange < 0 ? rest.length : firstChange;
      const done = await this.#settled(rest.slice(0, together).map((step) => () => this.#take(step)));
      results.push(...(done as StepResult[]));
      const [failed] = firstChange === 0 ? done : [];
      if (failed !== undefined && 'error' in failed)
        while (results.length < steps.length) results.push(failed as StepResult);
    }
    return results;
  }

  /**
   * Makes sure, once for each store, that it keeps rows as ours are: writes one, reads it back and removes it.
   *
   * @throws PolarConfigurationError `unsupported_storage` when it refuses or loses the row
   * @throws what the store throws when it is down: then nothing is known of it
   */
  async check(): Promise<void> {
    const storage = this.#storage;
    if (suitableStores.has(storage)) return;
    let probe = probes.get(storage);
    if (probe === undefined) {
      probe = this.#probe().finally(() => probes.delete(storage));
      probes.set(storage, probe);
    }
    await probe;
    suitableStores.add(storage);
  }

  async #probe(): Promise<void> {
    const key = { id: randomBytes(16).toString('hex'), group: randomBytes(16).toString('hex') };
    const row = { version: 1, value: probeValue };
    try {
      await this.write(key, row, 60);
    } catch (error) {
      // One that does not respond is down, and so is one that cannot be read either; one that fails once may not do so again.
      if (silentStores.has(this.#storage)) throw error;
      await this.read(key);
      await this.write(key, row, 60).catch((error: unknown) => {
        throw error instanceof SilentStorageError ? error : unsupported('refuses a row of ours', error);
      });
    }
    const giveUpAt = performance.now() + Math.min(maxLagMs, this.#timeoutMs);
    for (;;) {
      const found = await this.read(key);
      if (found?.value === row.value && found.version === row.version) break;
      if (performance.now() >= giveUpAt) throw unsupported('does not keep what is written to it');
      await delay(lagPauseMs);
    }
    await this.run([{ remove: key, row }]);
  }

  #take(step: StorageStep): Promise<unknown> {
    const storage = this.#storage;
    if ('read' in step) return storage.read(step.read);
    if ('remove' in step) return storage.remove(step.remove, step.row);
    const { write, row, ...options } = step;
    return storage.write(write, row, options);
  }

  async #takeAtOnce(
    batch: NonNullable<PolarStorage['batch']>,
    steps: readonly StorageStep[],
  ): Promise<readonly unknown[]> {
    const results: unknown = await batch.call(this.#storage, steps);
    if (Array.isArray(results) && results.length === steps.length) return results;
    throw new Error('The batch of the storage must resolve with an array of one result for each step');
  }

  #settled(calls: readonly (() => Promise<unknown>)[]): Promise<({ value: unknown } | { error: unknown })[]> {
    return Promise.all(
      calls.map(async (call) => {
        try {
          return { value: await this.#inTime(call) };
        } catch (error) {
          return { error };
        }
      }),
    );
  }

  /** What a store responds, or an error when it takes too long: not as long for one that has just been silent. */
  async #inTime(call: () => Promise<unknown>): Promise<unknown> {
    const storage = this.#storage;
    let hasResponded = false;
    // Also a response that nobody waits for any more shows that the store is back.
    const responded = (): void => {
      hasResponded = true;
      silentStores.delete(storage);
    };
    // Async, since stores in plain JavaScript may respond, or throw, at once.
    const asked = (async () => call())();
    asked.then(responded, responded);
    const waitMs = silentStores.has(storage)
      ? Math.min(this.#timeoutMs / 4, maxSilentStoreTimeoutMs)
      : this.#timeoutMs;
    try {
      return await within(asked, waitMs, () => new SilentStorageError(waitMs));
    } catch (error) {
      if (!hasResponded) silentStores.add(storage);
      throw error;
    }
  }
}

/** A storage that does not respond has refused nothing. */
export class SilentStorageError extends Error {
  constructor(waitMs: number) {
    super(`The storage took longer than ${waitMs} ms`);
  }
}

function unsupported(what: string, cause?: unknown): PolarConfigurationError {
  return new PolarConfigurationError(
    'unsupported_storage',
    `The storage of logins ${what}. By default that is the session store, which must accept ids of 32 hexadecimal characters and values of 4 KB. Give the strategy another one: storage: redisStorage(client), or one over your database (docs/storage.md).`,
    { cause },
  );
}
