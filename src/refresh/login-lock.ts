import { randomBytes } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { type GuardedStorage, isWritten, rowOf, type StepResult } from '../storage/guarded-storage.js';
import { loginKeys } from '../storage/login-keys.js';
import type { StorageKey, StorageStep, StoredRow } from '../storage/polar-storage.js';
import { BoundedMap } from '../tokens/bounded-map.js';
import type { RecordPlace } from '../tokens/token-record.js';

/** The two rows that are read along with every lock. */
export interface LoginRows {
  readonly tombstone: StepResult | undefined;
  readonly record: StepResult | undefined;
}

/** Result of {@link LoginLocks.tryTake}: the lock, unless another process holds it, and the rows as read by then. */
export interface LockAttempt {
  readonly lock: HeldLock | undefined;
  readonly rows: LoginRows;
}

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
  released(): void;
  /**
   * Releases the lock. Never rejects, and only a shutdown has to wait for it.
   *
   * @param leavesDoubt true when our tokens are not recorded yet, so that other processes must not believe a refusal
   */
  release(leavesDoubt?: boolean): Promise<void>;
}

// Content of a lock row, which is renewed every second. `mark` names a take-over from an owner whose exchange may still
// be open; `isFree` is set in a row that only preserves a mark.
interface LockRow {
  readonly owner: string;
  readonly mark?: string;
  readonly isFree?: true;
}

const renewEveryMs = 1000;
// How long an exchange waits for its response (120 s), plus how long a process may have been suspended (60 s), plus a
// margin.
export const doubtMs = 185_000;
// Outlasts every doubt, even if clocks differ by minutes.
const rowTTLSeconds = 900;
const minStaleMs = 10_000;
// How long after its acknowledgement a write may become visible.
const maxLagMs = 3000;
const lagPauseMs = 50;
const minSettleMs = 150;
// Reading and writing take three round trips in a store that cannot do both in one step; no process takes longer than
// four.
const settleRoundTrips = 6;

/**
 * The locks of logins, kept as rows of any store. Safety does not depend on them (see docs/refresh-protocol.md): they
 * save requests, and tell when a refusal by Polar can be believed.
 */
export class LoginLocks {
  // When this process first saw each row in its present form, on its own clock.
  readonly #seen = new BoundedMap<{ readonly row: string; readonly since: number }>(10_000);
  readonly #marks = new BoundedMap<number>(10_000);

