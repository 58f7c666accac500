import { setTimeout as delay } from 'node:timers/promises';
import type { BackgroundWork } from '../async/background-work.js';
import { singleFlight } from '../async/single-flight.js';
import { BoundedMap } from '../bounded-map.js';
import { publish } from '../diagnostics.js';
import type { LoginEndReason } from '../login-end-reason.js';
import { rowOf, type StepResult } from '../storage/guarded-storage.js';
import { loginKeys } from '../storage/login-keys.js';
import type { StorageStep } from '../storage/polar-storage.js';
import {
  type LoginHandle,
  openRecord,
  type RecordPlace,
  type TokenRecord,
  UnopenableRecordError,
} from '../tokens/token-record.js';
import { isUsable } from '../tokens/token-set.js';
import { reasonIn } from '../tokens/tombstone.js';
import { type CachedLogin, isSamePair } from './cached-login.js';
import type { HeldLock } from './held-lock.js';
import type { IssuedTokens } from './issued-tokens.js';
import type { LoginCache } from './login-cache.js';
import { recordsUnreadable } from './login-errors.js';
import { RetryingWriter } from './retrying-writer.js';
import { type EndedLogin, type LoginRows, storeEnd, storeTokens } from './store-tokens.js';

/** Dependencies of {@link LoginSync}. */
export interface LoginSyncParts {
  readonly cache: LoginCache;
  readonly issued: IssuedTokens;
  readonly background: BackgroundWork;
  readonly now: () => number;
  /** Monotonic clock, in milliseconds. */
  readonly elapsedMs: () => number;
  /** Maximum number of logins whose last revalidation is remembered. */
  readonly maxLogins: number;
}

// How long this process may miss an early refresh or a logout in another process.
const revalidateAfterMs = 60_000;
// Without an atomic compare-and-write, another process may be about to write a row based on an earlier read.
const checkRecordAfterMs = 1500;
const noRenewalBeforeExpiryMs = 2 * 60_000;

/**
 * Keeps the {@link LoginCache} and the rows that all processes share in step: reads the rows, notices what other processes
 * did, and writes what this process did.
 */
export class LoginSync {
  readonly #parts: LoginSyncParts;
  readonly #cache: LoginCache;
  readonly #writer: RetryingWriter;
  readonly #reads = new Map<string, Promise<CachedLogin>>();
  readonly #readAt: BoundedMap<number>;
  // When this process last wrote or renewed a login's rows.
  readonly #renewedAt: BoundedMap<number>;

  constructor(parts: LoginSyncParts) {
    this.#parts = parts;
    this.#cache = parts.cache;
    this.#writer = new RetryingWriter(parts.cache, parts.background);
    this.#readAt = new BoundedMap(parts.maxLogins);
    this.#renewedAt = new BoundedMap(parts.maxLogins);
  }

  /** Caches a login whose record need not be read. */
  begin(login: LoginHandle): void {
    this.#readAt.set(login.loginId, this.#parts.elapsedMs());
    this.#cache.learn(login.loginId, this.#cache.recall(login));
  }

  /** Caches that a login has ended. */
  learnEnd(loginId: string, reason: LoginEndReason): CachedLogin {
    const newest = this.#cache.learnEnd(loginId, reason);
    this.#parts.issued.spares.revokeIfSuperseded(loginId, newest);
    return newest;
  }

  /** Returns the cached state; reads the record first if this process has not seen the login. */
  async current(login: LoginHandle): Promise<CachedLogin> {
    const known = this.#cache.peek(login.loginId);
    // The record may say that the session's tokens, though unexpired, have been replaced or that the login has ended.
    return known ?? this.#read(login);
  }

  /** True when {@link revalidateInBackground} is due. */
  isStale(loginId: string): boolean {
    const readAt = this.#readAt.get(loginId) ?? Number.NEGATIVE_INFINITY;
    return this.#parts.elapsedMs() - readAt >= revalidateAfterMs;
  }

  /**
   * Revalidates a login in use, once a minute, and renews the lifetime of its rows. Requests do not wait for it: a
   * valid token costs no I/O, yet changes by other processes are noticed.
   */
  revalidateInBackground(login: LoginHandle): void {
    if (this.isStale(login.loginId)) this.#read(login).catch(() => {});
  }

  #read(login: LoginHandle): Promise<CachedLogin> {
    return singleFlight(this.#reads, login.loginId, () => this.revalidateOrRecall(login));
  }

