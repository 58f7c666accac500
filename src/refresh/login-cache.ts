import { setTimeout as delay } from 'node:timers/promises';
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
import { recordsUnreadable } from './login-errors.js';
import type { LoginHandle } from './login-handle.js';
import type { HeldLock, LoginRows } from './login-lock.js';
import { singleFlight } from './single-flight.js';

/** What this process knows of a login: its newest tokens, or that it has ended. */
export interface CachedLogin {
  readonly generation: number;
  /** Undefined once the login has ended. */
  readonly tokens: TokenSet | undefined;
  /** Why it has ended. */
  readonly endReason?: LoginEndReason;
  /** When Polar issued the tokens, in milliseconds since the epoch, where that is known. */
  readonly issuedAt: number | undefined;
  /** {@link fingerprint} of the refresh token that was exchanged for them, where that is known. */
  readonly replaces?: string | undefined;
  /** When this process met these tokens, on its own clock for durations. */
  readonly metAt?: number;
  /** Polar refused the refresh token of this generation; only other tokens help. */
  readonly rejected?: boolean;
}

/** What was recorded of a login when its end was. */
export interface EndedLogin {
  readonly record: StoredRow | undefined;
}

/** What a {@link LoginCache} is given. */
export interface LoginCacheParts {
  /** Called with what is the newest whenever rows have been read or written. */
  readonly onNewest: (loginId: string, newest: CachedLogin) => void;
  /** Called with tokens that were known here, of whose generation another pair is recorded. */
  readonly onReplaced: (loginId: string, replaced: TokenRecord) => void;
  /** Called with tokens of a login that has ended, of which whoever ended it cannot have known. */
  readonly onLeftOver: (loginId: string, leftOver: TokenRecord) => void;
  /** Called with what was known where a later generation is recorded. */
  readonly onSuperseded: (loginId: string, known: CachedLogin, newest: CachedLogin) => void;
  /** Called whenever this process finds that a login has ended. */
  readonly onEnded: (loginId: string, reason: LoginEndReason) => void;
  /** Called with what is written in the background. */
  readonly track: (writing: Promise<unknown>) => void;
  readonly now: () => number;
  /** A clock for durations, which nobody sets back. */
  readonly elapsedMs: () => number;
  /** How many logins are remembered. What is forgotten is read from its record again. */
  readonly maxLogins: number;
}

// Of these there is no record to read again. So many only while a store is down.
const maxUnrecordedLogins = 100_000;
// How long this process may not know that another one has refreshed early, or logged the login out.
const lookAgainAfterMs = 60_000;
const quickWriteAttempts = 3;
// In a store that cannot compare and write in one step, somebody may be about to write what they read before.
const checkRecordAfterMs = 1500;
const noRenewalBeforeExpiryMs = 2 * 60_000;
const minRewritePauseMs = 250;
// Until it is written, other processes may take a login for lost. Of many logins each one waits longer.
const maxRewritePauseMs = 30_000;
const fewRewritesPauseMs = 2000;
const rewritePauseMsEach = 5;
// A store that has refused a row for so long keeps refusing it. Tokens in use are written again at their next look.
const giveUpWritingAfterMs = 60 * 60_000;

const endedLogin = (endReason: LoginEndReason): CachedLogin => ({
  generation: Number.POSITIVE_INFINITY,
  tokens: undefined,
  issuedAt: undefined,
  endReason,
});

/**
 * The newest that this process knows of each login, over the rows that all processes share. Memory is asked first, so
 * that a valid token costs no I/O.
 */
export class LoginCache {
  readonly #parts: LoginCacheParts;
  readonly #known: BoundedMap<CachedLogin>;
  readonly #unrecorded = new BoundedMap<CachedLogin>(maxUnrecordedLogins);
  readonly #looks = new Map<string, Promise<CachedLogin>>();
  readonly #lookedAt: BoundedMap<number>;
  // When this process last wrote or renewed the rows of a login.
  readonly #renewedAt: BoundedMap<number>;

  constructor(parts: LoginCacheParts) {
    this.#parts = parts;
    this.#known = new BoundedMap(parts.maxLogins);
    this.#lookedAt = new BoundedMap(parts.maxLogins);
    this.#renewedAt = new BoundedMap(parts.maxLogins);
  }

  /** What is known without any I/O: at least the tokens of the login itself, which may just have been read. */
  recall({ loginId, generation, tokens, issuedAt }: LoginHandle): CachedLogin {
    const known = this.#find(loginId);
    return known !== undefined && known.generation >= generation ? known : { generation, tokens, issuedAt };
  }

