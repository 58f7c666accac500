import { setTimeout as delay } from 'node:timers/promises';
import { singleFlight } from '../async/single-flight.js';
import { publish } from '../diagnostics.js';
import { isWritten, rowOf, type StepResult } from '../storage/guarded-storage.js';
import { loginKeys } from '../storage/login-keys.js';
import type { StorageStep, StoredRow } from '../storage/polar-storage.js';
import { BoundedMap } from '../tokens/bounded-map.js';
import {
  openRecord,
  type RecordPlace,
  sealRecord,
  type TokenRecord,
  UnopenableRecordError,
} from '../tokens/token-record.js';
import { isUsable, type TokenSet } from '../tokens/token-set.js';
import { type LoginEndReason, reasonIn, tombstone } from '../tokens/tombstone.js';
import type { HeldLock } from './held-lock.js';
import { recordsUnreadable } from './login-errors.js';
import type { LoginHandle } from './login-handle.js';
import type { LoginRows } from './login-lock.js';

/** Cached state of a login: its newest tokens, or the fact that it has ended. */
export interface CachedLogin {
  readonly generation: number;
  /** Undefined once the login has ended. */
  readonly tokens: TokenSet | undefined;
  /** Why the login ended. */
  readonly endReason?: LoginEndReason;
  /** When Polar issued the tokens, in milliseconds since the epoch; undefined if unknown. */
  readonly issuedAt: number | undefined;
  /** {@link fingerprint} of the refresh token that was exchanged for these tokens; undefined if unknown. */
  readonly replaces?: string | undefined;
  /** When this process first saw these tokens, in milliseconds on its monotonic clock. */
  readonly metAt?: number;
  /** Polar refused the refresh token of this generation; only other tokens can revive the login. */
  readonly rejected?: boolean;
}

/** The token record that the store held when the end of a login was recorded. */
export interface EndedLogin {
  readonly record: StoredRow | undefined;
}

/** Dependencies of {@link LoginCache}. */
export interface LoginCacheParts {
  /** Called with the newest state whenever rows have been read or written. */
  readonly onNewest: (loginId: string, newest: CachedLogin) => void;
  /** Called with cached tokens when the store holds another pair of the same generation. */
  readonly onReplaced: (loginId: string, replaced: TokenRecord) => void;
  /** Called with cached tokens of an ended login that the process which ended it cannot have known. */
  readonly onLeftOver: (loginId: string, leftOver: TokenRecord) => void;
  /** Called with the cached state when the store holds a later generation. */
  readonly onSuperseded: (loginId: string, known: CachedLogin, newest: CachedLogin) => void;
  /** Called whenever this process learns that a login has ended. */
  readonly onEnded: (loginId: string, reason: LoginEndReason) => void;
  /** Called with the promise of each background write. */
  readonly track: (writing: Promise<unknown>) => void;
  readonly now: () => number;
  /** Monotonic clock, in milliseconds. */
  readonly elapsedMs: () => number;
  /** Maximum number of cached logins. An evicted login is read from its record again. */
  readonly maxLogins: number;
}

// Unrecorded logins cannot be read back. Only a store that is down lets this many accumulate.
const maxUnrecordedLogins = 100_000;
// How long this process may miss an early refresh or a logout in another process.
const revalidateAfterMs = 60_000;
const quickWriteAttempts = 3;
// Without an atomic compare-and-write, another process may be about to write a row based on an earlier read.
const checkRecordAfterMs = 1500;
const noRenewalBeforeExpiryMs = 2 * 60_000;
const minRewritePauseMs = 250;
// Until the record is written, other processes may take the login for lost. The more logins are waiting, the longer
// each one pauses.
const maxRewritePauseMs = 30_000;
const fewRewritesPauseMs = 2000;
const rewritePauseMsEach = 5;
// A store that has refused a row for this long keeps refusing it. Tokens in use are written again when next
// revalidated.
const giveUpWritingAfterMs = 60 * 60_000;

const endedLogin = (endReason: LoginEndReason): CachedLogin => ({
  generation: Number.POSITIVE_INFINITY,
  tokens: undefined,
  issuedAt: undefined,
  endReason,
});

/**
 * Caches the newest state of each login, over the rows that all processes share. Reads try memory first, so a valid
 * token costs no I/O.
 */
export class LoginCache {
  readonly #parts: LoginCacheParts;
  readonly #known: BoundedMap<CachedLogin>;
  readonly #unrecorded = new BoundedMap<CachedLogin>(maxUnrecordedLogins);
  readonly #looks = new Map<string, Promise<CachedLogin>>();
  readonly #lookedAt: BoundedMap<number>;
  // When this process last wrote or renewed a login's rows.
  readonly #renewedAt: BoundedMap<number>;