  /**
   * Takes the lock if it is free, and reads the record and the tombstone as they are by then.
   *
   * @param options `first`: this is the first attempt, so the lock is written without a prior read where that saves a
   *   round trip; `isEnough`: whether the rows make the lock unnecessary
   * @throws the errors of the store and of `isEnough`
   */
  async tryTake(
    place: RecordPlace,
    options: { readonly first: boolean; readonly isEnough: (rows: LoginRows) => Promise<boolean> },
  ): Promise<LockAttempt> {
    const { storage } = place;
    if (!storage.shared) return takeInProcess(place);
    const keys = loginKeys(place.loginId);
    const reads: StorageStep[] = [{ read: keys.lock }, { read: keys.tombstone }, { read: keys.record }];
    const askedAt = performance.now();
    const owner = newName();
    if (storage.batches && options.first) {
      const row = { version: 1, value: JSON.stringify({ owner } satisfies LockRow) };
      const steps = [{ write: keys.lock, row, ttlSeconds: rowTTLSeconds }, ...reads];
      const [taken, found, tombstone, record] = await storage.run(steps);
      const rows = { tombstone, record };
      if (isWritten(taken)) return { lock: this.#hold(place, keys.lock, row), rows };
      return this.#takeUnlessBusy(place, rowOf(found), askedAt, rows);
    }
    const [found, tombstone, record] = await storage.run(reads);
    const rows = { tombstone, record };
    if (await options.isEnough(rows)) return { lock: undefined, rows };
    return this.#takeUnlessBusy(place, rowOf(found), askedAt, rows);
  }

  /**
   * Announces in the lock row, as soon as the store can be reached, that an exchange is open without the lock: the
   * owner of the lock must not believe a refusal.
   */
  announce(place: RecordPlace): HeldLock | undefined {
    if (!place.storage.shared) return undefined;
    const row = { version: 0, value: JSON.stringify({ owner: newName() } satisfies LockRow) };
    const lock = this.#hold(place, loginKeys(place.loginId).lock, row, newName());
    // The exchange is about to open, and another process's row must not stop the announcement.
    lock.isExchangeOpen = true;
    return lock;
  }

  /** True if a process holds the lock, or held it when it died. */
  async isHeld({ loginId, storage }: Pick<RecordPlace, 'loginId' | 'storage'>): Promise<boolean> {
    const said = parse(await storage.read(loginKeys(loginId).lock));
    return said !== undefined && !said.isFree;
  }

  async #takeUnlessBusy(
    place: RecordPlace,
    found: StoredRow | undefined,
    askedAt: number,
    rows: LoginRows,
  ): Promise<LockAttempt> {
    const busy = { lock: undefined, rows };
    const { storage } = place;
    const { lock: key, record, tombstone } = loginKeys(place.loginId);
    const said = parse(found);
    const isStale = said !== undefined && !said.isFree && this.#isStale(storage, key, found, askedAt);
    if (said !== undefined && !said.isFree && !isStale) return busy;

    // Each take-over gets a new mark: a process that has known the old one long enough to ignore it does not know the
    // new one.
    const mark = isStale ? newName() : this.#standingMark(said?.mark);
    const row = {
      version: (found?.version ?? 0) + 1,
      value: JSON.stringify({ owner: newName(), ...(mark !== undefined && { mark }) } satisfies LockRow),
    };
    const write: StorageStep = { write: key, row, ttlSeconds: rowTTLSeconds };
    const reads: StorageStep[] = [{ read: tombstone }, { read: record }];
    if (storage.atomic) {
      const [written, ended, newest] = await storage.run([write, ...reads]);
      if (!isWritten(written)) return busy;
      return { lock: this.#hold(place, key, row, mark), rows: { tombstone: ended, record: newest } };
    }
    if (!(await settled(storage, key, found, row, askedAt))) return busy;
    const [ended, newest] = await storage.run(reads);
    return { lock: this.#hold(place, key, row, mark), rows: { tombstone: ended, record: newest } };
  }

  #hold(place: RecordPlace, key: StorageKey, row: StoredRow, mark?: string): HeldLock {
    return new RowLock(place.storage, key, row, mark);
  }

  /** True if a lock has gone without renewal for so long that its owner cannot be at work. */
  #isStale(
    storage: GuardedStorage,
    { id }: StorageKey,
    found: StoredRow | undefined,
    askedAt: number,
  ): boolean {
    const row = JSON.stringify(found);
    const seen = this.#seen.get(id);
    if (seen?.row !== row) {
      this.#seen.set(id, { row, since: performance.now() });
      return false;
    }
    const staleMs = 3 * renewEveryMs + storage.timeoutMs;
    // Measured from when the read was sent: a process that was suspended may be looking at an old response.
    return askedAt - seen.since >= (storage.atomic ? staleMs : Math.max(minStaleMs, staleMs + maxLagMs));
  }

  /** Returns the mark, unless this process has known it for longer than any earlier exchange can be open. */
  #standingMark(mark: string | undefined): string | undefined {
    if (mark === undefined) return undefined;
    const now = performance.now();
    const since = this.#marks.get(mark);
    if (since === undefined) this.#marks.set(mark, now);
    return since !== undefined && now - since >= doubtMs ? undefined : mark;
  }
}

// The latest time from reading a lock to having written it, in milliseconds: many stores write more slowly than they
// read.
const writtenAfterMs = new WeakMap<object, number>();
// Stores that have acknowledged a write before it was visible.
const laggingStores = new WeakSet<object>();

