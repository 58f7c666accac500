import { setTimeout as delay } from 'node:timers/promises';
import type { BackgroundWork } from '../async/background-work.js';
import { singleFlight } from '../async/single-flight.js';
import { within } from '../async/within.js';
import { publish } from '../diagnostics.js';
import {
  PolarConfigurationError,
  PolarIdTokenError,
  PolarLoginRequiredError,
  PolarOAuthError,
  PolarTransientError,
} from '../errors.js';
import { CircuitBreaker } from '../http/circuit-breaker.js';
import { BoundedMap } from '../tokens/bounded-map.js';
import { fingerprint, type RecordPlace, type TokenRecord } from '../tokens/token-record.js';
import { isUsable, type TokenSet } from '../tokens/token-set.js';
import type { LoginEndReason } from '../tokens/tombstone.js';
import type { HeldLock } from './held-lock.js';
import { type CachedLogin, type EndedLogin, isSamePair, LoginCache } from './login-cache.js';
import {
  lockIsBusy,
  loggedOut,
  loginExpired,
  loginInDoubt,
  recordsUnreadable,
  refreshTakesLong,
} from './login-errors.js';
import type { LoginHandle } from './login-handle.js';
import { LoginLocks, type LoginRows } from './login-lock.js';
import { Refusals } from './refusals.js';
import { Spares } from './spares.js';

/** Dependencies of {@link TokenRefresher}. */
export interface TokenRefresherParts {
  /** Exchanges the refresh token at Polar, once, and waits for the response as long as one may arrive. */
  readonly refresh: (tokens: RefreshableTokens, login: LoginHandle) => Promise<TokenSet>;
  /** Revokes tokens at Polar; never rejects. */
  readonly revoke: (tokens: TokenSet, justIssued: boolean) => Promise<void>;
  /** Called whenever this process learns that a login has ended; may be called more than once. */
  readonly onEnded: (loginId: string, reason: LoginEndReason) => void;
  readonly background: BackgroundWork;
  readonly now: () => number;
  /** Monotonic clock, in milliseconds. */
  readonly elapsedMs: () => number;
  readonly leewayMs: number;
  /** Milliseconds that a caller waits at most, for whatever reason. */
  readonly timeoutMs: number;
  /** Maximum number of cached logins. @default 10000 */
  readonly maxLogins?: number;
}

/** Tokens that can be refreshed. */
export type RefreshableTokens = TokenSet & { readonly refreshToken: string };

type GoodLogin = CachedLogin & TokenRecord;
type IsGood = (known: CachedLogin) => known is GoodLogin;

// Tokens refreshed a moment ago are used whatever the leeway: a leeway longer than their lifetime must not turn every
// request into a refresh. Polar may also refuse good tokens for this long.
const justIssuedMs = 5000;
// Polar commits after it has responded. Sooner than this, it may not find tokens that it has just issued.
const commitLagMs = 2000;
const commitLagPauseMs = 500;
// Measured: 822 ms at most for access tokens.
const usualCommitLagMs = 1000;
// The clock by which the tokens were dated may be wrong by this much. Tokens first seen a moment ago may be just as
// new.
const clockDifferenceMs = 10 * 60_000;
// An API that responds to good tokens with 401 must not make every request invalidate them.
const refreshAfter401EveryMs = 60_000;
// Polar may respond to one of two simultaneous refreshes with a 500. This is how long the other one may take to be
// recorded.
const siblingPatienceMs = 1500;
// Delay before a refusal is believed at once: longer than a process that failed to record tokens takes to retry.
const certainAfterMs = 3000;
// A logout waits no longer than this for a refresh under way; the tombstone stops it anyway.
const logoutWaitMs = 2000;
const minLockPauseMs = 20;
const maxLockPauseMs = 200;
// Where polling takes one round trip, waiting costs users more than polling costs the store.
const maxLockPauseInOneTripMs = 30;

/**
 * Keeps the tokens of logins alive. Polar invalidates the old tokens the moment it refreshes them, so when many callers
 * find a token expired, one refreshes and the others use the new tokens: within this process by single flight, between
 * processes by the lock and by reading the token record before and after.
 *
 * Callers wait no longer than the time-out. A request sent to Polar is still awaited until it ends: its response is the
 * only copy of the new tokens.
 */