  constructor(parts: LoginCacheParts) {
    this.#parts = parts;
    this.#known = new BoundedMap(parts.maxLogins);
    this.#lookedAt = new BoundedMap(parts.maxLogins);
    this.#renewedAt = new BoundedMap(parts.maxLogins);
  }

  /** Returns the cached state, or the tokens of the handle unless something as recent is cached. Does no I/O. */
  recall({ loginId, generation, tokens, issuedAt }: LoginHandle): CachedLogin {
    const known = this.#find(loginId);
    return known !== undefined && known.generation >= generation ? known : { generation, tokens, issuedAt };
  }

  /** Returns the cached state; undefined if this process has not seen the login. */
  peek(loginId: string): CachedLogin | undefined {
    return this.#find(loginId);
  }

  /** True while the cached state has not reached the store. */
  isUnrecorded(loginId: string): boolean {
    return this.#unrecorded.get(loginId) !== undefined;
  }

  /**
   * Caches the update unless the same or a newer generation is cached; a rejection also updates the same generation.
   * Returns the newest state.
   */
  learn(loginId: string, news: CachedLogin): CachedLogin {
    const known = this.#find(loginId);
    if (known !== undefined && known.generation > news.generation) return known;
    if (known !== undefined && known.generation === news.generation && !news.rejected) return known;
    return this.#meet(loginId, news);
  }

  #meet(loginId: string, news: CachedLogin): CachedLogin {
    const met = { metAt: this.#parts.elapsedMs(), ...news };
    this.#known.set(loginId, met);
    const reason = news.rejected ? 'refused_by_polar' : news.endReason;
    if (reason !== undefined) this.#parts.onEnded(loginId, reason);
    return met;
  }

  /** Caches a login whose record need not be read. */
  begin(login: LoginHandle): void {
    this.#lookedAt.set(login.loginId, this.#parts.elapsedMs());
    this.learn(login.loginId, this.recall(login));
  }

  /** Caches that a login has ended. */
  learnEnd(loginId: string, reason: LoginEndReason): CachedLogin {
    return this.#newest(loginId, this.learn(loginId, endedLogin(reason)));
  }

  /** Returns the cached state; reads the record first if this process has not seen the login. */
  async current(login: LoginHandle): Promise<CachedLogin> {
    const known = this.#find(login.loginId);
    // The record may say that the session's tokens, though unexpired, have been replaced or that the login has ended.
    return known ?? this.#look(login);
  }

  /** True when {@link revalidateInBackground} is due. */
  isStale(loginId: string): boolean {
    const lookedAt = this.#lookedAt.get(loginId) ?? Number.NEGATIVE_INFINITY;
    return this.#parts.elapsedMs() - lookedAt >= revalidateAfterMs;
  }

  /**
   * Revalidates a login in use, once a minute, and renews the lifetime of its rows. Requests do not wait for it: a
   * valid token costs no I/O, yet changes by other processes are noticed.
   */
  revalidateInBackground(login: LoginHandle): void {
    if (this.isStale(login.loginId)) this.#look(login).catch(() => {});
  }

  #look(login: LoginHandle): Promise<CachedLogin> {
    return singleFlight(this.#looks, login.loginId, () => this.revalidateOrRecall(login));
  }

  /** Reads the rows and returns the newest state. Rejects when the store cannot respond. */
  async revalidate(login: LoginHandle): Promise<CachedLogin> {
    this.#lookedAt.set(login.loginId, this.#parts.elapsedMs());
    const keys = loginKeys(login.loginId);
    const [ended, record] = await login.storage.run([{ read: keys.tombstone }, { read: keys.record }]);
    return this.learnRows(login, { tombstone: ended, record });
  }

