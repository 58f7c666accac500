import { setTimeout as delay } from 'node:timers/promises';
import { publish } from '../diagnostics.js';
import { PolarLoginRequiredError, PolarOAuthError, PolarTransientError } from '../errors.js';
import {
  loggedOutRecord,
  type RecordPlace,
  readRecord,
  type TokenRecord,
  writeRecord,
} from '../tokens/token-record.js';
import { isUsable, type TokenSet } from '../tokens/token-set.js';
import { type KnownLogin, KnownLogins, knownFromRecord } from './known-login.js';
import type { RefreshLock, Release } from './refresh-lock.js';

/** A login whose tokens are to be kept alive: its session entry, and where its record is. */
export interface LoginHandle extends RecordPlace {
  /** The tokens of the login itself; newer ones are in the record. */
  readonly tokens: TokenSet;
  readonly subject: string;
  readonly nonce: string;
}

/** What a {@link TokenKeeper} is given. */
export interface TokenKeeperParts {
  /** Exchanges the refresh token at Polar, once. */
  readonly refresh: (
    tokens: TokenSet & { readonly refreshToken: string },
    login: LoginHandle,
  ) => Promise<TokenSet>;
  /** Revokes tokens at Polar; never rejects. */
  readonly revoke: (tokens: TokenSet, justMinted: boolean) => Promise<void>;
  readonly lock: RefreshLock;
  readonly now: () => number;
  readonly leewayMs: number;
  readonly timeoutMs: number;
}

// Whatever the leeway, tokens that came a moment ago are used: a leeway longer than their lifetime must not
// turn every request into a refresh.
const justRefreshedMs = 5000;
// Some 400 bytes each: bounded at a few megabytes.
const maxKnownLogins = 10_000;
// A person who logs out does not wait longer than this for a refresh under way; the tombstone stops it anyway.
const logoutWaitMs = 2000;
const writeAttempts = 3;

/**
 * Keeps the tokens of logins alive. Polar kills the old tokens at the instant of a refresh, so of all who find
 * a token expired one refreshes and the others take what it got: within this process by joining it, between
 * processes by the lock and by reading the token record before and after.
 */
export class TokenKeeper {
  readonly #parts: TokenKeeperParts;
  readonly #known = new KnownLogins(maxKnownLogins);
  readonly #firstLooks = new Map<string, Promise<KnownLogin>>();
  readonly #refreshes = new Map<string, Promise<TokenSet>>();

  constructor(parts: TokenKeeperParts) {
    this.#parts = parts;
  }

  /** The newest tokens that this process knows of, without any I/O; undefined when the login has ended. */
  peek(login: LoginHandle): TokenSet | undefined {
    const known = this.#known.get(login.loginId);
    return known === undefined ? login.tokens : known.tokens;
  }

  /** Takes note of a login that has just happened here, so that not even its record is looked for. */
  begin(login: LoginHandle): void {
    this.#known.learn(login.loginId, atLogin(login));
  }

  /** True unless the login is known to have ended. */
  async isAlive(login: LoginHandle): Promise<boolean> {
    const known = await this.#current(login);
    return known.tokens !== undefined && !known.rejected;
  }

  /** When this process got these very tokens by a refresh, in milliseconds; 0 when it did not. */
  refreshedAt(login: LoginHandle, accessToken: string): number {
    const known = this.#known.get(login.loginId);
    return known?.tokens?.accessToken === accessToken ? known.refreshedAt : 0;
  }

