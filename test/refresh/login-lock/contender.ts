import type { HeldLock } from '../../../src/refresh/held-lock.js';
import { LoginLocks } from '../../../src/refresh/login-lock.js';
import { GuardedStorage } from '../../../src/storage/guarded-storage.js';
import type { PolarStorage, StoredRow } from '../../../src/storage/polar-storage.js';
import { elapsedMs, finished, noteActivity, pass } from '../../support/virtual-time.js';
import { faultyStorage } from '../support/faulty-storage.js';
import { loginId, type StorageKind, WorldRows } from '../support/world-rows.js';

/** No rows make the lock unnecessary. */
export const isEnough = async (): Promise<boolean> => false;

/** A process that wants the lock. */
export class Contender {
  readonly #locks = new LoginLocks();
  readonly #storage: GuardedStorage;

  constructor(storage: PolarStorage) {
    this.#storage = new GuardedStorage(storage, 3000);
  }

  get place() {
    return { loginId, storage: this.#storage, ttlSeconds: 60 };
  }

  /** Takes the lock if it is free now. */
  async take(first = true): Promise<HeldLock | undefined> {
    return (await finished(this.#locks.tryTake(this.place, { first, isEnough }))).lock;
  }

  /** Waits for the lock; resolves with it and with how long that took. */
  async await(withinMs = 60_000): Promise<{ lock: HeldLock; afterMs: number }> {
    const startedAt = elapsedMs();
    for (let first = true; elapsedMs() - startedAt <= withinMs; first = false) {
      const lock = await this.take(first);
      if (lock !== undefined) return { lock, afterMs: elapsedMs() - startedAt };
      await pass(200);
    }
    throw new Error('The lock could not be had');
  }

  isHeld(): Promise<boolean> {
    return finished(this.#locks.isHeld(this.place));
  }
}

/** Several processes over one storage. */
export function contenders(kind: StorageKind) {
  const rows = new WorldRows(kind, async () => noteActivity());
  const contender = (name: string) => new Contender(rows.storageFor(name));
  return { rows, a: contender('A'), b: contender('B'), c: contender('C'), contender };
}

/** A process that a test can stop: it no longer renews its lock. */
export function stoppable(rows: WorldRows) {
  const { storage, faults } = faultyStorage(rows.storageFor('stopped'));
  return { process: new Contender(storage), faults };
}

/** The parsed value of a lock's row. */
export const said = (row: StoredRow | undefined): Record<string, unknown> | undefined =>
  row && (JSON.parse(row.value) as Record<string, unknown>);