/**
 * Writes a lock in a store without an atomic compare-and-write, and makes sure that no other process has done so at the
 * same time: any process that read the row before our write has written its own by the end of the pause, and the last
 * write wins.
 */
async function settled(
  storage: GuardedStorage,
  key: StorageKey,
  before: StoredRow | undefined,
  row: StoredRow,
  askedAt: number,
): Promise<boolean> {
  const roundTripMs = performance.now() - askedAt;
  // This process was suspended meanwhile, so the row that it read may be long out of date.
  if (roundTripMs > storage.timeoutMs) return false;
  const usualMs = writtenAfterMs.get(storage.identity) ?? 0;
  const pauseMs = Math.max(minSettleMs, settleRoundTrips * roundTripMs, 3 * usualMs);
  const isSettled = async (): Promise<boolean> => {
    if (!(await storage.write(key, row, rowTTLSeconds))) return false;
    const writtenAt = performance.now();
    writtenAfterMs.set(storage.identity, Math.min(writtenAt - askedAt, storage.timeoutMs));
    // Another process may have taken the lock and confirmed it, then lost it to so late a write.
    if (writtenAt - askedAt > (pauseMs * 2) / 3) return false;
    for (;;) {
      const found = await storage.read(key);
      if (isSame(found, row)) break;
      // A lagging store still shows the earlier row, whichever process wrote it.
      if (isSame(found, before)) laggingStores.add(storage.identity);
      const isTooLate = performance.now() - writtenAt > maxLagMs;
      if (isTooLate || !laggingStores.has(storage.identity)) return false;
      await delay(lagPauseMs);
    }
    await delay(laggingStores.has(storage.identity) ? Math.max(pauseMs, maxLagMs) : pauseMs);
    return isSame(await storage.read(key), row);
  };
  let isOurs = false;
  try {
    isOurs = await isSettled();
    return isOurs;
  } finally {
    // Without an owner, the row would make other processes wait until it goes stale.
    if (!isOurs) void withdraw(storage, key, row);
  }
}

/** Withdraws a row that was written in vain. Its mark, which tells of exchanges that may be open, is preserved. */
async function withdraw(storage: GuardedStorage, key: StorageKey, row: StoredRow): Promise<void> {
  await storage.run([stepFrom(key, row)]);
  // The row may only now have become visible, or have been written.
  await delay(maxLagMs, undefined, { ref: false });
  const [result] = await storage.run([{ read: key }]);
  const isShown = result !== undefined && 'value' in result && isSame(rowOf(result), row);
  if (isShown) await storage.run([stepFrom(key, row)]);
}

/** The step that frees a held lock: removes the row, unless it has a mark to preserve. */
function stepFrom(key: StorageKey, row: StoredRow, mark = parse(row)?.mark): StorageStep {
  if (mark === undefined) return { remove: key, row };
  const value = JSON.stringify({
    owner: parse(row)?.owner ?? '',
    mark,
    isFree: true,
  } satisfies LockRow);
  return { write: key, row: { version: row.version + 1, value }, ttlSeconds: rowTTLSeconds };
}

class RowLock implements HeldLock {
  isExchangeOpen = false;
  readonly #storage: GuardedStorage;
  readonly #key: StorageKey;
  readonly #owner: string;
  #row: StoredRow;
  #mark: string | undefined;
  #isOver = false;
  #isBeingReleased = false;
  #renewal: Promise<void> | undefined;

  constructor(storage: GuardedStorage, key: StorageKey, row: StoredRow, mark: string | undefined) {
    this.#storage = storage;
    this.#key = key;
    this.#row = row;
    this.#mark = mark;
    this.#owner = parse(row)?.owner ?? '';
    void this.#keepRenewing();
  }

