import { randomBytes } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { type GuardedStorage, isWritten, rowOf, type StepResult } from '../storage/guarded-storage.js';
import { loginKeys } from '../storage/login-keys.js';
import type { StorageKey, StorageStep, StoredRow } from '../storage/polar-storage.js';
import { BoundedMap } from '../tokens/bounded-map.js';
import type { RecordPlace } from '../tokens/token-record.js';

/** The two rows that are read with every look at a lock. */
export interface LoginRows {
  readonly tombstone: StepResult | undefined;
  readonly record: StepResult | undefined;
}

/** What trying to take a lock comes to: the lock, unless somebody else has it, and what the rows say by then. */
export interface LockAttempt {
  readonly lock: HeldLock | undefined;
  readonly rows: LoginRows;
}

/** A lock that this process holds. */
export interface HeldLock {
  /** While an exchange is open, the lock is not given up, whoever else has taken it for abandoned. */
  isExchangeOpen: boolean;
  /**
   * True while no exchange but ours can be under way: the lock was free when it was taken, was not left behind by anybody
   * who may still wait for Polar, and is ours to this moment. Rejects when the store does not respond.
   */
  isExclusive(): Promise<boolean>;
  /** The step that gives the lock up, to be taken along with others; undefined when it takes more than that. */
  releaseStep(): StorageStep | undefined;
  /** Say so when that step was taken. */
  released(): void;
  /**
   * Gives the lock up. Nobody has to wait for it but a shutdown, and it never fails.
   *
   * @param leavesDoubt true when tokens of ours are not recorded yet: others must not believe a refusal
   */
  release(leavesDoubt?: boolean): Promise<void>;
}

// What the row of a lock says. It is renewed every second; `mark` names a take-over from somebody whose exchange may
// still be open; `isFree` is said by a row that only carries a mark on.
interface LockRow {
  readonly owner: string;
  readonly mark?: string;
  readonly isFree?: true;
}

const renewEveryMs = 1000;
// As long as an exchange is listened to (120 s), plus as long as a process may have been stopped (60 s), plus a margin.
export const doubtMs = 185_000;
// Outlasts every doubt, also with clocks that differ by minutes.
const rowTTLSeconds = 900;
const minStaleMs = 10_000;
// How much later than it was acknowledged a write may be seen.
const maxLagMs = 3000;
const lagPauseMs = 50;
const minSettleMs = 150;
// Reading and writing take three round trips where the store cannot do both in one step: nobody takes longer than four.
const settleRoundTrips = 6;

/**
 * The locks of logins, kept as rows of any storage. Safety does not come from them (see docs/refresh-protocol.md): they
 * save requests, and tell when a refusal of Polar's can be believed.
 */
export class LoginLocks {
  // When this process saw each row for the first time as it is, on its own clock.
  readonly #seen = new BoundedMap<{ readonly row: string; readonly since: number }>(10_000);
  readonly #marks = new BoundedMap<number>(10_000);

  /**
   * Takes the lock if nobody has it, and reads record and tombstone as they are by then.
   *
   * @param options `first`: nobody has looked yet, so that it is tried without looking where that saves a round trip;
   *   `isEnough`: whether the rows make the lock unnecessary
   * @throws what the store throws, and what `isEnough` throws
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
   * Says in the row of the lock, as soon as the store can be reached, that an exchange is open without it: whoever holds
   * the lock must not believe a refusal.
   */
  announce(place: RecordPlace): HeldLock | undefined {
    if (!place.storage.shared) return undefined;
    const row = { version: 0, value: JSON.stringify({ owner: newName() } satisfies LockRow) };
    const lock = this.#hold(place, loginKeys(place.loginId).lock, row, newName());
    // It is about to be: somebody else's row is no reason to stop.
    lock.isExchangeOpen = true;
    return lock;
  }

  /** Whether somebody holds the lock, or held it when they died. */
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

    // A new one at each take-over: those who have known an old one for long enough do not know this one.
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

