import { setTimeout as delay } from 'node:timers/promises';
import { publish } from '../diagnostics.js';
import { PolarLoginRequiredError, PolarOAuthError, PolarTransientError } from '../errors.js';
import { loggedOutRecord } from '../tokens/token-record.js';
import { isUsable, type TokenSet } from '../tokens/token-set.js';
import { joinOrRun } from './join-or-run.js';
import type { LoginHandle } from './login-handle.js';
import { type KnownLogin, LoginKnowledge } from './login-knowledge.js';
import type { RefreshLock, Release } from './refresh-lock.js';

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

// Whatever the leeway, tokens that came a moment ago are used: a leeway longer than their lifetime must not
// turn every request into a refresh.
const justRefreshedMs = 5000;
// Polar commits after it has answered: tokens revoked sooner than this after they were minted may not be found.
const commitLagMs = 2000;
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

  constructor(parts: TokenKeeperParts) {
    this.#parts = parts;
  }

  /** The newest tokens that this process knows of, without any I/O; undefined when the login has ended. */
  peek(login: LoginHandle): TokenSet | undefined {
    return this.#knowledge.recall(login).tokens;
  }

  /** Takes note of a login that has just happened here, so that not even its record is looked for. */
  begin(login: LoginHandle): void {
    this.#knowledge.learn(login.loginId, this.#knowledge.recall(login));
  }

  /** True unless the login is known to have ended. */
  async isAlive(login: LoginHandle): Promise<boolean> {
    const known = await this.#knowledge.current(login);
    return known.tokens !== undefined && !known.rejected;
  }

  /** When this process got these very tokens by a refresh, in milliseconds; 0 when it did not. */
  refreshedAt(login: LoginHandle, accessToken: string): number {
    const known = this.#knowledge.recall(login);
    return known.tokens?.accessToken === accessToken ? known.refreshedAt : 0;
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
    return isGood(known) ? known.tokens : this.#joinRefresh(login, isGood, { orKeepOld: true });
  }

  /**
   * Tokens other than those with `unwanted`, by taking those of a refresh that others made, or by refreshing.
   *
   * @throws as {@link validTokens} does
   */
  async replaceTokens(login: LoginHandle, unwanted: string): Promise<TokenSet> {
    const isGood = (known: KnownLogin): known is GoodLogin =>
      this.#isGood(known) && known.tokens.accessToken !== unwanted;
    const known = await this.#knowledge.current(login);
    return isGood(known) ? known.tokens : this.#joinRefresh(login, isGood, { orKeepOld: false });
  }

  /** Ends a login for good, in every process, and revokes its newest tokens at Polar. Never rejects. */
  async end(login: LoginHandle): Promise<void> {
    const { now, revoke, timeoutMs } = this.#parts;
    const release = await this.#acquire(login.loginId, Math.min(logoutWaitMs, timeoutMs));
    let newest: KnownLogin;
    try {
      newest = await this.#knowledge.rereadOrRecall(login);
      await this.#knowledge.write(login, loggedOutRecord, now());
    } finally {
      await release();
    }
    if (newest.tokens !== undefined) await revoke(newest.tokens, now() - newest.refreshedAt < commitLagMs);
  }

  #isGood(known: KnownLogin): known is GoodLogin {
    if (known.tokens === undefined || known.rejected) return false;
    const now = this.#parts.now();
    const justRefreshed = now - known.refreshedAt < justRefreshedMs;
    return isUsable(known.tokens, now, justRefreshed ? 0 : this.#parts.leewayMs);
  }

  #joinRefresh(login: LoginHandle, isGood: IsGood, options: { orKeepOld: boolean }): Promise<TokenSet> {
    return joinOrRun(this.#refreshes, login.loginId, async () => {
      const release = await this.#acquire(login.loginId, this.#parts.timeoutMs * 2);
      try {
        const newest = await this.#knowledge.rereadOrRecall(login);
        return isGood(newest) ? newest.tokens : await this.#refresh(login, newest, options);
      } finally {
        await release();
      }
    });
  }

  async #refresh(login: LoginHandle, known: KnownLogin, options: { orKeepOld: boolean }): Promise<TokenSet> {
    const { tokens } = known;
    if (tokens === undefined) throw loggedOut();
    if (known.rejected || !hasRefreshToken(tokens)) throw loginExpired();
    let fresh: TokenSet;
    try {
      fresh = await this.#parts.refresh(tokens, login);
    } catch (error) {
      publish('refresh', { event: 'failed', loginId: login.loginId, error });
      if (error instanceof PolarOAuthError && error.code === 'invalid_grant')
        return this.#afterInvalidGrant(login, known, error);
      // Tokens that the leeway alone calls expired still work.
      if (options.orKeepOld && error instanceof PolarTransientError && isUsable(tokens, this.#parts.now()))
        return tokens;
      throw error;
    }
    return this.#keep(login, known.generation + 1, fresh);
  }

  /** Records what a refresh brought, at once: from now on it is all that there is. */
  async #keep(login: LoginHandle, generation: number, tokens: TokenSet): Promise<TokenSet> {
    const written = await this.#knowledge.write(login, { generation, tokens }, this.#parts.now());
    const newest = written ? this.#knowledge.recall(login) : await this.#knowledge.rereadOrRecall(login);
    if (newest.tokens === undefined) {
      // Somebody logged out meanwhile: these tokens must not outlive that.
      await this.#parts.revoke(tokens, true);
      throw loggedOut();
    }
    publish('refresh', { event: 'refreshed', loginId: login.loginId, generation });
    return newest.tokens;
  }

  /**
   * Polar refuses a refresh token that somebody else has just used, too. So the refusal is believed only when
   * no newer record turns up in the time that another process could still need to write one.
   */
  async #afterInvalidGrant(login: LoginHandle, known: KnownLogin, cause: PolarOAuthError): Promise<TokenSet> {
    const { lock, timeoutMs } = this.#parts;
    const patienceMs = login.records.shared === false ? 0 : timeoutMs + (lock.leaseMs ?? 0);
    const giveUpAt = performance.now() + patienceMs;
    for (let pauseMs = 50; ; pauseMs = Math.min(pauseMs * 2, 500)) {
      const isLastLook = performance.now() >= giveUpAt;
      const newest = isLastLook ? await this.#lastLook(login) : await this.#knowledge.rereadOrRecall(login);
      if (newest.generation > known.generation)
        return this.#isGood(newest) ? newest.tokens : this.#refresh(login, newest, { orKeepOld: false });
      if (isLastLook) break;
      await delay(pauseMs);
    }
    this.#knowledge.learn(login.loginId, { ...known, rejected: true });
    throw loginExpired(cause);
  }

  /** The record, or a transient error: without having seen it, a login must not be called dead. */
  async #lastLook(login: LoginHandle): Promise<KnownLogin> {
    try {
      return await this.#knowledge.reread(login);
    } catch (cause) {
      throw new PolarTransientError('server_error', 'The token records cannot be read. Try again later.', {
        cause,
      });
    }
  }

  /** Takes the lock, or goes on without it: inside this process refreshes are joined, and between processes the record is re-read. */
  async #acquire(loginId: string, waitMs: number): Promise<Release> {
    const report = (error: unknown): void =>
      publish('refresh', { event: 'lock-unavailable', loginId, error });
    try {
      const release = await this.#parts.lock.acquire(loginId, { waitMs });
      return () => release().catch(report);
    } catch (error) {
      report(error);
      return async () => {};
    }
  }
}

const hasRefreshToken = (tokens: TokenSet): tokens is RefreshableTokens => tokens.refreshToken !== undefined;

const loggedOut = (): PolarLoginRequiredError =>
  new PolarLoginRequiredError('logged_out', 'This login has been logged out. Log in with Polar again.');

const loginExpired = (cause?: unknown): PolarLoginRequiredError =>
  new PolarLoginRequiredError(
    'login_expired',
    'Polar no longer accepts this login: it was revoked there or has expired. Log in with Polar again.',
    { cause },
  );
