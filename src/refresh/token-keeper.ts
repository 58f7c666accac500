import { setTimeout as delay } from 'node:timers/promises';
import { publish } from '../diagnostics.js';
import { PolarLoginRequiredError, PolarOAuthError, PolarTransientError } from '../errors.js';
import { Outage } from '../outage.js';
import { BoundedMap } from '../tokens/bounded-map.js';
import type { RecordPlace } from '../tokens/token-record.js';
import { isUsable, type TokenSet } from '../tokens/token-set.js';
import { joinOrRun } from './join-or-run.js';
import { loggedOut, loginExpired, recordsUnreadable } from './login-errors.js';
import type { LoginHandle } from './login-handle.js';
import { type KnownLogin, LoginKnowledge } from './login-knowledge.js';
import type { RefreshLock } from './refresh-lock.js';
import { takeLock } from './take-lock.js';

/** What a {@link TokenKeeper} is given. */
export interface TokenKeeperParts {
  /** Exchanges the refresh token at Polar, once. */
  readonly refresh: (tokens: RefreshableTokens, login: LoginHandle) => Promise<TokenSet>;
  /** Revokes tokens at Polar; never rejects. */
  readonly revoke: (tokens: TokenSet, justMinted: boolean) => Promise<void>;
  readonly lock: RefreshLock;
  readonly now: () => number;
  readonly leewayMs: number;
  readonly timeoutMs: number;
}

/** Tokens that can be refreshed. */
export type RefreshableTokens = TokenSet & { readonly refreshToken: string };

type GoodLogin = KnownLogin & { readonly tokens: TokenSet };
type IsGood = (known: KnownLogin) => known is GoodLogin;

// Whatever the leeway, refreshed tokens that came a moment ago are used: a leeway longer than their lifetime must
// not turn every request into a refresh. And a moment ago is how long Polar may refuse tokens that are good.
const justMintedMs = 5000;
// Polar commits after it has answered: sooner than this, it may not find tokens that it has just minted.
const commitLagMs = 2000;
const commitLagPauseMs = 500;
// An API that answers 401 to good tokens must not make every request kill them.
const refreshAfter401EveryMs = 60_000;
// Of two refreshes at the same instant Polar may answer one with a 500; how long the other one may take to be recorded.
const siblingPatienceMs = 1500;
// A person who logs out does not wait longer than this for a refresh under way; the tombstone stops it anyway.
const logoutWaitMs = 2000;

/**
 * Keeps the tokens of logins alive. Polar kills the old tokens at the instant of a refresh, so of all who find
 * a token expired one refreshes and the others take what it got: within this process by joining it, between
 * processes by the lock and by reading the token record before and after.
 */
export class TokenKeeper {
  readonly #parts: TokenKeeperParts;
  readonly #knowledge = new LoginKnowledge();
  readonly #refreshes = new Map<string, Promise<TokenSet>>();
  readonly #refreshesAfter401 = new BoundedMap<number>(10_000);
  readonly #refusedTwice = new BoundedMap<string>(10_000);
  // Generations for whose refresh no answer came: if Polar made the exchange, the tokens are lost.
  readonly #unanswered = new BoundedMap<number>(10_000);
  readonly #outage: Outage;

  constructor(parts: TokenKeeperParts) {
    this.#parts = parts;
    this.#outage = new Outage(parts.now);
  }

  /** What this process knows of a login, without any I/O; undefined when it has not met it. */
  peek(loginId: string): KnownLogin | undefined {
    return this.#knowledge.peek(loginId);
  }

  /** Takes note of a login that has just happened here, or was just read: its record need not be looked for. */
  begin(login: LoginHandle): void {
    this.#knowledge.begin(login);
  }

  /** Records the tokens of a login that has just happened here, for work outside its requests. Never rejects. */
  async recordFirst(login: LoginHandle): Promise<void> {
    await this.#knowledge.recordTokens(login, login, async () => {});
  }