  /**
   * Merges rows into the cache and returns the newest state. Rows older than the cached state are written again.
   *
   * @throws the error of the store, or {@link UnopenableRecordError}
   */
  async learnRows(login: LoginHandle, rows: LoginRows): Promise<CachedLogin> {
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
    const newest = this.#learnRecord(login, record);
    if (row !== undefined && record?.generation === newest.generation) {
      // Tokens close to expiry are about to be replaced, and without an atomic compare-and-write, a renewal would undo
      // that.
      if (isUsable(record.tokens, this.#parts.now(), noRenewalBeforeExpiryMs))
        this.#renew(login, { write: loginKeys(loginId).record, row, ttlSeconds: login.ttlSeconds });
    } else this.#heal(login, newest, record);
    return this.#newest(loginId, newest);
  }

  /** The process that ends a login revokes the newest recorded tokens, but the store may have lost them. */
  async #findLeftOver(login: LoginHandle, row: StepResult | undefined): Promise<void> {
    const { generation, issuedAt, tokens } = this.recall(login);
    if (tokens === undefined || generation === 0) return;
    try {
      const record = openRecord(login, rowOf(row));
      if (record === undefined || record.generation < generation)
        this.#parts.onLeftOver(login.loginId, { generation, tokens, issuedAt });
    } catch {
      // The record cannot be read: assume that it is up to date.
    }
  }

  /** Of two pairs of the same generation, the recorded one wins: all processes see it. */
  #learnRecord(login: LoginHandle, record: TokenRecord | undefined): CachedLogin {
    const { loginId } = login;
    const known = this.recall(login);
    if (record === undefined || record.generation < known.generation) return this.learn(loginId, known);
    const isSame = record.generation === known.generation && isSamePair(record.tokens, known.tokens);
    if (isSame) return this.learn(loginId, known);
    const { generation, issuedAt, rejected, tokens } = known;
    if (generation < record.generation) this.#parts.onSuperseded(loginId, known, record);
    else if (tokens !== undefined && !rejected)
      this.#parts.onReplaced(loginId, { generation, tokens, issuedAt });
    return this.#meet(loginId, record);
  }

  /**
   * Writes again what the store has lost or overwritten with something older. Without the record, other processes take
   * the login for lost; without the tombstone, for alive.
   */
  #heal(login: LoginHandle, newest: CachedLogin, found: TokenRecord | undefined): void {
    const { endReason, generation, tokens, issuedAt, replaces } = newest;
    if (this.#unrecorded.get(login.loginId) !== undefined) return;
    if (tokens === undefined) {
      this.#parts.track(this.recordEnd(login, endReason ?? 'logged_out', async () => {}).then(() => {}));
      return;
    }
    // The tokens issued at login are in the session, and need no record unless the login was recorded from the start.
    const isMissed = generation > (found?.generation ?? (login.isRecordedFromStart ? -1 : 0));
    if (!isMissed) return;
    publish('refresh', { event: 'record-restored', loginId: login.loginId, generation });
    this.#parts.track(this.#writeTokens(login, { generation, tokens, issuedAt, replaces }, async () => {}));
  }

