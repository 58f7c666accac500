import { setTimeout as delay } from 'node:timers/promises';
import { publish } from '../diagnostics.js';
import { type GuardedStorage, isWritten, rowOf } from '../storage/guarded-storage.js';
import { loginKeys } from '../storage/login-keys.js';
import type { StorageKey, StorageStep, StoredRow } from '../storage/polar-storage.js';
import { BoundedMap } from '../tokens/bounded-map.js';
import type { LoginHandle, RecordPlace } from '../tokens/token-record.js';
import type { CachedLogin, IsGood } from './cached-login.js';
import { type HeldLock, RowLock, renewEveryMs } from './held-lock.js';
import { type LockRow, maxLagMs, newName, parseLockRow, rowTTLSeconds } from './lock-row.js';
import { lockIsBusy } from './login-errors.js';
import type { LoginRecords, LoginRows } from './login-records.js';
import { settleLock } from './settle-lock.js';

/** Result of {@link LoginLocks.tryTake}: the lock, unless another process holds it, and the rows as read by then. */
export interface LockAttempt {
  readonly lock: HeldLock | undefined;
  readonly rows: LoginRows;
}

// How long an exchange waits for its response (120 s), plus how long a process may have been suspended (60 s), plus a
// margin.
export const doubtMs = 185_000;
const minStaleMs = 10_000;

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
      if (isWritten(taken)) return { lock: new RowLock(storage, keys.lock, row), rows };
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
    const lock = new RowLock(place.storage, loginKeys(place.loginId).lock, row, newName());
    // The exchange is about to open, and another process's row must not stop the announcement.
    lock.isExchangeOpen = true;
    return lock;
  }

  /** True if a process holds the lock, or held it when it died. */
  async isHeld({ loginId, storage }: Pick<RecordPlace, 'loginId' | 'storage'>): Promise<boolean> {
    const said = parseLockRow(await storage.read(loginKeys(loginId).lock));
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
    const said = parseLockRow(found);
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
      return { lock: new RowLock(storage, key, row, mark), rows: { tombstone: ended, record: newest } };
    }
    if (!(await settleLock(storage, key, found, row, askedAt))) return busy;
    const [ended, newest] = await storage.run(reads);
    return { lock: new RowLock(storage, key, row, mark), rows: { tombstone: ended, record: newest } };
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

const minLockPauseMs = 20;
const maxLockPauseMs = 200;
// Where polling takes one round trip, waiting costs users more than polling costs the store.
const maxLockPauseInOneTripMs = 30;

/** Waits for the lock of a login while another process refreshes it. */
export class LockQueue {
  readonly #locks: LoginLocks;
  readonly #records: LoginRecords;
  readonly #timeoutMs: number;

  /** @param timeoutMs milliseconds to wait at most */
  constructor(locks: LoginLocks, records: LoginRecords, timeoutMs: number) {
    this.#locks = locks;
    this.#records = records;
    this.#timeoutMs = timeoutMs;
  }

  /**
   * Waits for the lock, and for what its owner records meanwhile. Resolves without a lock when the store cannot
   * respond: the refresh then proceeds, and believes no refusal.
   */
  async take(
    login: LoginHandle,
    isGood: IsGood,
  ): Promise<{ lock: HeldLock | undefined; newest: CachedLogin }> {
    const giveUpAt = performance.now() + this.#timeoutMs;
    const maxPauseMs = login.storage.batches ? maxLockPauseInOneTripMs : maxLockPauseMs;
    let isBusy = false;
    for (let pauseMs = minLockPauseMs, first = true; ; pauseMs = Math.min(pauseMs * 2, maxPauseMs)) {
      let lock: HeldLock | undefined;
      const triedAt = performance.now();
      try {
        const isEnough = async (rows: LoginRows): Promise<boolean> => {
          const found = await this.#records.learnRows(login, rows);
          return isGood(found) || found.tokens === undefined;
        };
        const attempt = await this.#locks.tryTake(login, { first, isEnough });
        lock = attempt.lock;
        isBusy = lock === undefined;
        const newest = await this.#records.learnRows(login, attempt.rows);
        if (lock !== undefined || isGood(newest) || newest.tokens === undefined) return { lock, newest };
      } catch (error) {
        publish('refresh', { event: 'lock-unavailable', loginId: login.loginId, error });
        // A momentary failure of the store says nothing about the owner, which may be waiting for Polar.
        if (!isBusy) {
          const newest = await this.#withoutRows(login, lock);
          return { lock: lock ?? this.#locks.announce(login), newest };
        }
      }
      if (performance.now() >= giveUpAt) throw lockIsBusy();
      first = false;
      // An attempt spoilt by other processes took long, and an immediate retry would spoil theirs.
      const tookMs = performance.now() - triedAt;
      await delay(Math.max(pauseMs * (0.5 + Math.random() / 2), tookMs * Math.random()));
    }
  }

  /** Reads the rows once more: the store may only refuse writes, or have failed for a moment. */
  async #withoutRows(login: LoginHandle, lock: HeldLock | undefined): Promise<CachedLogin> {
    try {
      return await this.#records.revalidateOrRecall(login);
    } catch (unopenable) {
      void lock?.release();
      throw unopenable;
    }
  }
}