  /** True unless the login is known to have ended. */
  async isAlive(login: LoginHandle): Promise<boolean> {
    const known = await this.#knowledge.current(login);
    // Where Polar has refused this login, another process may have recorded what revives it.
    const { rejected, tokens } = known.rejected ? await this.#knowledge.rereadOrRecall(login) : known;
    if (tokens === undefined || rejected) return false;
    return hasRefreshToken(tokens) || isUsable(tokens, this.#parts.now());
  }

  /**
   * Tokens whose access token is valid, refreshed if need be.
   *
   * @throws PolarLoginRequiredError when the login has ended
   * @throws PolarTransientError when Polar cannot be asked now; nothing is lost
   */
  async validTokens(login: LoginHandle): Promise<TokenSet> {
    const isGood: IsGood = (known): known is GoodLogin => this.#isGood(known);
    const known = await this.#knowledge.current(login);
    // A refresh under way is about to kill even tokens that have not expired.
    if (isGood(known) && !this.#refreshes.has(login.loginId)) {
      this.#knowledge.lookAgain(login);
      return known.tokens;
    }
    try {
      return await this.#joinRefresh(login, isGood);
    } catch (error) {
      if (error instanceof PolarLoginRequiredError) throw error;
      // Tokens that the leeway alone calls expired still work.
      const { tokens } = this.#knowledge.recall(login);
      if (tokens !== undefined && isUsable(tokens, this.#parts.now())) return tokens;
      throw error;
    }
  }

  /**
   * Tokens newer than those that are known now, by taking those of a refresh that others made, or by refreshing.
   *
   * @throws as {@link validTokens} does
   */
  async newTokens(login: LoginHandle): Promise<TokenSet> {
    const { tokens } = await this.#knowledge.current(login);
    return this.#otherTokens(login, tokens?.accessToken);
  }

  /**
   * Tokens to try again with after the Polar API refused an access token: the same ones if they were minted a moment
   * ago, newer ones where there are any, else refreshed ones. Undefined when another attempt would be no use.
   *
   * @throws as {@link validTokens} does
   */
  async tokensAfterRefusal(login: LoginHandle, refused: string): Promise<TokenSet | undefined> {
    const known = await this.#knowledge.rereadOrRecall(login);
    if (this.#isGood(known) && known.tokens.accessToken !== refused) return known.tokens;
    const mayBeUncommitted =
      this.#ageOf(known) < justMintedMs && this.#refusedTwice.get(login.loginId) !== refused;
    if (known.tokens?.accessToken === refused && mayBeUncommitted) {
      await delay(commitLagPauseMs);
      return known.tokens;
    }
    const now = this.#parts.now();
    const sinceLast = Math.abs(
      now - (this.#refreshesAfter401.get(login.loginId) ?? Number.NEGATIVE_INFINITY),
    );
    if (sinceLast < refreshAfter401EveryMs) return undefined;
    const tokens = await this.#otherTokens(login, refused);
    this.#refreshesAfter401.set(login.loginId, now);
    return tokens;
  }

  /** Takes note that the Polar API refused an access token a second time: it is not just too young. */
  noteSecondRefusal(login: LoginHandle, refused: string): void {
    this.#refusedTwice.set(login.loginId, refused);
  }

  /** Ends a login for good, in every process, and revokes its newest tokens at Polar. Never rejects. */
  async end(login: LoginHandle): Promise<void> {
    const release = await this.#acquire(login.loginId, Math.min(logoutWaitMs, this.#parts.timeoutMs));
    const known = this.#knowledge.recall(login);
    const isNewer = (recorded: KnownLogin | undefined): recorded is KnownLogin =>
      recorded !== undefined && recorded.generation > known.generation;
    // What a store tells only when it is back: by then, the tokens known before have been revoked.
    const revokeLate = async (recorded: KnownLogin | undefined): Promise<void> => {
      if (isNewer(recorded)) await this.#revoke(recorded);
    };
    let recorded: KnownLogin | undefined;
    try {
      recorded = await this.#knowledge.recordEnd(login, revokeLate);
    } finally {
      release();
    }
    await this.#revoke(isNewer(recorded) ? recorded : known);
  }

  /** Ends a login that cannot be opened here: in every process, but nothing of it can be revoked. Never rejects. */
  async endUnopened(place: RecordPlace): Promise<void> {
    await this.#knowledge.recordEndUnopened(place);
  }

  async #revoke(login: KnownLogin): Promise<void> {
    if (login.tokens !== undefined) await this.#parts.revoke(login.tokens, this.#ageOf(login) < commitLagMs);
  }

  /** Milliseconds since Polar issued the tokens; infinite where that is not known. */
  #ageOf(known: KnownLogin): number {
    // Also a clock that was set back makes nothing look new for long.
    return known.mintedAt === undefined
      ? Number.POSITIVE_INFINITY
      : Math.abs(this.#parts.now() - known.mintedAt);
  }

  #isGood(known: KnownLogin): known is GoodLogin {
    if (known.tokens === undefined || known.rejected) return false;
    const justRefreshed = known.generation > 0 && this.#ageOf(known) < justMintedMs;
    return isUsable(known.tokens, this.#parts.now(), justRefreshed ? 0 : this.#parts.leewayMs);
  }

  #otherTokens(login: LoginHandle, unwanted: string | undefined): Promise<TokenSet> {
    return this.#joinRefresh(
      login,
      (known): known is GoodLogin => this.#isGood(known) && known.tokens.accessToken !== unwanted,
    );
  }

  #joinRefresh(login: LoginHandle, isGood: IsGood): Promise<TokenSet> {
    return joinOrRun(this.#refreshes, login.loginId, async () => {
      // While Polar cannot be asked, nobody queues; what another process has recorded is taken all the same.
      const release =
        this.#outage.error === undefined
          ? await this.#acquire(login.loginId, this.#parts.timeoutMs * 2)
          : undefined;
      try {
        const newest = await this.#knowledge.rereadOrRecall(login);
        return isGood(newest) ? newest.tokens : await this.#refresh(login, newest);
      } finally {
        release?.();
      }
    });
  }

