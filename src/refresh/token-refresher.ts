import { setTimeout as delay } from 'node:timers/promises';
import type { BackgroundWork } from '../async/background-work.js';
import { singleFlight } from '../async/single-flight.js';
import { within } from '../async/within.js';
import { BoundedMap } from '../bounded-map.js';
import { PolarLoginRequiredError } from '../errors.js';
import type { LoginEndReason } from '../login-end-reason.js';
import { usualCommitLagMs } from '../tokens/commit-lag.js';
import type { LoginHandle, RecordPlace } from '../tokens/token-record.js';
import { isUsable, type TokenSet } from '../tokens/token-set.js';
import {
  type CachedLogin,
  hasRefreshToken,
  type IsGood,
  justIssuedMs,
  TokenValidity,
  type UsableLogin,
} from './cached-login.js';
import { type EndLoginParts, endLogin } from './end-login.js';
import { IssuedTokens } from './issued-tokens.js';
import { LoginCache } from './login-cache.js';
import { refreshTakesLong } from './login-errors.js';
import { LoginLocks } from './login-lock.js';
import { LoginRefresh } from './login-refresh.js';
import { LoginSync } from './login-sync.js';
import type { RefreshExchangeParts } from './refresh-exchange.js';

/** Dependencies of {@link TokenRefresher}. */
export interface TokenRefresherParts {
  /** Exchanges the refresh token at Polar, once, and waits for the response as long as one may arrive. */
  readonly refresh: RefreshExchangeParts['refresh'];
  /** Revokes tokens at Polar; never rejects. */
  readonly revoke: (tokens: TokenSet, justIssued: boolean, loginId: string) => Promise<void>;
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

const commitLagPauseMs = 500;
// An API that responds to good tokens with 401 must not make every request invalidate them.
const refreshAfter401EveryMs = 60_000;

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
  readonly #validity: TokenValidity;
  readonly #cache: LoginCache;
  readonly #issued: IssuedTokens;
  readonly #sync: LoginSync;
  readonly #refresh: LoginRefresh;
  readonly #endParts: EndLoginParts;
  readonly #refreshes = new Map<string, Promise<TokenSet>>();
  readonly #refreshesAfter401 = new BoundedMap<number>(10_000);
  readonly #refusedTwice = new BoundedMap<string>(10_000);