  /** Reads the rows and returns the newest state. Rejects when the store cannot respond. */
  async revalidate(login: LoginHandle): Promise<CachedLogin> {
    this.#readAt.set(login.loginId, this.#parts.elapsedMs());
    const keys = loginKeys(login.loginId);
    const [ended, record] = await login.storage.run([{ read: keys.tombstone }, { read: keys.record }]);
    return this.mergeRows(login, { tombstone: ended, record });
  }

  /**
   * Merges rows into the cache and returns the newest state. Rows older than the cached state are written again.
   *
   * @throws the error of the store, or {@link UnopenableRecordError}
   */
  async mergeRows(login: LoginHandle, rows: LoginRows): Promise<CachedLogin> {
    const { loginId } = login;
    // A tombstone counts even if the record cannot be read.
    const end = rowOf(rows.tombstone);
    if (end !== undefined) {
      await this.#findLeftOver(login, rows.record);
      this.#renew(login, { write: loginKeys(loginId).tombstone, row: end, ttlSeconds: login.ttlSeconds });
      return this.learnEnd(loginId, reasonIn(end));
    }
    const row = rowOf(rows.record);
    const record = openRecord(login, row);
    const newest = this.#mergeRecord(login, record);
    if (row !== undefined && record?.generation === newest.generation) {
      // Tokens close to expiry are about to be replaced, and without an atomic compare-and-write, a renewal would undo
      // that.
      if (isUsable(record.tokens, this.#parts.now(), noRenewalBeforeExpiryMs))
        this.#renew(login, { write: loginKeys(loginId).record, row, ttlSeconds: login.ttlSeconds });
    } else this.#heal(login, newest, record);
    this.#parts.issued.spares.revokeIfSuperseded(loginId, newest);
    return newest;
  }

  /** The process that ends a login revokes the newest recorded tokens, but the store may have lost them. */
  async #findLeftOver(login: LoginHandle, row: StepResult | undefined): Promise<void> {
    const { generation, issuedAt, tokens } = this.#cache.recall(login);
    if (tokens === undefined || generation === 0) return;
    try {
      const record = openRecord(login, rowOf(row));
      if (record === undefined || record.generation < generation)
        this.#parts.issued.revokeLeftOver(login.loginId, { generation, tokens, issuedAt });
    } catch {
      // The record cannot be read: assume that it is up to date.
    }
  }

  /** Of two pairs of the same generation, the recorded one wins: all processes see it. */
  #mergeRecord(login: LoginHandle, record: TokenRecord | undefined): CachedLogin {
    const { loginId } = login;
    const known = this.#cache.recall(login);
    if (record === undefined || record.generation < known.generation)
      return this.#cache.learn(loginId, known);
    const isSame = record.generation === known.generation && isSamePair(record.tokens, known.tokens);
    if (isSame) return this.#cache.learn(loginId, known);
    const { generation, issuedAt, refused, tokens } = known;
    if (generation < record.generation) this.#parts.issued.revokeUnlessReplaced(loginId, known, record);
    else if (tokens !== undefined && !refused)
      this.#parts.issued.keepAsSpare(loginId, { generation, tokens, issuedAt });
    return this.#cache.replace(loginId, record);
  }

  /**
   * Writes again what the store has lost or overwritten with something older. Without the record, other processes take
   * the login for lost; without the tombstone, for alive.
   */
  #heal(login: LoginHandle, newest: CachedLogin, found: TokenRecord | undefined): void {
    const { endReason, generation, tokens, issuedAt, replaces } = newest;
    if (this.#cache.isUnrecorded(login.loginId)) return;
    if (tokens === undefined) {
      this.#track(this.recordEnd(login, endReason ?? 'logged_out').then(() => {}));
      return;
    }
    // The tokens issued at login are in the session, and need no record unless the login was recorded from the start.
    const isMissed = generation > (found?.generation ?? (login.recordsFromStart ? -1 : 0));
    if (!isMissed) return;
    publish('refresh', { event: 'record-restored', loginId: login.loginId, generation });
    this.#track(this.#writeTokens(login, { generation, tokens, issuedAt, replaces }));
  }