  async #refresh(login: LoginHandle, known: KnownLogin): Promise<TokenSet> {
    const { tokens } = known;
    if (tokens === undefined) throw loggedOut();
    if (known.rejected || !hasRefreshToken(tokens)) throw loginExpired();
    const outage = this.#outage.error;
    if (outage !== undefined) throw outage;
    try {
      return await this.#keep(login, known.generation + 1, await this.#exchange(login, known, tokens));
    } catch (error) {
      publish('refresh', { event: 'failed', loginId: login.loginId, error });
      if (isInvalidGrant(error)) return this.#afterInvalidGrant(login, known, error);
      if (error instanceof PolarLoginRequiredError) throw error;
      return this.#afterFailure(login, known, error);
    }
  }

  #exchange(login: LoginHandle, known: KnownLogin, tokens: RefreshableTokens): Promise<TokenSet> {
    return this.#outage.watch(async () => {
      try {
        return await this.#exchangeOnce(login, known, tokens);
      } catch (error) {
        if (!isInvalidGrant(error) || this.#ageOf(known) >= commitLagMs) throw error;
        // Polar may not have committed these tokens yet; an attempt too many harms nothing.
        await delay(commitLagMs);
        return this.#exchangeOnce(login, known, tokens);
      }
    });
  }

  async #exchangeOnce(login: LoginHandle, known: KnownLogin, tokens: RefreshableTokens): Promise<TokenSet> {
    try {
      return await this.#parts.refresh(tokens, login);
    } catch (error) {
      if (!(error instanceof PolarOAuthError) && !isRateLimit(error))
        this.#unanswered.set(login.loginId, known.generation);
      throw error;
    }
  }

  /** Records what a refresh brought, at once: from now on it is all that there is. */
  async #keep(login: LoginHandle, generation: number, tokens: TokenSet): Promise<TokenSet> {
    const record = { generation, tokens, mintedAt: this.#parts.now() };
    // Somebody may have logged out while the tokens were on their way: they must not outlive that.
    const revokeIfEnded = async (newest: KnownLogin): Promise<void> => {
      if (newest.tokens === undefined) await this.#parts.revoke(tokens, true);
    };
    const newest = await this.#knowledge.recordTokens(login, record, revokeIfEnded);
    await revokeIfEnded(newest);
    if (newest.tokens === undefined) throw loggedOut();
    publish('refresh', { event: 'refreshed', loginId: login.loginId, generation });
    return newest.tokens;
  }

  /**
   * Polar refuses a refresh token that somebody else has just used, too. So the refusal is believed only when
   * no newer record turns up in the time that another process could still need to write one.
   */
  async #afterInvalidGrant(login: LoginHandle, known: KnownLogin, cause: PolarOAuthError): Promise<TokenSet> {
    const { lock, timeoutMs } = this.#parts;
    // Until Polar has answered the other one, and that has written down what it got.
    const patienceMs = timeoutMs + (lock.leaseMs ?? 0) + login.storeTimeoutMs;
    const newer = await this.#knowledge.awaitNewer(login, known.generation, patienceMs);
    // Without having seen the record, a login must not be called dead.
    const newest = newer ?? (await this.#knowledge.reread(login).catch(throwUnreadable));
    if (newest.generation > known.generation)
      return this.#isGood(newest) ? newest.tokens : this.#refresh(login, newest);
    this.#knowledge.learn(login.loginId, { ...known, rejected: true });
    throw loginExpired(cause, this.#unanswered.get(login.loginId) === known.generation);
  }

  /** Polar could not be asked, or its answer did not arrive: another process may have had more luck. */
  async #afterFailure(login: LoginHandle, known: KnownLogin, error: unknown): Promise<TokenSet> {
    const hasAnswered = error instanceof PolarTransientError && error.code === 'server_error';
    const patienceMs = hasAnswered ? siblingPatienceMs : 0;
    const newer = await this.#knowledge.awaitNewer(login, known.generation, patienceMs);
    if (newer !== undefined && this.#isGood(newer)) return newer.tokens;
    throw error;
  }

  #acquire(loginId: string, waitMs: number): Promise<() => void> {
    const { lock, timeoutMs } = this.#parts;
    return takeLock(lock, loginId, { waitMs, answerWithinMs: timeoutMs });
  }
}

const throwUnreadable = (cause: unknown): never => {
  throw recordsUnreadable(cause);
};

const isRateLimit = (error: unknown): boolean =>
  error instanceof PolarTransientError && error.code === 'rate_limited';

const isInvalidGrant = (error: unknown): error is PolarOAuthError =>
  error instanceof PolarOAuthError && error.code === 'invalid_grant';

const hasRefreshToken = (tokens: TokenSet): tokens is RefreshableTokens => tokens.refreshToken !== undefined;