export class TokenRefresher {
  readonly #parts: TokenRefresherParts;
  readonly #cache: LoginCache;
  readonly #locks = new LoginLocks();
  readonly #spares: Spares;
  readonly #refusals: Refusals;
  readonly #refreshes = new Map<string, Promise<TokenSet>>();
  readonly #refreshesAfter401 = new BoundedMap<number>(10_000);
  readonly #refusedTwice = new BoundedMap<string>(10_000);
  // Generations whose refresh got no response: if Polar made the exchange, the new tokens are lost.
  readonly #unanswered = new BoundedMap<number>(10_000);
  // The access token that Polar last issued to this process.
  readonly #issuedHere = new BoundedMap<string>(10_000);
  readonly #outage: CircuitBreaker;

  constructor(parts: TokenRefresherParts) {
    this.#parts = parts;
    this.#outage = new CircuitBreaker(parts.elapsedMs);
    this.#refusals = new Refusals(parts.elapsedMs);
    this.#spares = new Spares((spare) => void parts.background.write(this.#revoke(spare)));
    this.#cache = new LoginCache({
      onNewest: (loginId, newest) => this.#spares.drop(loginId, newest),
      onReplaced: (loginId, replaced) => this.#keepAsSpare(loginId, replaced),
      onLeftOver: (loginId, leftOver) => {
        // Of all processes that know these tokens, the one to which Polar issued them revokes them.
        if (this.#issuedHere.get(loginId) === leftOver.tokens.accessToken)
          void parts.background.write(this.#revoke(leftOver));
      },
      onSuperseded: (loginId, known, newest) => this.#revokeUnlessReplaced(loginId, known, newest),
      onEnded: parts.onEnded,
      track: (writing) => void parts.background.write(writing.catch(() => {})),
      now: parts.now,
      elapsedMs: parts.elapsedMs,
      maxLogins: parts.maxLogins ?? 10_000,
    });
  }

  /** Returns the cached state of a login, without I/O; undefined if this process has not seen it. */
  peek(loginId: string): CachedLogin | undefined {
    return this.#cache.peek(loginId);
  }

  /** True when {@link revalidateInBackground} is due. */
  isStale(loginId: string): boolean {
    return this.#cache.isStale(loginId);
  }

  /** Checks, once a minute and in the background, what other processes have done to a login in use. */
  revalidateInBackground(login: LoginHandle): void {
    this.#cache.revalidateInBackground(login);
  }

  /** Caches a login that has just begun here or was just read: its record need not be read. */
  begin(login: LoginHandle): void {
    this.#cache.begin(login);
  }

  /** Caches that a login has ended. */
  learnEnd(loginId: string, reason: LoginEndReason): void {
    this.#cache.learnEnd(loginId, reason);
  }

  /** Records the tokens of a login that has just begun here, for work outside its requests. Never rejects. */
  async recordFirst(login: LoginHandle): Promise<void> {
    await this.#cache.recordTokens(login, login, async () => {});
  }