  /** What this process has learnt of a login; undefined when it has not met it. */
  peek(loginId: string): CachedLogin | undefined {
    return this.#find(loginId);
  }

  /** True while what this process knows of a login is not in its record yet. */
  isUnrecorded(loginId: string): boolean {
    return this.#unrecorded.get(loginId) !== undefined;
  }

  /** Takes in news, unless something newer is known; returns the newest. */
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

  /** Takes in a login whose record need not be looked for. */
  begin(login: LoginHandle): void {
    this.#lookedAt.set(login.loginId, this.#parts.elapsedMs());
    this.learn(login.loginId, this.recall(login));
  }

  /** Takes in that a login has ended. */
  learnEnd(loginId: string, reason: LoginEndReason): CachedLogin {
    return this.#newest(loginId, this.learn(loginId, endedLogin(reason)));
  }

  /** What is known, after a look at the record of a login that this process has not seen before. */
  async current(login: LoginHandle): Promise<CachedLogin> {
    const known = this.#find(login.loginId);
    // A record may say that the tokens of the entry, though not expired, have been replaced or ended.
    return known ?? this.#look(login);
  }

  /** True when {@link revalidateInBackground} is due. */
  isStale(loginId: string): boolean {
    const lookedAt = this.#lookedAt.get(loginId) ?? Number.NEGATIVE_INFINITY;
    return this.#parts.elapsedMs() - lookedAt >= lookAgainAfterMs;
  }

  /**
   * Looks at the rows of a login that is in use, once a minute, and renews their lifetime. Nobody waits for it: valid
   * tokens cost no request any I/O, and what another process did is learnt all the same.
   */
  revalidateInBackground(login: LoginHandle): void {
    if (this.isStale(login.loginId)) this.#look(login).catch(() => {});
  }

  #look(login: LoginHandle): Promise<CachedLogin> {
    return singleFlight(this.#looks, login.loginId, () => this.revalidateOrRecall(login));
  }

  /** What is known once the rows have been read. Rejects when the store cannot respond. */
  async revalidate(login: LoginHandle): Promise<CachedLogin> {
    this.#lookedAt.set(login.loginId, this.#parts.elapsedMs());
    const keys = loginKeys(login.loginId);
    const [ended, record] = await login.storage.run([{ read: keys.tombstone }, { read: keys.record }]);
    return this.learnRows(login, { tombstone: ended, record });
  }

  /**
   * What is known once these rows have been taken in. Where they are behind what this process knows, they are written
   * again.
   *
   * @throws what the store threw, and {@link UnopenableRecordError}
   */
  async learnRows(login: LoginHandle, rows: LoginRows): Promise<CachedLogin> {
    const { loginId } = login;
    // The end of a login counts even where there is a record that cannot be read.
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
      // Others are about to be replaced, and where the store cannot compare, this would undo it.
      if (isUsable(record.tokens, this.#parts.now(), noRenewalBeforeExpiryMs))
        this.#renew(login, { write: loginKeys(loginId).record, row, ttlSeconds: login.ttlSeconds });
    } else this.#heal(login, newest, record);
    return this.#newest(loginId, newest);
  }

  /** Whoever ends a login revokes the newest tokens that are recorded, and the store may have lost those. */
  async #findLeftOver(login: LoginHandle, row: StepResult | undefined): Promise<void> {
    const { generation, issuedAt, tokens } = this.recall(login);
    if (tokens === undefined || generation === 0) return;
    try {
      const record = openRecord(login, rowOf(row));
      if (record === undefined || record.generation < generation)
        this.#parts.onLeftOver(login.loginId, { generation, tokens, issuedAt });
    } catch {
      // There is a record, as far as can be told.
    }
  }

  /** Of two pairs of the same generation, the recorded one counts: all processes see it. */
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
   * The store has lost the record, or something older has been written over it: for other processes a lost login. Or it
   * has lost the tombstone: for others a login that goes on.
   */
  #heal(login: LoginHandle, newest: CachedLogin, found: TokenRecord | undefined): void {
    const { endReason, generation, tokens, issuedAt, replaces } = newest;
    if (this.#unrecorded.get(login.loginId) !== undefined) return;
    if (tokens === undefined) {
      this.#parts.track(this.recordEnd(login, endReason ?? 'logged_out', async () => {}).then(() => {}));
      return;
    }
    // The session holds those of the login.
    const isMissed = generation > (found?.generation ?? (login.isRecordedFromStart ? -1 : 0));
    if (!isMissed) return;
    publish('refresh', { event: 'record-restored', loginId: login.loginId, generation });
    this.#parts.track(this.#writeTokens(login, { generation, tokens, issuedAt, replaces }, async () => {}));
  }

