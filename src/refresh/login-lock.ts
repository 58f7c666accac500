import { BoundedMap } from '../bounded-map.js';
import { type GuardedStorage, isWritten, maxLagMs, rowOf } from '../storage/guarded-storage.js';
import { loginKeys } from '../storage/login-keys.js';
import type { StorageKey, StorageStep, StoredRow } from '../storage/polar-storage.js';
import type { RecordPlace } from '../tokens/token-record.js';
import { type HeldLock, RowLock, renewEveryMs } from './held-lock.js';
import { type LockRow, newName, parseLockRow, rowTTLSeconds } from './lock-row.js';
import { settleLock } from './settle-lock.js';
import type { LoginRows } from './store-tokens.js';

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
   * Announces in the lock row that an exchange is open without the lock: the owner of the lock must not believe a refusal.
   * Writes nothing now, because the store has just failed; the first renewal does, a second later.
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
    const content = parseLockRow(await storage.read(loginKeys(loginId).lock));
    return content !== undefined && !content.isFree;
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
    const content = parseLockRow(found);
    const isStale = content !== undefined && !content.isFree && this.#isStale(storage, key, found, askedAt);
    if (content !== undefined && !content.isFree && !isStale) return busy;

    // Each take-over gets a new mark: a process that has known the old one long enough to ignore it does not know the
    // new one.
    const mark = isStale ? newName() : this.#standingMark(content?.mark);
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
        markReleased: () => void locked.delete(loginId),
        release: async () => void locked.delete(loginId),
        releaseLate: async () => {},
      }
    : undefined;
  const keys = loginKeys(loginId);
  const [tombstone, record] = await storage.run([{ read: keys.tombstone }, { read: keys.record }]);
  return { lock, rows: { tombstone, record } };
}