  /**
   * Tokens whose access token is valid, refreshed if need be.
   *
   * @throws PolarLoginRequiredError when the login has ended
   * @throws PolarTransientError when Polar cannot be asked now; nothing is lost
   */
  async validTokens(login: LoginHandle): Promise<TokenSet> {
    const known = await this.#current(login);
    if (this.#isGood(known)) return known.tokens;
    return this.#join(login, (newest) => this.#isGood(newest), { orKeepOld: true });
  }

  /**
   * Tokens other than those with `unwanted`, by taking those of a refresh that others made, or by refreshing.
   *
   * @throws as {@link validTokens} does
   */
  async replaceTokens(login: LoginHandle, unwanted: string): Promise<TokenSet> {
    const isOther = (newest: KnownLogin): newest is GoodLogin =>
      this.#isGood(newest) && newest.tokens.accessToken !== unwanted;
    const known = await this.#current(login);
    return isOther(known) ? known.tokens : this.#join(login, isOther, { orKeepOld: false });
  }

  /** Ends a login for good, in every process, and revokes its newest tokens at Polar. Never rejects. */
  async end(login: LoginHandle): Promise<void> {
    const release = await this.#acquire(login.loginId, Math.min(logoutWaitMs, this.#parts.timeoutMs));
    let newest: KnownLogin;
    try {
      newest = await this.#reread(login).catch(() => this.#known.get(login.loginId) ?? atLogin(login));
      this.#known.learn(login.loginId, knownFromRecord(loggedOutRecord));
      await this.#write(login, loggedOutRecord);
    } finally {
      await release();
    }
    if (newest.tokens === undefined) return;
    await this.#parts.revoke(newest.tokens, this.#parts.now() - newest.refreshedAt < 2000);
  }

  #isGood(known: KnownLogin): known is GoodLogin {
    if (known.tokens === undefined || known.rejected) return false;
    const now = this.#parts.now();
    const justRefreshed = now - known.refreshedAt < justRefreshedMs;
    return isUsable(known.tokens, now, justRefreshed ? 0 : this.#parts.leewayMs);
  }

  /** The newest knowledge; a login that this process has not seen before has its record read once. */
  async #current(login: LoginHandle): Promise<KnownLogin> {
    const known = this.#known.get(login.loginId);
    if (known !== undefined) return known;
    // A record may say that the tokens of the entry, though not expired, have been replaced or ended.
    return once(this.#firstLooks, login.loginId, async () => {
      try {
        return await this.#reread(login);
      } catch (error) {
        publish('refresh', { event: 'record-unreadable', loginId: login.loginId, error });
        return atLogin(login);
      }
    });
  }

  async #reread(login: LoginHandle): Promise<KnownLogin> {
    const record = await readRecord(login);
    return this.#known.learn(login.loginId, record === undefined ? atLogin(login) : knownFromRecord(record));
  }

  #join(
    login: LoginHandle,
    isGood: (known: KnownLogin) => known is GoodLogin,
    options: { orKeepOld: boolean },
  ): Promise<TokenSet> {
    return once(this.#refreshes, login.loginId, async () => {
      const release = await this.#acquire(login.loginId, this.#parts.timeoutMs * 2);
      try {
        const newest = await this.#reread(login).catch((error: unknown) => {
          publish('refresh', { event: 'record-unreadable', loginId: login.loginId, error });
          return this.#known.get(login.loginId) ?? atLogin(login);
        });
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
    return this.#keep(login, { generation: known.generation + 1, tokens: fresh });
  }

  /** Records what a refresh brought, at once: from now on it is all that there is. */
  async #keep(login: LoginHandle, record: TokenRecord & { tokens: TokenSet }): Promise<TokenSet> {
    const { loginId } = login;
    this.#known.learn(loginId, { ...record, refreshedAt: this.#parts.now() });
    const written = await this.#write(login, record);
    const newest = written
      ? this.#known.get(loginId)
      : await this.#reread(login).catch(() => this.#known.get(loginId));
    if (newest !== undefined && newest.tokens === undefined) {
      await this.#parts.revoke(record.tokens, true);
      throw loggedOut();
    }
    publish('refresh', { event: 'refreshed', loginId, generation: record.generation });
    return newest?.tokens ?? record.tokens;
  }

  /**
   * Polar refuses a refresh token that somebody else has just used, too. So the refusal is believed only when
   * no newer record turns up in the time that another process could still need to write one.
   */
  async #afterInvalidGrant(login: LoginHandle, known: KnownLogin, cause: PolarOAuthError): Promise<TokenSet> {
    const patienceMs =
      login.records.shared === false ? 0 : this.#parts.timeoutMs + (this.#parts.lock.leaseMs ?? 0);
    const giveUpAt = performance.now() + patienceMs;
    for (let pauseMs = 50; ; pauseMs = Math.min(pauseMs * 2, 500)) {
      const newest = await this.#reread(login).catch((error: unknown) => {
        if (performance.now() >= giveUpAt)
          throw new PolarTransientError(
            'server_error',
            'The token records cannot be read. Try again later.',
            { cause: error },
          );
        return known;
      });
      if (this.#isGood(newest) && newest.generation > known.generation) return newest.tokens;
      if (newest.generation > known.generation) return this.#refresh(login, newest, { orKeepOld: false });
      if (performance.now() >= giveUpAt) break;
      await delay(pauseMs);
    }
    this.#known.learn(login.loginId, { ...known, rejected: true });
    throw loginExpired(cause);
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

  /** False only when the store holds the same or a higher generation. */
  async #write(login: LoginHandle, record: TokenRecord): Promise<boolean> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await writeRecord(login, record);
      } catch (error) {
        publish('refresh', { event: 'record-not-written', loginId: login.loginId, attempt, error });
        if (attempt === writeAttempts) return true;
        await delay(50 * attempt);
      }
    }
  }
}

type GoodLogin = KnownLogin & { readonly tokens: TokenSet };

const atLogin = (login: LoginHandle): KnownLogin => ({ generation: 0, tokens: login.tokens, refreshedAt: 0 });

const hasRefreshToken = (tokens: TokenSet): tokens is TokenSet & { refreshToken: string } =>
  tokens.refreshToken !== undefined;

const loggedOut = (): PolarLoginRequiredError =>
  new PolarLoginRequiredError('logged_out', 'This login has been logged out. Log in with Polar again.');

const loginExpired = (cause?: unknown): PolarLoginRequiredError =>
  new PolarLoginRequiredError(
    'login_expired',
    'Polar no longer accepts this login: it was revoked there or has expired. Log in with Polar again.',
    {
      cause,
    },
  );

/** Runs `work` unless it is under way under this key already; then joins it. */
function once<T>(underWay: Map<string, Promise<T>>, key: string, work: () => Promise<T>): Promise<T> {
  const joined = underWay.get(key);
  if (joined !== undefined) return joined;
  const started = work().finally(() => underWay.delete(key));
  underWay.set(key, started);
  return started;
}