  /** True unless the login is known to have ended. */
  async isAlive(login: LoginHandle): Promise<boolean> {
    const known = await this.#cache.current(login);
    // If Polar has refused this login, another process may have recorded tokens that revive it.
    const { rejected, tokens } = known.rejected ? await this.#cache.revalidateOrRecall(login) : known;
    // Even if the login has ended: as long as requests carry it, its tombstone must not expire.
    this.#cache.revalidateInBackground(login);
    if (tokens === undefined || rejected) return false;
    return hasRefreshToken(tokens) || isUsable(tokens, this.#parts.now());
  }

  /**
   * Returns tokens whose access token is valid, refreshed if necessary.
   *
   * @throws PolarLoginRequiredError when the login has ended
   * @throws PolarTransientError when Polar is unavailable; the login is not lost
   */
  async validTokens(login: LoginHandle): Promise<TokenSet> {
    const known = this.#cache.peek(login.loginId);
    // A refresh under way is about to invalidate even unexpired tokens.
    if (known !== undefined && this.#isGood(known) && !this.#refreshes.has(login.loginId)) {
      this.#cache.revalidateInBackground(login);
      return known.tokens;
    }
    try {
      return await this.#inTime(this.#validTokens(login));
    } catch (error) {
      if (error instanceof PolarLoginRequiredError) throw error;
      // Tokens that have expired only by the leeway still work.
      const { rejected, tokens } = this.#cache.recall(login);
      if (tokens !== undefined && !rejected && isUsable(tokens, this.#parts.now())) return tokens;
      throw error;
    }
  }

  async #validTokens(login: LoginHandle): Promise<TokenSet> {
    const isGood: IsGood = (known): known is GoodLogin => this.#isGood(known);
    const known = await this.#cache.current(login);
    if (isGood(known) && !this.#refreshes.has(login.loginId)) return known.tokens;
    return this.#joinRefresh(login, isGood);
  }

  /**
   * Returns tokens newer than the current ones: from a refresh that another caller or process made, or by refreshing.
   *
   * @throws as {@link validTokens} does
   */
  async newTokens(login: LoginHandle): Promise<TokenSet> {
    const newer = async (): Promise<TokenSet> => {
      const { tokens } = await this.#cache.current(login);
      return this.#otherTokens(login, tokens?.accessToken);
    };
    return this.#inTime(newer());
  }

  /**
   * Returns tokens for a retry after the Polar API refused an access token: the same ones if they were issued a moment
   * ago, newer ones if there are any, otherwise refreshed ones. Undefined if a retry would not help.
   *
   * @throws as {@link validTokens} does
   */
  async tokensAfterRefusal(login: LoginHandle, refused: string): Promise<TokenSet | undefined> {
    return this.#inTime(this.#tokensAfterRefusal(login, refused));
  }

  async #tokensAfterRefusal(login: LoginHandle, refused: string): Promise<TokenSet | undefined> {
    const known = await this.#cache.revalidateOrRecall(login);
    if (this.#isGood(known) && known.tokens.accessToken !== refused) return known.tokens;
    const mayBeUncommitted =
      this.#ageOf(known) < justIssuedMs && this.#refusedTwice.get(login.loginId) !== refused;
    if (known.tokens?.accessToken === refused && mayBeUncommitted) {
      await delay(Math.max(commitLagPauseMs, usualCommitLagMs - this.#ageOf(known)));
      return known.tokens;
    }
    const now = this.#parts.elapsedMs();
    const sinceLast = now - (this.#refreshesAfter401.get(login.loginId) ?? Number.NEGATIVE_INFINITY);
    if (sinceLast < refreshAfter401EveryMs) return undefined;
    const tokens = await this.#otherTokens(login, refused);
    this.#refreshesAfter401.set(login.loginId, now);
    return tokens;
  }

  /** Notes that the Polar API refused an access token a second time: the token is not merely too new. */
  noteSecondRefusal(login: LoginHandle, refused: string): void {
    this.#refusedTwice.set(login.loginId, refused);
  }

  /**
   * Ends a login for good, in every process, and revokes its newest tokens at Polar. Work that exceeds the time-out
   * continues in the background.
   *
   * @throws PolarConfigurationError `unsupported_storage` if the end cannot be recorded; the tokens are revoked all the
   *   same
   */
  async end(login: LoginHandle, reason: LoginEndReason): Promise<void> {
    const { timeoutMs, background } = this.#parts;
    const ending = background.write(this.#end(login, reason));
    const late = new Error('The rest goes on in the background');
    await within(ending, timeoutMs, () => late).catch((error: unknown) => {
      if (error !== late) throw error;
    });
  }

  async #end(login: LoginHandle, reason: LoginEndReason): Promise<void> {
    const known = this.#cache.recall(login);
    const revokeRecorded = async (ended: EndedLogin): Promise<boolean> => {
      const recorded = await this.#cache.lastRecord(login, ended);
      if (recorded === undefined || recorded.generation < known.generation) return false;
      // After a tie, both pairs may be alive.
      if (!isSamePair(recorded.tokens, known.tokens)) await this.#revoke(recorded);
      return recorded.generation > known.generation;
    };
    // For a store that was down: by the time it is back, the tokens known before have been revoked.
    const revokeLate = async (late: EndedLogin): Promise<void> => void (await revokeRecorded(late));
    const ended = await this.#cache.recordEnd(login, reason, revokeLate);
    // A process that is refreshing finds the tombstone when it records its tokens, and revokes them.
    await this.#waitForRefresh(login);
    const isReplaced = ended !== undefined && (await revokeRecorded(ended));
    if (!isReplaced) await this.#revoke(known);
    const suitable = await this.#isSuitable(login);
    if (suitable !== true) throw suitable;
  }

  /** Ends, in every process, a login that cannot be opened here. None of its tokens can be revoked. */
  async endUnopened(place: RecordPlace, reason: LoginEndReason): Promise<void> {
    await this.#cache.recordEnd(place, reason, async () => {});
  }

  /**
   * Returns true if the end of a login can be recorded at all, or the error that says why not. A store that is down may
   * recover.
   */
  async #isSuitable({ storage }: RecordPlace): Promise<true | PolarConfigurationError> {
    try {
      await storage.check();
    } catch (error) {
      if (error instanceof PolarConfigurationError) return error;
    }
    return true;
  }

  /** Revoking tokens during their refresh would only hold Polar up: newer ones follow a moment later. */
  async #waitForRefresh({ loginId, storage }: RecordPlace): Promise<void> {
    const giveUpAt = performance.now() + Math.min(logoutWaitMs, this.#parts.timeoutMs);
    const isUnderWay = async (): Promise<boolean> =>
      this.#refreshes.has(loginId) ||
      (storage.shared && (await this.#locks.isHeld({ loginId, storage }).catch(() => false)));
    for (let pauseMs = minLockPauseMs; performance.now() < giveUpAt && (await isUnderWay()); pauseMs *= 2)
      await delay(Math.min(pauseMs, maxLockPauseMs));
  }

  /** Revokes the spares now: this process may end before something newer is recorded. */
  dropSpares(): void {
    this.#spares.dropAll();
  }

  async #revoke(known: Pick<CachedLogin, 'tokens' | 'issuedAt' | 'metAt'>): Promise<void> {
    if (known.tokens !== undefined) await this.#parts.revoke(known.tokens, this.#ageOf(known) < commitLagMs);
  }

  /** Callers wait no longer than the time-out; the work itself continues. */
  #inTime<T>(work: Promise<T>): Promise<T> {
    const { timeoutMs } = this.#parts;
    work.catch(() => {});
    return within(work, timeoutMs, () => refreshTakesLong(timeoutMs));
  }

  /** Milliseconds since Polar issued the tokens, at least; infinite if unknown. */
  #ageOf({ metAt, issuedAt }: Pick<CachedLogin, 'metAt' | 'issuedAt'>): number {
    if (issuedAt === undefined) return Number.POSITIVE_INFINITY;
    // A clock that was set back must not make tokens look new for long.
    const age = Math.abs(this.#parts.now() - issuedAt);
    if (metAt === undefined || age > clockDifferenceMs) return age;
    return Math.min(age, this.#parts.elapsedMs() - metAt);
  }

  #isGood(known: CachedLogin): known is GoodLogin {
    if (known.tokens === undefined || known.rejected) return false;
    const justRefreshed = known.generation > 0 && this.#ageOf(known) < justIssuedMs;
    return isUsable(known.tokens, this.#parts.now(), justRefreshed ? 0 : this.#parts.leewayMs);
  }

  #otherTokens(login: LoginHandle, unwanted: string | undefined): Promise<TokenSet> {
    return this.#joinRefresh(
      login,
      (known): known is GoodLogin => this.#isGood(known) && known.tokens.accessToken !== unwanted,
    );
  }

  async #joinRefresh(login: LoginHandle, isGood: IsGood): Promise<TokenSet> {
    const background = this.#refreshes.get(login.loginId);
    const outage = this.#outage.error;
    // Polar is slow to respond, and other processes record nothing newer meanwhile.
    if (background !== undefined && outage !== undefined) throw outage;
    return (
      background ?? singleFlight(this.#refreshes, login.loginId, () => this.#refreshUnlessDone(login, isGood))
    );
  }

  async #refreshUnlessDone(login: LoginHandle, isGood: IsGood): Promise<TokenSet> {
    await this.#throwIfOver(login);
    const outage = this.#outage.error;
    // While the circuit breaker is open, callers do not queue; tokens that another process has recorded are still used.
    if (outage !== undefined) {
      const newest = await this.#cache.revalidateOrRecall(login);
      if (isGood(newest)) return newest.tokens;
      throw unlessOver(newest) ?? outage;
    }
    const { lock, newest } = await this.#takeLock(login, isGood);
    let leavesDoubt = true;
    try {
      const tokens = isGood(newest) ? newest.tokens : await this.#refresh(login, newest, lock);
      leavesDoubt = this.#cache.isUnrecorded(login.loginId);
      return tokens;
    } catch (error) {
      leavesDoubt = this.#cache.isUnrecorded(login.loginId);
      throw error;
    } finally {
      if (lock !== undefined) void this.#parts.background.write(lock.release(leavesDoubt));
    }
  }

  /**
   * Throws if the login is over, before a lock is taken. If Polar refused it, another process may have recorded tokens
   * that revive it.
   */
  async #throwIfOver(login: LoginHandle): Promise<void> {
    const known = this.#cache.recall(login);
    if (unlessOver(known) === undefined) return;
    this.#cache.revalidateInBackground(login);
    const newest = known.rejected ? await this.#cache.revalidate(login).catch(throwUnreadable) : known;
    const over = unlessOver(newest);
    if (over !== undefined) throw over;
  }

  /**
   * Waits for the lock, and for what its owner records meanwhile. Resolves without a lock when the store cannot
   * respond: the refresh then proceeds, and believes no refusal.
   */
  async #takeLock(
    login: LoginHandle,
    isGood: IsGood,
  ): Promise<{ lock: HeldLock | undefined; newest: CachedLogin }> {
    const { timeoutMs } = this.#parts;
    const giveUpAt = performance.now() + timeoutMs;
    const maxPauseMs = login.storage.batches ? maxLockPauseInOneTripMs : maxLockPauseMs;
    let isBusy = false;
    for (let pauseMs = minLockPauseMs, first = true; ; pauseMs = Math.min(pauseMs * 2, maxPauseMs)) {
      let lock: HeldLock | undefined;
      const triedAt = performance.now();
      try {
        const isEnough = async (rows: LoginRows): Promise<boolean> => {
          const found = await this.#cache.learnRows(login, rows);
          return isGood(found) || found.tokens === undefined;
        };
        const attempt = await this.#locks.tryTake(login, { first, isEnough });
        lock = attempt.lock;
        isBusy = lock === undefined;
        const newest = await this.#cache.learnRows(login, attempt.rows);
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
      return await this.#cache.revalidateOrRecall(login);
    } catch (unopenable) {
      void lock?.release();
      throw unopenable;
    }
  }

  async #refresh(login: LoginHandle, known: CachedLogin, lock: HeldLock | undefined): Promise<TokenSet> {
    const { tokens } = known;
    const over = unlessOver(known);
    if (over !== undefined) throw over;
    if (tokens === undefined || !hasRefreshToken(tokens)) throw loginExpired();
    const { generation } = known;
    const pauseMs = this.#refusals.pauseMs(login.loginId, generation);
    if (pauseMs > 0) throw loginInDoubt(pauseMs);
    if (this.#refusals.isBeyondDoubt(login.loginId, generation))
      return this.#giveUpUnlessNewer(login, known, lock);
    const outage = this.#outage.error;
    if (outage !== undefined) throw outage;
    await this.#checkStorage(login);
    try {
      const newer = await this.#exchange(login, known, tokens, lock);
      const replaces = fingerprint(tokens);
      const record = { generation: generation + 1, tokens: newer, issuedAt: this.#parts.now(), replaces };
      return (await this.#parts.background.write(this.#keep(login, record, lock))).tokens;
    } catch (error) {
      publish('refresh', { event: 'failed', loginId: login.loginId, error });
      if (isInvalidGrant(error)) return this.#afterInvalidGrant(login, known, lock, error);
      if (error instanceof PolarIdTokenError) return this.#afterWrongIdToken(login, error);
      if (error instanceof PolarLoginRequiredError) throw error;
      return this.#afterFailure(login, known, error);
    }
  }

  /**
   * Tokens that cannot be recorded would be lost, so an unsuitable store prevents the refresh. A store that is down
   * does not.
   */
  async #checkStorage({ storage }: LoginHandle): Promise<void> {
    await storage.check().catch((error: unknown) => {
      if (error instanceof PolarConfigurationError) throw error;
    });
  }

  async #exchange(
    login: LoginHandle,
    known: CachedLogin,
    tokens: RefreshableTokens,
    lock: HeldLock | undefined,
  ): Promise<TokenSet> {
    // Checked before the exchange: Polar may take half a minute to respond.
    const mayBeUncommitted = this.#ageOf(known) < commitLagMs;
    try {
      return await this.#exchangeOnce(login, known, tokens, lock);
    } catch (error) {
      if (!isInvalidGrant(error) || !mayBeUncommitted) throw error;
      // Polar may not have committed these tokens yet, and an extra attempt does no harm.
      await delay(commitLagMs);
      return this.#exchangeOnce(login, known, tokens, lock);
    }
  }

  async #exchangeOnce(
    login: LoginHandle,
    known: CachedLogin,
    tokens: RefreshableTokens,
    lock: HeldLock | undefined,
  ): Promise<TokenSet> {
    const { timeoutMs, background } = this.#parts;
    if (lock !== undefined) lock.isExchangeOpen = true;
    let isSent = false;
    try {
      const response = background.exchange(() => {
        isSent = true;
        return this.#parts.refresh(tokens, login);
      });
      // The circuit breaker counts how long a caller would have to wait.
      this.#outage
        .watch(() => within(response, timeoutMs, () => refreshTakesLong(timeoutMs)))
        .catch(() => {});
      return await response;
    } catch (error) {
      if (isSent && !(error instanceof PolarOAuthError) && !isRateLimit(error))
        this.#unanswered.set(login.loginId, known.generation);
      throw error;
    } finally {
      if (lock !== undefined) lock.isExchangeOpen = false;
    }
  }

  /** Records refreshed tokens at once, since the old ones are dead. Resolves with the newest state by then. */
  async #keep(login: LoginHandle, record: TokenRecord, lock: HeldLock | undefined): Promise<GoodLogin> {
    const { generation, tokens } = record;
    this.#issuedHere.set(login.loginId, tokens.accessToken);
    const afterwards = async (newest: CachedLogin): Promise<void> => {
      // The user may have logged out during the refresh; the new tokens must not outlive that.
      if (newest.tokens === undefined) await this.#revoke(record);
      else if (!isSamePair(newest.tokens, tokens)) {
        this.#keepAsSpare(login.loginId, record);
        this.#spares.drop(login.loginId, newest);
      }
    };
    const newest = await this.#cache.recordTokens(login, record, afterwards, lock);
    await afterwards(newest);
    if (newest.tokens === undefined) throw loggedOut();
    publish('refresh', { event: 'refreshed', loginId: login.loginId, generation });
    return { ...newest, tokens: newest.tokens };
  }

