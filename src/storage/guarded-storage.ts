import { randomBytes } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { within } from '../async/within.js';
import { PolarConfigurationError } from '../errors.js';
import { developmentHint } from '../warnings.js';
import {
  type PolarStorage,
  parseStoredRow,
  type StorageKey,
  type StorageStep,
  type StoredRow,
} from './polar-storage.js';
import { isStorageError, StorageError } from './storage-error.js';

/** Result of one step. */
export type StepResult = { readonly value: StoredRow | boolean | undefined } | { readonly error: unknown };

/** Returns the row that a step has read; throws the error of the store. */
export function rowOf(result: StepResult | undefined): StoredRow | undefined {
  return parseStoredRow(outcomeOf(result));
}

/** Throws the error of the store, if there is one. */
export function throwIfFailed(result: StepResult | undefined): void {
  outcomeOf(result);
}

/** Returns whether the row of a write step is now stored; throws the error of the store. */
export function isWritten(result: StepResult | undefined): boolean {
  return outcomeOf(result) === true;
}

function outcomeOf(result: StepResult | undefined): unknown {
  if (result === undefined) return undefined;
  if ('error' in result) throw result.error;
  return result.value;
}

// Stores that have timed out and not responded since. A refresh asks its store several times in a row: without this
// set, the caller would wait for every one of these calls to time out.
const silentStores = new WeakSet<PolarStorage>();
const maxSilentStoreTimeoutMs = 250;

type StepKind = 'reading' | 'changing';

// Stores whose failure the developer has been told, and what has failed: a store that is only read-only still reads.
const reportedStores = new WeakMap<PolarStorage, StepKind>();

const suitableStores = new WeakSet<PolarStorage>();
const probes = new WeakMap<PolarStorage, Promise<void>>();
// A write may become visible a moment after it was acknowledged.
export const maxLagMs = 3000;
const lagPauseMs = 50;
// As large as a token record with all scopes.
const probeValue = 'x'.repeat(3000);

/** A {@link PolarStorage} that responds in time or fails, and that has been checked to keep its rows. */
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

  /** True if the store runs several steps in one round trip. */
  get batches(): boolean {
    return this.#storage.batch !== undefined;
  }

  /** The store itself, to tell stores apart. */
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

  /** Writes a row; resolves with whether it is now stored. */
  async write(
    key: StorageKey,
    row: StoredRow,
    ttlSeconds: number,
    hint: { readonly isNew?: boolean } = {},
  ): Promise<boolean> {
    return isWritten((await this.run([{ write: key, row, ttlSeconds, ...hint }]))[0]);
  }

  /**
   * Runs steps in order, in one round trip if the store supports it. Never rejects: each result holds the value or the
   * error. After a failed change, the remaining steps are not run.
   */
  async run(steps: readonly StorageStep[]): Promise<StepResult[]> {
    const { batch } = this.#storage;
    if (batch !== undefined) {
      const [all] = await this.#settled(kindOf(steps), [() => this.#takeAtOnce(batch, steps)]);
      if (all === undefined || 'error' in all) return steps.map(() => all as StepResult);
      return (all.value as StoredRow[]).map((value) => ({ value }));
    }
    const results: StepResult[] = [];
    while (results.length < steps.length) {
      const rest = steps.slice(results.length);
      const firstChange = rest.findIndex((step) => !('read' in step));
      // Consecutive reads run in parallel.
      const together = firstChange === 0 ? 1 : firstChange < 0 ? rest.length : firstChange;
      const next = rest.slice(0, together);
      const done = await this.#settled(
        kindOf(next),
        next.map((step) => () => this.#take(step)),
      );
      results.push(...(done as StepResult[]));
      const [failed] = firstChange === 0 ? done : [];
      if (failed !== undefined && 'error' in failed)
        while (results.length < steps.length) results.push(failed as StepResult);
    }
    return results;
  }

  /**
   * Checks, once per store, that it keeps our kind of rows: writes one, reads it back and removes it.
   *
   * @throws PolarConfigurationError `unsupported_storage` when the store refuses or loses the row
   * @throws the error of a store that is down, which proves nothing about the store
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

  /**
   * Like {@link check}, but a store that is down passes: it may recover, and its failure shows up where it is used.
   *
   * @throws PolarConfigurationError `unsupported_storage`
   */
  async checkIfReachable(): Promise<void> {
    await this.check().catch((error: unknown) => {
      if (error instanceof PolarConfigurationError) throw error;
    });
  }

  async #probe(): Promise<void> {
    const key = { id: randomBytes(16).toString('hex'), group: randomBytes(16).toString('hex') };
    const row = { version: 1, value: probeValue };
    try {
      await this.write(key, row, 60);
    } catch (error) {
      // A store that does not respond is down, and so is one that cannot be read either; a single failure may be
      // temporary.
      if (silentStores.has(this.#storage)) throw error;
      await this.read(key);
      await this.write(key, row, 60).catch((error: unknown) => {
        if (error instanceof SilentStorageError) throw error;
        // Ours says itself what to do.
        if (isStorageError(error))
          throw new PolarConfigurationError('unsupported_storage', error.message, { cause: error });
        throw unsupported('rejected a test row', error);
      });
    }
    const giveUpAt = performance.now() + Math.min(maxLagMs, this.#timeoutMs);
    for (;;) {
      const found = await this.read(key);
      if (found?.value === row.value && found.version === row.version) break;
      if (performance.now() >= giveUpAt) throw unsupported('lost a test row');
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
    throw new Error('batch() of the storage must resolve with an array of one result per step');
  }

  #settled(
    kind: StepKind,
    calls: readonly (() => Promise<unknown>)[],
  ): Promise<({ value: unknown } | { error: unknown })[]> {
    return Promise.all(
      calls.map(async (call) => {
        try {
          const value = await this.#inTime(call);
          if (reportedStores.get(this.#storage) === kind) reportedStores.delete(this.#storage);
          return { value };
        } catch (error) {
          this.#report(kind, error);
          return { error };
        }
      }),
    );
  }

  /**
   * While developing, prints that a store fails, once until it works again: the app goes on without it, so it would go
   * unnoticed.
   */
  #report(kind: StepKind, error: unknown): void {
    if (!isStorageError(error) || reportedStores.has(this.#storage)) return;
    reportedStores.set(this.#storage, kind);
    developmentHint('storage_unavailable', `${error.message} Until it works, processes share no login.`);
  }

  /**
   * Returns the response of the store, or throws when it takes too long. A store that has just timed out gets less
   * time.
   */
  async #inTime(call: () => Promise<unknown>): Promise<unknown> {
    const storage = this.#storage;
    let hasResponded = false;
    // Even a late response shows that the store is back.
    const responded = (): void => {
      hasResponded = true;
      silentStores.delete(storage);
    };
    // Async, because stores written in plain JavaScript may return or throw synchronously.
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

/** The store did not respond in time, which is no refusal. */
export class SilentStorageError extends StorageError {
  constructor(waitMs: number) {
    super(`The storage took longer than ${waitMs} ms. Check that it is connected and reachable.`);
  }
}

const kindOf = (steps: readonly StorageStep[]): StepKind =>
  steps.every((step) => 'read' in step) ? 'reading' : 'changing';

function unsupported(what: string, cause?: unknown): PolarConfigurationError {
  return new PolarConfigurationError(
    'unsupported_storage',
    `The storage for logins ${what}. It must accept ids of 32 hexadecimal characters and values of 4 KB; by default it is the session store. Set another: redisStorage(client), postgresStorage(pool), or one over your database (docs/storage.md).`,
    { cause },
  );
}