  /** Whether nobody has renewed a lock for so long that its owner cannot be at work. */
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
    // By when it was asked for: a process that was stopped may be looking at a response of before.
    return askedAt - seen.since >= (storage.atomic ? staleMs : Math.max(minStaleMs, staleMs + maxLagMs));
  }

  /** The mark, unless this process has known it for longer than any exchange of before it can be open. */
  #standingMark(mark: string | undefined): string | undefined {
    if (mark === undefined) return undefined;
    const now = performance.now();
    const since = this.#marks.get(mark);
    if (since === undefined) this.#marks.set(mark, now);
    return since !== undefined && now - since >= doubtMs ? undefined : mark;
  }
}

// How long it last took from looking at a lock to having written it: many stores write more slowly than they read.
const writtenAfterMs = new WeakMap<object, number>();
// Stores that were seen to show a write later than they acknowledged it.
const laggingStores = new WeakSet<object>();

/**
 * Writes a lock in a store that cannot compare and write in one step, and makes sure that nobody else has done so at the
 * same time: whoever read the row before ours was there has written theirs by the end of the pause, and the last one wins.
 */
async function settled(
  storage: GuardedStorage,
  key: StorageKey,
  before: StoredRow | undefined,
  row: StoredRow,
  askedAt: number,
): Promise<boolean> {
  const roundTripMs = performance.now() - askedAt;
  // This process was stopped meanwhile: what it has read may be long over.
  if (roundTripMs > storage.timeoutMs) return false;
  const usualMs = writtenAfterMs.get(storage.identity) ?? 0;
  const pauseMs = Math.max(minSettleMs, settleRoundTrips * roundTripMs, 3 * usualMs);
  const isSettled = async (): Promise<boolean> => {
    if (!(await storage.write(key, row, rowTTLSeconds))) return false;
    const writtenAt = performance.now();
    writtenAfterMs.set(storage.identity, Math.min(writtenAt - askedAt, storage.timeoutMs));
    // Somebody may have taken the lock, been sure of it, and lost it to so late a write.
    if (writtenAt - askedAt > (pauseMs * 2) / 3) return false;
    for (;;) {
      const found = await storage.read(key);
      if (isSame(found, row)) break;
      // A store that lags still shows what was there before: also what others wrote before.
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
    // Nobody is to wait until a row goes stale that nobody stands behind.
    if (!isOurs) void withdraw(storage, key, row);
  }
}

/** Takes back a row that was written in vain. What it says of exchanges that may be open is carried on. */
async function withdraw(storage: GuardedStorage, key: StorageKey, row: StoredRow): Promise<void> {
  await storage.run([stepFrom(key, row)]);
  // It may show only now, or have been written only now.
  await delay(maxLagMs, undefined, { ref: false });
  const [result] = await storage.run([{ read: key }]);
  const isShown = result !== undefined && 'value' in result && isSame(rowOf(result), row);
  if (isShown) await storage.run([stepFrom(key, row)]);
}

/** The step from a held lock to a free one: the row goes, unless it has a mark to carry on. */
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
    // A renewal under way changes the row that is to be removed, and a store that cannot compare may not show it yet.
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
    // Without effect where it is not our row any more.
    if (this.#storage.atomic) await this.#storage.run([this.#stepFrom(this.#row)]);
    if ((await this.#giveUpIfShown()) || this.#storage.atomic) return;
    // Nothing to give up, or somebody else's; or a store that lags.
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
    // Taken for abandoned by somebody else: they must not believe what Polar tells them.
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

// Logins that are locked in a storage which no other process sees.
const lockedInProcess = new WeakMap<object, Set<string>>();

async function takeInProcess({ loginId, storage }: RecordPlace): Promise<LockAttempt> {
  const locked = lockedInProcess.get(storage.identity) ?? new Set();
  lockedInProcess.set(storage.identity, locked);
  const isFree = !locked.has(loginId);
  // Before anything is waited for.
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
    // Not ours to read, so nobody's: it goes stale.
    return { owner: '' };
  }
}