  /** Renews the lifetime of a row that is up to date. */
  #renew(login: LoginHandle, step: StorageStep): void {
    const { loginId, storage, ttlSeconds } = login;
    const everyMs = storage.forgetsIdle ? revalidateAfterMs / 2 : (ttlSeconds * 1000) / 30;
    const sinceMs = this.#parts.elapsedMs() - (this.#renewedAt.get(loginId) ?? Number.NEGATIVE_INFINITY);
    if (sinceMs < everyMs) return;
    this.#renewedAt.set(loginId, this.#parts.elapsedMs());
    this.#parts.track(storage.run([step]));
  }

  #newest(loginId: string, newest: CachedLogin): CachedLogin {
    this.#parts.onNewest(loginId, newest);
    return newest;
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
      return this.recallAfter(login, error);
    }
  }

  /**
   * Returns the cached state after a failed read; throws if there is a newer record that only other processes can open.
   */
  recallAfter(login: LoginHandle, error: unknown): CachedLogin {
    publish('refresh', { event: 'record-unreadable', loginId: login.loginId, error });
    const known = this.recall(login);
    if (error instanceof UnopenableRecordError && error.generation > known.generation)
      throw recordsUnreadable(error);
    return known;
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
    ifLate: (newest: CachedLogin) => Promise<void>,
    lock?: HeldLock,
  ): Promise<CachedLogin> {
    const { shared, atomic } = login.storage;
    const newest = await this.#writeTokens(login, record, ifLate, lock);
    // A slower process may overwrite the record with something older. This is checked once: a store that keeps losing
    // the record is not written to forever.
    if (newest !== undefined && shared && !atomic)
      void delay(checkRecordAfterMs, undefined, { ref: false })
        .then(() => this.#look(login))
        .catch(() => {});
    return newest ?? this.recall(login);
  }

  async #writeTokens(
    login: LoginHandle,
    { generation, tokens, issuedAt, replaces }: TokenRecord,
    ifLate: (newest: CachedLogin) => Promise<void>,
    lock?: HeldLock,
  ): Promise<CachedLogin | undefined> {
    const { loginId, storage, ttlSeconds } = login;
    const news = { generation, tokens, issuedAt, replaces };
    this.learn(loginId, news);
    const keys = loginKeys(loginId);
    let row: StoredRow | undefined;
    const work = async (): Promise<CachedLogin> => {
      row ??= sealRecord(login, news);
      const release = lock?.releaseStep();
      const [written, ended, record, gaveUp] = await storage.run([
        { write: keys.record, row, ttlSeconds },
        { read: keys.tombstone },
        { read: keys.record },
        ...(release === undefined ? [] : [release]),
      ]);
      isWritten(written);
      if (gaveUp !== undefined && 'value' in gaveUp) lock?.released();
      this.#renewedAt.set(loginId, this.#parts.elapsedMs());
      return this.learnRows(login, { tombstone: ended, record }).catch(
        orIfUnopenable(() => this.recall(login)),
      );
    };
    return this.#record(login, news, work, ifLate);
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
    ifLate: (ended: EndedLogin) => Promise<void>,
  ): Promise<EndedLogin | undefined> {
    const { loginId, storage, ttlSeconds } = place;
    const ended = this.learnEnd(loginId, reason);
    const keys = loginKeys(loginId);
    // In this order, a process that records tokens later finds the tombstone and revokes them.
    const work = async (): Promise<EndedLogin> => {
      const row = tombstone(ended.endReason ?? reason);
      const steps = [{ write: keys.tombstone, row, ttlSeconds }, { read: keys.record }];
      const [written, record] = await storage.run(steps);
      isWritten(written);
      return { record: rowOf(record) };
    };
    return this.#record(place, ended, work, ifLate);
  }

  /** Reads the record of an ended login once more; undefined if there is none or it cannot be opened. */
  async lastRecord(login: LoginHandle, { record }: EndedLogin): Promise<TokenRecord | undefined> {
    const key = loginKeys(login.loginId).record;
    const row = await login.storage.read(key).catch(() => undefined);
    try {
      return openRecord(login, row === undefined || row.version < (record?.version ?? 0) ? record : row);
    } catch (error) {
      // The tokens in this record stay alive at Polar.
      if (error instanceof UnopenableRecordError)
        publish('logout', { event: 'revocation-failed', loginId: login.loginId, error });
      return undefined;
    }
  }

  /**
   * Writes at once, or keeps trying in the background until the store accepts it: to other processes, a login that is
   * not recorded is lost.
   */
  async #record<T>(
    login: RecordPlace,
    news: CachedLogin,
    work: () => Promise<T>,
    ifLate: (result: T) => Promise<void>,
  ): Promise<T | undefined> {
    const { loginId, storage } = login;
    // Tokens from a refresh that was under way must not displace the end of their login.
    if (news.generation >= (this.#unrecorded.get(loginId)?.generation ?? 0))
      this.#unrecorded.set(loginId, news);
    const attempt = async (): Promise<{ readonly result: T } | undefined> => {
      try {
        const result = await work();
        if (this.#unrecorded.get(loginId) === news) this.#unrecorded.delete(loginId);
        return { result };
      } catch (error) {
        publish('refresh', { event: 'record-not-written', loginId, error });
        return undefined;
      }
    };
    const giveUpAt = performance.now() + storage.timeoutMs;
    for (let attempts = 1; attempts <= quickWriteAttempts && performance.now() < giveUpAt; attempts++) {
      if (attempts > 1) await delay(50 * attempts);
      const done = await attempt();
      if (done !== undefined) return done.result;
    }
    this.#parts.track(this.#recordLater(loginId, news, attempt, ifLate));
    return undefined;
  }

  async #recordLater<T>(
    loginId: string,
    news: CachedLogin,
    attempt: () => Promise<{ readonly result: T } | undefined>,
    ifLate: (result: T) => Promise<void>,
  ): Promise<void> {
    const giveUpAt = performance.now() + giveUpWritingAfterMs;
    const mostMs = (): number =>
      Math.min(Math.max(fewRewritesPauseMs, this.#unrecorded.size * rewritePauseMsEach), maxRewritePauseMs);
    for (
      let pauseMs = minRewritePauseMs;
      performance.now() < giveUpAt;
      pauseMs = Math.min(pauseMs * 2, mostMs())
    ) {
      await delay(pauseMs, undefined, { ref: false });
      // A newer state has taken its place.
      if (this.#unrecorded.get(loginId) !== news) return;
      const done = await attempt();
      if (done !== undefined) return ifLate(done.result);
    }
    this.#unrecorded.delete(loginId);
    publish('refresh', { event: 'record-given-up', loginId });
  }

  #find(loginId: string): CachedLogin | undefined {
    return this.#known.get(loginId) ?? this.#unrecorded.get(loginId);
  }
}

/** True if both sets hold the same access token and refresh token. */
export function isSamePair(a: TokenSet | undefined, b: TokenSet | undefined): boolean {
  return a?.accessToken === b?.accessToken && a?.refreshToken === b?.refreshToken;
}

/** Falls back where the record cannot be opened: unlike with a store that is down, retrying would change nothing. */
function orIfUnopenable<T>(recall: (error: UnopenableRecordError) => T): (error: unknown) => T {
  return (error) => {
    if (error instanceof UnopenableRecordError) return recall(error);
    throw error;
  };
}