  /**
   * Keeps our pair as a spare after another process recorded a different pair of the same generation. Pairs issued to
   * other processes are left to them.
   */
  #keepAsSpare(loginId: string, own: TokenRecord): void {
    if (this.#issuedHere.get(loginId) !== own.tokens.accessToken) return;
    if (this.#spares.keep(loginId, own))
      publish('refresh', { event: 'tie', loginId, generation: own.generation });
  }

  /**
   * Revokes a pair if other processes have refreshed a different pair of its generation: only this process still has
   * it.
   */
  #revokeUnlessReplaced(loginId: string, known: CachedLogin, newest: CachedLogin): void {
    // A refresh that finds its login ended revokes its own tokens, and waits for that.
    const isLeftToRefresh = newest.tokens === undefined && this.#refreshes.has(loginId);
    if (known.tokens === undefined || isLeftToRefresh) return;
    const isNext = newest.generation === known.generation + 1;
    const isOrphan =
      isNext && newest.replaces !== undefined
        ? newest.replaces !== fingerprint(known.tokens)
        : !isNext && this.#issuedHere.get(loginId) === known.tokens.accessToken;
    if (!isOrphan) return;
    this.#issuedHere.delete(loginId);
    void this.#parts.background.write(this.#revoke(known));
  }

  /**
   * Polar also refuses a refresh token that another exchange has just used, so a refusal is believed only when no other
   * exchange can be under way.
   */
  async #afterInvalidGrant(
    login: LoginHandle,
    known: CachedLogin,
    lock: HeldLock | undefined,
    cause: PolarOAuthError,
  ): Promise<TokenSet> {
    const { generation } = known;
    const { loginId, storage } = login;
    const isFirst = this.#refusals.note(loginId, generation);
    // A login must not be declared dead before its record has been read.
    const recorded = await this.#cache.revalidate(login).catch(throwUnreadable);
    let newer = isSuperseded(recorded, known);
    if (newer === undefined) {
      const spare = this.#spares.take(loginId, known);
      if (spare !== undefined) {
        const next = { ...spare, generation: generation + 1 };
        const kept = await this.#parts.background.write(this.#keep(login, next, undefined));
        // The spare has usually expired by then, as has the recorded pair.
        return this.#refreshUnlessGood(login, kept, lock);
      }
      if (!storage.shared || this.#refusals.isBeyondDoubt(loginId, generation))
        return this.#giveUp(login, known, cause);
      // A process that has newer tokens may be about to record them, even one that refreshed without a lock while the
      // store was down.
      newer = await this.#cache.awaitNewer(login, generation, this.#certainAfterMs());
      const isExclusive = isFirst && lock !== undefined && (await lock.isExclusive().catch(() => false));
      if (newer === undefined && isExclusive) return this.#giveUpUnlessNewer(login, known, lock, cause);
    }
    if (newer === undefined) throw loginInDoubt(this.#refusals.pauseMs(loginId, generation), cause);
    return this.#refreshUnlessGood(login, newer, lock);
  }

  async #refreshUnlessGood(
    login: LoginHandle,
    newer: CachedLogin,
    lock: HeldLock | undefined,
  ): Promise<TokenSet> {
    return this.#isGood(newer) ? newer.tokens : this.#refresh(login, newer, lock);
  }

  #certainAfterMs(): number {
    return Math.min(certainAfterMs, this.#parts.timeoutMs / 3);
  }

  /** @throws PolarTransientError if the record cannot be read */
  async #giveUpUnlessNewer(
    login: LoginHandle,
    known: CachedLogin,
    lock?: HeldLock,
    cause?: PolarOAuthError,
  ): Promise<TokenSet> {
    const recorded = await this.#cache.revalidate(login).catch(throwUnreadable);
    const newer = isSuperseded(recorded, known);
    if (newer === undefined) return this.#giveUp(login, known, cause);
    return this.#refreshUnlessGood(login, newer, lock);
  }

  #giveUp({ loginId }: LoginHandle, known: CachedLogin, cause?: unknown): never {
    this.#cache.learn(loginId, { ...known, rejected: true });
    throw loginExpired(cause, this.#unanswered.get(loginId) === known.generation);
  }

  /** The new tokens belong to another user, and the old ones are dead: the login is over. */
  async #afterWrongIdToken(login: LoginHandle, cause: PolarIdTokenError): Promise<never> {
    await this.#cache.recordEnd(login, 'refused_by_polar', async () => {});
    throw loginExpired(cause);
  }

  /** Polar was unavailable, or its response did not arrive; another process may have succeeded. */
  async #afterFailure(login: LoginHandle, known: CachedLogin, error: unknown): Promise<TokenSet> {
    const hasAnswered = error instanceof PolarTransientError && error.code === 'server_error';
    const patienceMs = hasAnswered ? siblingPatienceMs : 0;
    const newer = await this.#cache.awaitNewer(login, known.generation, patienceMs);
    if (newer !== undefined && this.#isGood(newer)) return newer.tokens;
    throw error;
  }
}

/** Returns the newest state if it supersedes the known one: a later generation, or another pair of the same one. */
function isSuperseded(newest: CachedLogin, known: CachedLogin): CachedLogin | undefined {
  const isOther = newest.generation === known.generation && !isSamePair(newest.tokens, known.tokens);
  return newest.generation > known.generation || isOther ? newest : undefined;
}

/** Returns the error for a login that is over; undefined if it can be refreshed. */
function unlessOver({ rejected, tokens }: CachedLogin): PolarLoginRequiredError | undefined {
  if (tokens === undefined) return loggedOut();
  return rejected || !hasRefreshToken(tokens) ? loginExpired() : undefined;
}

const throwUnreadable = (cause: unknown): never => {
  throw recordsUnreadable(cause);
};

const isRateLimit = (error: unknown): boolean =>
  error instanceof PolarTransientError && error.code === 'rate_limited';

const isInvalidGrant = (error: unknown): error is PolarOAuthError =>
  error instanceof PolarOAuthError && error.code === 'invalid_grant';

const hasRefreshToken = (tokens: TokenSet): tokens is RefreshableTokens => tokens.refreshToken !== undefined;