  constructor(parts: TokenRefresherParts) {
    const { background, elapsedMs, maxLogins = 10_000, now, onEnded, timeoutMs } = parts;
    const isRefreshing = (loginId: string): boolean => this.#refreshes.has(loginId);
    this.#parts = parts;
    this.#validity = new TokenValidity(parts);
    this.#cache = new LoginCache({ onEnded, elapsedMs, maxLogins });
    this.#issued = new IssuedTokens({
      revoke: parts.revoke,
      background,
      validity: this.#validity,
      isRefreshing,
    });
    this.#sync = new LoginSync({
      cache: this.#cache,
      issued: this.#issued,
      background,
      now,
      elapsedMs,
      maxLogins,
    });
    const shared = {
      cache: this.#cache,
      sync: this.#sync,
      issued: this.#issued,
      locks: new LoginLocks(),
      timeoutMs,
    };
    this.#endParts = { ...shared, isRefreshing };
    this.#refresh = new LoginRefresh({
      ...shared,
      refresh: parts.refresh,
      background,
      validity: this.#validity,
      now,
      elapsedMs,
    });
  }

  /** Returns the cached state of a login, without I/O; undefined if this process has not seen it. */
  peek(loginId: string): CachedLogin | undefined {
    return this.#cache.peek(loginId);
  }

  /** True when {@link revalidateInBackground} is due. */
  isStale(loginId: string): boolean {
    return this.#sync.isStale(loginId);
  }

  /** Checks, once a minute and in the background, what other processes have done to a login in use. */
  revalidateInBackground(login: LoginHandle): void {
    this.#sync.revalidateInBackground(login);
  }

  /** Caches a login that has just begun here or was just read: its record need not be read. */
  begin(login: LoginHandle): void {
    this.#sync.begin(login);
  }

  /** Caches that a login has ended. */
  learnEnd(loginId: string, reason: LoginEndReason): void {
    this.#sync.learnEnd(loginId, reason);
  }

  /** Records the tokens of a login that has just begun here, for work outside its requests. Never rejects. */
  async recordFirst(login: LoginHandle): Promise<void> {
    await this.#sync.recordTokens(login, login.initial);
  }

  /** True unless the login is known to have ended. */
  async isAlive(login: LoginHandle): Promise<boolean> {
    const known = await this.#sync.current(login);
    // If Polar has refused this login, another process may have recorded tokens that revive it.
    const { refused, tokens } = known.refused ? await this.#sync.revalidateOrRecall(login) : known;
    // Even if the login has ended: as long as requests carry it, its tombstone must not expire.
    this.#sync.revalidateInBackground(login);
    if (tokens === undefined || refused) return false;
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
    if (known !== undefined && this.#validity.isGood(known) && !this.#refreshes.has(login.loginId)) {
      this.#sync.revalidateInBackground(login);
      return known.tokens;
    }
    try {
      return await this.#inTime(this.#validTokens(login));
    } catch (error) {
      if (error instanceof PolarLoginRequiredError) throw error;
      // Tokens that have expired only by the leeway still work.
      const { refused, tokens } = this.#cache.recall(login);
      if (tokens !== undefined && !refused && isUsable(tokens, this.#parts.now())) return tokens;
      throw error;
    }
  }

  async #validTokens(login: LoginHandle): Promise<TokenSet> {
    const isGood: IsGood = (known): known is UsableLogin => this.#validity.isGood(known);
    const known = await this.#sync.current(login);
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
      const { tokens } = await this.#sync.current(login);
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
    const known = await this.#sync.revalidateOrRecall(login);
    if (this.#validity.isGood(known) && known.tokens.accessToken !== refused)
      return this.#onceCommitted(login, known.tokens);
    const mayBeUncommitted =
      this.#validity.ageOf(known) < justIssuedMs && this.#refusedTwice.get(login.loginId) !== refused;
    if (known.tokens?.accessToken === refused && mayBeUncommitted) {
      await delay(Math.max(commitLagPauseMs, usualCommitLagMs - this.#validity.ageOf(known)));
      return known.tokens;
    }
    const now = this.#parts.elapsedMs();
    const sinceLast = now - (this.#refreshesAfter401.get(login.loginId) ?? Number.NEGATIVE_INFINITY);
    if (sinceLast < refreshAfter401EveryMs) return undefined;
    const tokens = await this.#otherTokens(login, refused);
    this.#refreshesAfter401.set(login.loginId, now);
    return this.#onceCommitted(login, tokens);
  }

  /** Returns tokens once Polar has usually committed them: a request is retried only once. */
  async #onceCommitted(login: LoginHandle, tokens: TokenSet): Promise<TokenSet> {
    const { issuedAt = 0 } = this.#cache.recall(login);
    const ageMs = Math.abs(this.#parts.now() - issuedAt);
    if (ageMs < usualCommitLagMs) await delay(usualCommitLagMs - ageMs);
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
   * @param onRecorded called when the tombstone is written, or could not be written at once
   * @throws PolarConfigurationError `unsupported_storage` if the end cannot be recorded; the tokens are revoked all the
   *   same
   */
  async end(login: LoginHandle, reason: LoginEndReason, onRecorded = (): void => {}): Promise<void> {
    const { timeoutMs, background } = this.#parts;
    const ending = background.write(endLogin(this.#endParts, login, reason, onRecorded));
    const late = new Error('The rest goes on in the background');
    await within(ending, timeoutMs, () => late).catch((error: unknown) => {
      if (error !== late) throw error;
    });
  }

  /** Ends, in every process, a login that cannot be opened here. None of its tokens can be revoked. */
  async endUnopened(place: RecordPlace, reason: LoginEndReason): Promise<void> {
    await this.#sync.recordEnd(place, reason);
  }

  /** Revokes the spares now: this process may end before something newer is recorded. */
  dropSpares(): void {
    this.#issued.spares.revokeAll();
  }

  /** Callers wait no longer than the time-out; the work itself continues. */
  #inTime<T>(work: Promise<T>): Promise<T> {
    const { timeoutMs } = this.#parts;
    work.catch(() => {});
    return within(work, timeoutMs, () => refreshTakesLong(timeoutMs));
  }

  async #otherTokens(login: LoginHandle, unwanted: string | undefined): Promise<TokenSet> {
    const isGood: IsGood = (known): known is UsableLogin =>
      this.#validity.isGood(known) && known.tokens.accessToken !== unwanted;
    const tokens = await this.#joinRefresh(login, isGood);
    // A refresh that others started may have been content with these very tokens.
    return tokens.accessToken === unwanted ? this.#joinRefresh(login, isGood) : tokens;
  }

  async #joinRefresh(login: LoginHandle, isGood: IsGood): Promise<TokenSet> {
    const pending = this.#refreshes.get(login.loginId);
    const { outage } = this.#refresh;
    // Polar is slow to respond, and other processes record nothing newer meanwhile.
    if (pending !== undefined && outage !== undefined) throw outage;
    return pending ?? singleFlight(this.#refreshes, login.loginId, () => this.#refresh.run(login, isGood));
  }
}