  /** Renews the lifetime of a row that is up to date. */
  #renew(login: LoginHandle, step: StorageStep): void {
    const { loginId, storage, ttlSeconds } = login;
    const everyMs = storage.forgetsIdle ? revalidateAfterMs / 2 : (ttlSeconds * 1000) / 30;
    const sinceMs = this.#parts.elapsedMs() - (this.#renewedAt.get(loginId) ?? Number.NEGATIVE_INFINITY);
    if (sinceMs < everyMs) return;
    this.#renewedAt.set(loginId, this.#parts.elapsedMs());
    this.#track(storage.run([step]));
  }

  #track(writing: Promise<unknown>): void {
    void this.#parts.background.write(writing.catch(() => {}));
  }

  /**
   * Like {@link revalidate}, but returns the cached state when the store cannot respond.
   *
   * @throws PolarTransientError if there is a newer record that only other processes can open
   */
  async revalidateOrRecall(login: LoginHandle): Promise<CachedLogin> {
    try {
      return await this.revalidate(login);
    } catch (error) {
      publish('refresh', { event: 'record-unreadable', loginId: login.loginId, error });
      const known = this.#cache.recall(login);
      if (error instanceof UnopenableRecordError && error.generation > known.generation)
        throw recordsUnreadable(error);
      return known;
    }
  }

  /** Polls the store for up to `patienceMs` for a generation newer than `generation`. */
  async awaitNewer(
    login: LoginHandle,
    generation: number,
    patienceMs: number,
  ): Promise<CachedLogin | undefined> {
    const giveUpAt = performance.now() + (login.storage.shared ? patienceMs : 0);
    for (let pauseMs = 50; ; pauseMs = Math.min(pauseMs * 2, 500)) {
      const newest = await this.revalidateOrRecall(login);
      if (newest.generation > generation) return newest;
      if (performance.now() >= giveUpAt) return undefined;
      await delay(pauseMs);
    }
  }

  /**
   * Caches new tokens, which this process uses at once, and records them. Releases `lock` in the same round trip if the
   * store supports it. Resolves with the newest state by then: the user may have logged out meanwhile.
   *
   * @param ifLate called with the newest state once a store that was down has taken the record
   */
  async recordTokens(
    login: LoginHandle,
    record: TokenRecord,
    ifLate?: (newest: CachedLogin) => Promise<void>,
    lock?: HeldLock,
  ): Promise<CachedLogin> {
    const { shared, atomic } = login.storage;
    const newest = await this.#writeTokens(login, record, ifLate, lock);
    // A slower process may overwrite the record with something older. This is checked once: a store that keeps losing
    // the record is not written to forever.
    if (newest !== undefined && shared && !atomic)
      void delay(checkRecordAfterMs, undefined, { ref: false })
        .then(() => this.#read(login))
        .catch(() => {});
    return newest ?? this.#cache.recall(login);
  }

  async #writeTokens(
    login: LoginHandle,
    { generation, tokens, issuedAt, replaces }: TokenRecord,
    ifLate?: (newest: CachedLogin) => Promise<void>,
    lock?: HeldLock,
  ): Promise<CachedLogin | undefined> {
    const { loginId } = login;
    const news = { generation, tokens, issuedAt, replaces };
    this.#cache.learn(loginId, news);
    const store = storeTokens(login, news, lock);
    const work = async (): Promise<CachedLogin> => {
      const rows = await store();
      this.#renewedAt.set(loginId, this.#parts.elapsedMs());
      return this.mergeRows(login, rows).catch(orIfUnopenable(() => this.#cache.recall(login)));
    };
    return this.#writer.write(login, news, work, ifLate);
  }

  /**
   * Caches that a login has ended, writes its tombstone and reads its record. Resolves after the first attempts, with
   * undefined if they failed.
   *
   * @param ifLate called once a store that was down has taken the tombstone
   */
  async recordEnd(
    place: RecordPlace,
    reason: LoginEndReason,
    ifLate?: (ended: EndedLogin) => Promise<void>,
  ): Promise<EndedLogin | undefined> {
    const ended = this.learnEnd(place.loginId, reason);
    const work = (): Promise<EndedLogin> => storeEnd(place, ended.endReason ?? reason);
    return this.#writer.write(place, ended, work, ifLate);
  }
}

/** Falls back where the record cannot be opened: unlike with a store that is down, retrying would change nothing. */
function orIfUnopenable<T>(recall: (error: UnopenableRecordError) => T): (error: unknown) => T {
  return (error) => {
    if (error instanceof UnopenableRecordError) return recall(error);
    throw error;
  };
}