  /** Renews the lifetime of a row that is as it should be. */
  #renew(login: LoginHandle, step: StorageStep): void {
    const { loginId, storage, ttlSeconds } = login;
    const everyMs = storage.forgetsIdle ? lookAgainAfterMs / 2 : (ttlSeconds * 1000) / 30;
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
   * As {@link revalidate}; where the store cannot respond, what is known without it.
   *
   * @throws PolarTransientError where there is a newer record that only other processes can open
   */
  async revalidateOrRecall(login: LoginHandle): Promise<CachedLogin> {
    try {
      return await this.revalidate(login);
    } catch (error) {
      return this.recallAfter(login, error);
    }
  }

  /** What is known where rows could not be read; throws where there is a newer record that only others can open. */
  recallAfter(login: LoginHandle, error: unknown): CachedLogin {
    publish('refresh', { event: 'record-unreadable', loginId: login.loginId, error });
    const known = this.recall(login);
    if (error instanceof UnopenableRecordError && error.generation > known.generation)
      throw recordsUnreadable(error);
    return known;
  }

  /** Looks for something newer than a generation for a while. */
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
   * Takes in new tokens, which are good in this process at once, and records them; gives `lock` up in the same round trip
   * where the store can. Resolves with what is the newest then: somebody may have logged out meanwhile.
   *
   * @param ifLate called with that where the store was down, once it is back
   */
  async recordTokens(
    login: LoginHandle,
    record: TokenRecord,
    ifLate: (newest: CachedLogin) => Promise<void>,
    lock?: HeldLock,
  ): Promise<CachedLogin> {
    const { shared, atomic } = login.storage;
    const newest = await this.#writeTokens(login, record, ifLate, lock);
    // A slower process may write something older over it. Once: a store that loses it again is not written to without end.
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
   * Takes in that a login has ended, records that, and reads its record. Resolves once that is tried; undefined where it
   * could not be done.
   *
   * @param ifLate called where the store was down, once it is back
   */
  async recordEnd(
    place: RecordPlace,
    reason: LoginEndReason,
    ifLate: (ended: EndedLogin) => Promise<void>,
  ): Promise<EndedLogin | undefined> {
    const { loginId, storage, ttlSeconds } = place;
    const ended = this.learnEnd(loginId, reason);
    const keys = loginKeys(loginId);
    // In this order: whoever records later finds the tombstone, and revokes what it has recorded.
    const work = async (): Promise<EndedLogin> => {
      const row = tombstone(ended.endReason ?? reason);
      const steps = [{ write: keys.tombstone, row, ttlSeconds }, { read: keys.record }];
      const [written, record] = await storage.run(steps);
      isWritten(written);
      return { record: rowOf(record) };
    };
    return this.#record(place, ended, work, ifLate);
  }

  /** The record of a login that has ended, read once more; undefined where there is none to be had. */
  async lastRecord(login: LoginHandle, { record }: EndedLogin): Promise<TokenRecord | undefined> {
    const key = loginKeys(login.loginId).record;
    const row = await login.storage.read(key).catch(() => undefined);
    try {
      return openRecord(login, row === undefined || row.version < (record?.version ?? 0) ? record : row);
    } catch (error) {
      // Its tokens stay alive at Polar.
      if (error instanceof UnopenableRecordError)
        publish('logout', { event: 'revocation-failed', loginId: login.loginId, error });
      return undefined;
    }
  }

  /**
   * Writes at once, or else in the background until the store takes it: for every other process, what is not recorded
   * is a lost login.
   */
  async #record<T>(
    login: RecordPlace,
    news: CachedLogin,
    work: () => Promise<T>,
    ifLate: (result: T) => Promise<void>,
  ): Promise<T | undefined> {
    const { loginId, storage } = login;
    // The tokens of a refresh that was under way must not take the place of the end of their login.
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
      // Something newer is to be recorded by now.
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

/** True for the same two tokens. */
export function isSamePair(a: TokenSet | undefined, b: TokenSet | undefined): boolean {
  return a?.accessToken === b?.accessToken && a?.refreshToken === b?.refreshToken;
}

/** What to go by where the record cannot be opened: trying again, as with a store that is down, would change nothing. */
function orIfUnopenable<T>(recall: (error: UnopenableRecordError) => T): (error: unknown) => T {
  return (error) => {
    if (error instanceof UnopenableRecordError) return recall(error);
    throw error;
  };
}