  async isExclusive(): Promise<boolean> {
    if (this.#mark !== undefined || this.#isOver) return false;
    const said = parse(await this.#storage.read(this.#key));
    return said?.owner === this.#owner && said.mark === undefined && this.#mark === undefined;
  }

  releaseStep(): StorageStep | undefined {
    // A renewal under way changes the row to be removed, and a store without an atomic compare-and-write may not show
    // it yet.
    if (this.#isOver || this.#renewal !== undefined || !this.#storage.atomic) return undefined;
    this.#isBeingReleased = true;
    return this.#stepFrom(this.#row);
  }

  #stepFrom(row: StoredRow): StorageStep {
    return stepFrom(this.#key, row, this.#mark);
  }

  released(): void {
    this.#isOver = true;
  }

  async release(leavesDoubt = false): Promise<void> {
    if (this.#isOver) return;
    this.#isOver = true;
    await this.#letGo(leavesDoubt);
  }

  async #letGo(leavesDoubt: boolean): Promise<void> {
    await this.#renewal;
    if (leavesDoubt) this.#mark = newName();
    // Has no effect if the row is no longer ours.
    if (this.#storage.atomic) await this.#storage.run([this.#stepFrom(this.#row)]);
    if ((await this.#giveUpIfShown()) || this.#storage.atomic) return;
    // The row is gone, belongs to another process, or is not visible yet in a lagging store.
    await delay(maxLagMs, undefined, { ref: false });
    await this.#giveUpIfShown();
  }

  async #giveUpIfShown(): Promise<boolean> {
    const found = await this.#read();
    const said = parse(found);
    if (found === undefined || said?.owner !== this.#owner || said.isFree) return false;
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
    const isOurs = parse(found)?.owner === this.#owner;
    if (!isOurs && !this.isExchangeOpen) {
      this.#isOver = true;
      return;
    }
    // Another process has taken the lock over as abandoned; it must not believe a refusal by Polar.
    if (!isOurs) this.#mark = newName();
    const said = { owner: this.#owner, ...(this.#mark !== undefined && { mark: this.#mark }) };
    const row = {
      version: Math.max(found?.version ?? 0, this.#row.version) + 1,
      value: JSON.stringify(said satisfies LockRow),
    };
    const [written] = await this.#storage.run([{ write: this.#key, row, ttlSeconds: rowTTLSeconds }]);
    if (written !== undefined && 'value' in written && written.value === true) this.#row = row;
  }

  async #read(): Promise<StoredRow | undefined> {
    const [result] = await this.#storage.run([{ read: this.#key }]);
    return result !== undefined && 'value' in result ? rowOf(result) : undefined;
  }
}

// Logins locked in a store that no other process sees.
const lockedInProcess = new WeakMap<object, Set<string>>();

async function takeInProcess({ loginId, storage }: RecordPlace): Promise<LockAttempt> {
  const locked = lockedInProcess.get(storage.identity) ?? new Set();
  lockedInProcess.set(storage.identity, locked);
  const isFree = !locked.has(loginId);
  // Before the first await: no other caller can come in between.
  if (isFree) locked.add(loginId);
  const lock: HeldLock | undefined = isFree
    ? {
        isExchangeOpen: false,
        isExclusive: async () => true,
        releaseStep: () => undefined,
        released: () => void locked.delete(loginId),
        release: async () => void locked.delete(loginId),
      }
    : undefined;
  const keys = loginKeys(loginId);
  const [tombstone, record] = await storage.run([{ read: keys.tombstone }, { read: keys.record }]);
  return { lock, rows: { tombstone, record } };
}

const newName = (): string => randomBytes(16).toString('hex');

const isSame = (a: StoredRow | undefined, b: StoredRow | undefined): boolean =>
  a?.version === b?.version && a?.value === b?.value;

function parse(row: StoredRow | undefined): LockRow | undefined {
  if (row === undefined) return undefined;
  try {
    const { owner, mark, isFree } = JSON.parse(row.value) as Record<string, unknown>;
    return {
      owner: String(owner),
      ...(typeof mark === 'string' && { mark }),
      ...(isFree === true && { isFree }),
    };
  } catch {
    // Unreadable, so it has no known owner: it goes stale.
    return { owner: '' };
  }
}
