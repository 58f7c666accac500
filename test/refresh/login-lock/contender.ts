import type { HeldLock } from '../../../src/refresh/held-lock.js';
import { LoginLocks } from '../../../src/refresh/login-lock.js';
import { GuardedStorage } from '../../../src/storage/guarded-storage.js';
import type { PolarStorage, StoredRow } from '../../../src/storage/polar-storage.js';
import { faultyStorage } from '../refresher/faulty-storage.js';
import { elapsedMs, finished, noteActivity, pass } from '../refresher/virtual-time.js';
import { loginId, type StorageKind, WorldRows } from '../refresher/world-rows.js';

/** Nothing that the rows say makes the lock unnecessary. */
export const isEnough = async (): Promise<boolean> => false;

/** One process that wants the lock. */
export class Contender {
  readonly #locks = new LoginLocks();
  readonly #storage: GuardedStorage;

  constructor(storage: PolarStorage) {
    this.#storage = new GuardedStorage(storage, 3000);
  }

  get place() {
    return { loginId, storage: this.#storage, ttlSeconds: 60 };
  }

  /** The lock, if it can be had now. */
  async take(first = true): Promise<HeldLock | undefined> {
    return (await finished(this.#locks.tryTake(this.place, { first, isEnough }))).lock;
  }

  /** The lock, as soon as it can be had, and when that was. */
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

/** Processes over one storage. */
export function contenders(kind: StorageKind) {
  const rows = new WorldRows(kind, async () => noteActivity());
  const contender = (name: string) => new Contender(rows.storageFor(name));
  return { rows, a: contender('A'), b: contender('B'), c: contender('C'), contender };
}

/** A process that can be stopped where it is: its lock is renewed no more. */
export function stoppable(rows: WorldRows) {
  const { storage, faults } = faultyStorage(rows.storageFor('stopped'));
  return { process: new Contender(storage), faults };
}

/** What the row of a lock says. */
export const said = (row: StoredRow | undefined): Record<string, unknown> | undefined =>
  row && (JSON.parse(row.value) as Record<string, unknown>);
