import { setTimeout as delay } from 'node:timers/promises';
import { type GuardedStorage, maxLagMs, rowOf } from '../storage/guarded-storage.js';
import type { StorageKey, StorageStep, StoredRow } from '../storage/polar-storage.js';
import { type LockRow, newName, parseLockRow, rowTTLSeconds, stepToFree } from './lock-row.js';

/** A lock that this process holds. */
export interface HeldLock {
  /** While an exchange is open, the lock is kept even if another process has taken it over as abandoned. */
  isExchangeOpen: boolean;
  /**
   * True while no other exchange can be under way: the lock was free when taken, was not left behind by an owner that
   * may still be waiting for Polar, and is still ours. Rejects when the store does not respond.
   */
  isExclusive(): Promise<boolean>;
  /** The step that releases the lock, to run together with others; undefined if releasing takes more than one step. */
  releaseStep(): StorageStep | undefined;
  /** To be called once that step has run. */
  markReleased(): void;
  /**
   * Releases the lock. Never rejects. Await it before responding: a process that is frozen after its response would leave a lock
   * for which others wait until it goes stale.
   *
   * @param leavesDoubt true when our tokens are not recorded yet, so that other processes must not believe a refusal
   */
  release(leavesDoubt?: boolean): Promise<void>;
  /** Releases the lock again if a lagging store shows it only now. Never rejects, and only a shutdown has to wait for it. */
  releaseLate(): Promise<void>;
}

/** How often an owner renews its lock, in milliseconds. */
export const renewEveryMs = 1000;

/** A lock that is held as a row of a shared store, and renewed until it is released. */
export class RowLock implements HeldLock {
  isExchangeOpen = false;
  readonly #storage: GuardedStorage;
  readonly #key: StorageKey;
  readonly #owner: string;
  #row: StoredRow;
  #mark: string | undefined;
  #isOver = false;
  #mayShowLate = false;
  #isBeingReleased = false;
  #renewal: Promise<void> | undefined;

  constructor(storage: GuardedStorage, key: StorageKey, row: StoredRow, mark?: string) {
    this.#storage = storage;
    this.#key = key;
    this.#row = row;
    this.#mark = mark;
    this.#owner = parseLockRow(row)?.owner ?? '';
    void this.#keepRenewing();
  }

  async isExclusive(): Promise<boolean> {
    if (this.#mark !== undefined || this.#isOver) return false;
    const content = parseLockRow(await this.#storage.read(this.#key));
    return content?.owner === this.#owner && content.mark === undefined && this.#mark === undefined;
  }

  releaseStep(): StorageStep | undefined {
    // A renewal under way changes the row to be removed, and a store without an atomic compare-and-write may not show
    // it yet.
    if (this.#isOver || this.#renewal !== undefined || !this.#storage.atomic) return undefined;
    this.#isBeingReleased = true;
    return this.#stepFrom(this.#row);
  }

  #stepFrom(row: StoredRow): StorageStep {
    return stepToFree(this.#key, row, this.#mark);
  }

  markReleased(): void {
    this.#isOver = true;
  }

  async release(leavesDoubt = false): Promise<void> {
    if (this.#isOver) return;
    this.#isOver = true;
    await this.#releaseRow(leavesDoubt);
  }

  async #releaseRow(leavesDoubt: boolean): Promise<void> {
    await this.#renewal;
    if (leavesDoubt) this.#mark = newName();
    // Has no effect if the row is no longer ours.
    if (this.#storage.atomic) await this.#storage.run([this.#stepFrom(this.#row)]);
    // The row is gone, belongs to another process, or is not visible yet in a lagging store.
    this.#mayShowLate = !(await this.#releaseIfVisible()) && !this.#storage.atomic;
  }

  async releaseLate(): Promise<void> {
    if (!this.#mayShowLate) return;
    await delay(maxLagMs, undefined, { ref: false });
    await this.#releaseIfVisible();
  }

  async #releaseIfVisible(): Promise<boolean> {
    const found = await this.#read();
    const content = parseLockRow(found);
    if (found === undefined || content?.owner !== this.#owner || content.isFree) return false;
    await this.#storage.run([this.#stepFrom(found)]);
    return true;
  }

  async #keepRenewing(): Promise<void> {
    for (;;) {
      await delay(renewEveryMs, undefined, { ref: false });
      if (this.#isOver) return;
      if (this.#isBeingReleased) continue;
      this.#renewal = this.#renew();
      await this.#renewal;
      this.#renewal = undefined;
    }
  }

  async #renew(): Promise<void> {
    const [result] = await this.#storage.run([{ read: this.#key }]);
    if (result === undefined || 'error' in result || this.#isOver) return;
    const found = rowOf(result);
    const isOurs = parseLockRow(found)?.owner === this.#owner;
    if (!isOurs && !this.isExchangeOpen) {
      this.#isOver = true;
      return;
    }
    // Another process has taken the lock over as abandoned; it must not believe a refusal by Polar.
    if (!isOurs) this.#mark = newName();
    const content = { owner: this.#owner, ...(this.#mark !== undefined && { mark: this.#mark }) };
    const row = {
      version: Math.max(found?.version ?? 0, this.#row.version) + 1,
      value: JSON.stringify(content satisfies LockRow),
    };
    const [written] = await this.#storage.run([{ write: this.#key, row, ttlSeconds: rowTTLSeconds }]);
    if (written !== undefined && 'value' in written && written.value === true) this.#row = row;
  }

  async #read(): Promise<StoredRow | undefined> {
    const [result] = await this.#storage.run([{ read: this.#key }]);
    return result !== undefined && 'value' in result ? rowOf(result) : undefined;
  }
}
