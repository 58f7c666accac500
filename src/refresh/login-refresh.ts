import { publish } from '../diagnostics.js';
import {
  PolarIdTokenError,
  PolarLoginRequiredError,
  type PolarOAuthError,
  PolarTransientError,
} from '../errors.js';
import { fingerprint, type LoginHandle, type TokenRecord } from '../tokens/token-record.js';
import type { TokenSet } from '../tokens/token-set.js';
import {
  type CachedLogin,
  hasRefreshToken,
  type IsGood,
  ifNewer,
  isSamePair,
  type RefreshableTokens,
  type UsableLogin,
} from './cached-login.js';
import type { HeldLock } from './held-lock.js';
import type { IssuedTokens } from './issued-tokens.js';
import { LockQueue } from './lock-queue.js';
import type { LoginCache } from './login-cache.js';
import { loggedOut, loginExpired, loginInDoubt, recordsUnreadable } from './login-errors.js';
import type { LoginLocks } from './login-lock.js';
import type { LoginSync } from './login-sync.js';
import { isInvalidGrant, RefreshExchange, type RefreshExchangeParts } from './refresh-exchange.js';
import { RefusalLog } from './refusal-log.js';

/** Dependencies of {@link LoginRefresh}. */
export interface LoginRefreshParts extends RefreshExchangeParts {
  readonly cache: LoginCache;
  readonly sync: LoginSync;
  readonly locks: LoginLocks;
  readonly issued: IssuedTokens;
  readonly now: () => number;
}

// Polar may respond to one of two simultaneous refreshes with a 500. This is how long the other one may take to be
// recorded.
const siblingPatienceMs = 1500;
// Delay before a refusal is believed at once: longer than a process that failed to record tokens takes to retry.
const certainAfterMs = 3000;

/** Refreshes a login: takes its lock, exchanges its refresh token, records the new tokens, and interprets failures. */
export class LoginRefresh {
  readonly #parts: LoginRefreshParts;
  readonly #exchange: RefreshExchange;
  readonly #queue: LockQueue;
  readonly #refusals: RefusalLog;

  constructor(parts: LoginRefreshParts) {
    this.#parts = parts;
    this.#exchange = new RefreshExchange(parts);
    this.#queue = new LockQueue(parts);
    this.#refusals = new RefusalLog(parts.elapsedMs);
  }

  /** The error to fail with while the circuit breaker is open. */
  get outage(): RefreshExchange['outage'] {
    return this.#exchange.outage;
  }

  /** Refreshes a login under its lock, unless its newest tokens are already good. */
  async run(login: LoginHandle, isGood: IsGood): Promise<TokenSet> {
    await this.#throwIfOver(login);
    const { outage } = this.#exchange;
    // While the circuit breaker is open, callers do not queue; tokens that another process has recorded are still used.
    if (outage !== undefined) {
      const newest = await this.#parts.sync.revalidateOrRecall(login);
      if (isGood(newest)) return newest.tokens;
      throw errorIfOver(newest) ?? outage;
    }
    const { lock, newest } = await this.#queue.take(login, isGood);
    try {
      return isGood(newest) ? newest.tokens : await this.#refresh(login, newest, lock);
    } finally {
      if (lock !== undefined) await this.#release(lock, login);
    }
  }

  async #release(lock: HeldLock, { loginId }: LoginHandle): Promise<void> {
    const { background, cache } = this.#parts;
    await background.write(lock.release(cache.isUnrecorded(loginId)));
    void background.write(lock.releaseLate());
  }

  /**
   * Throws if the login is over, before a lock is taken. If Polar refused it, another process may have recorded tokens
   * that revive it.
   */
  async #throwIfOver(login: LoginHandle): Promise<void> {
    const known = this.#parts.cache.recall(login);
    if (errorIfOver(known) === undefined) return;
    if (!known.refused) this.#parts.sync.revalidateInBackground(login);
    const newest = known.refused ? await this.#parts.sync.revalidate(login).catch(throwUnreadable) : known;
    const over = errorIfOver(newest);
    if (over !== undefined) throw over;
  }

  async #refresh(login: LoginHandle, known: CachedLogin, lock: HeldLock | undefined): Promise<TokenSet> {
    const tokens = refreshableTokensOf(known);
    const { generation } = known;
    const pauseMs = this.#refusals.pauseMs(login.loginId, generation);
    if (pauseMs > 0) throw loginInDoubt(pauseMs);
    if (this.#refusals.isBeyondDoubt(login.loginId, generation))
      return this.#giveUpUnlessNewer(login, known, lock);
    const { outage } = this.#exchange;
    if (outage !== undefined) throw outage;
    // Tokens that cannot be recorded would be lost.
    await login.storage.checkIfReachable();
    const startedAt = this.#parts.elapsedMs();
    try {
      const newer = await this.#exchange.run(login, known, tokens, lock);
      const replaces = fingerprint(tokens);
      const record = { generation: generation + 1, tokens: newer, issuedAt: this.#parts.now(), replaces };
      return (await this.#parts.background.write(this.#keep(login, record, lock, startedAt))).tokens;
    } catch (error) {
      const durationMs = this.#parts.elapsedMs() - startedAt;
      publish('refresh', { event: 'refresh-failed', loginId: login.loginId, error, durationMs });
      // A shutdown waits for what follows, too: the lock is still held.
      const { background } = this.#parts;
      if (isInvalidGrant(error))
        return background.write(this.#afterInvalidGrant(login, known, lock, error, startedAt));
      if (error instanceof PolarIdTokenError) return background.write(this.#afterWrongIdToken(login, error));
      if (error instanceof PolarLoginRequiredError) throw error;
      return background.write(this.#afterFailure(login, known, error));
    }
  }

  /** Records refreshed tokens at once, since the old ones are dead. Resolves with the newest state by then. */
  async #keep(
    login: LoginHandle,
    record: TokenRecord,
    lock: HeldLock | undefined,
    startedAt: number,
  ): Promise<UsableLogin> {
    const { generation, tokens } = record;
    this.#parts.issued.add(login.loginId, tokens);
    const afterwards = async (newest: CachedLogin): Promise<void> => {
      // The user may have logged out during the refresh; the new tokens must not outlive that.
      if (newest.tokens === undefined) await this.#parts.issued.revoke(login.loginId, record);
      else if (!isSamePair(newest.tokens, tokens)) {
        this.#parts.issued.keepAsSpare(login.loginId, record);
        this.#parts.issued.spares.revokeIfSuperseded(login.loginId, newest);
      }
    };
    const newest = await this.#parts.sync.recordTokens(login, record, afterwards, lock);
    await afterwards(newest);
    if (newest.tokens === undefined) throw loggedOut();
    const durationMs = this.#parts.elapsedMs() - startedAt;
    publish('refresh', { event: 'refreshed', loginId: login.loginId, generation, durationMs });
    return { ...newest, tokens: newest.tokens };
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
    startedAt: number,
  ): Promise<TokenSet> {
    const { generation } = known;
    const { loginId, storage } = login;
    const isFirst = this.#refusals.note(loginId, generation);
    // A login must not be declared dead before its record has been read.
    const recorded = await this.#parts.sync.revalidate(login).catch(throwUnreadable);
    let newer = ifNewer(recorded, known);
    if (newer === undefined) {
      const spare = this.#parts.issued.spares.take(loginId, known);
      if (spare !== undefined) {
        const next = { ...spare, generation: generation + 1 };
        const kept = await this.#parts.background.write(this.#keep(login, next, undefined, startedAt));
        // The spare has usually expired by then, as has the recorded pair.
        return this.#refreshUnlessGood(login, kept, lock);
      }
      if (!storage.shared || this.#refusals.isBeyondDoubt(loginId, generation))
        return this.#giveUp(login, known, cause);
      // A process that has newer tokens may be about to record them, even one that refreshed without a lock while the
      // store was down.
      newer = await this.#parts.sync.awaitNewer(
        login,
        generation,
        Math.min(certainAfterMs, this.#parts.timeoutMs / 3),
      );
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
    return this.#parts.validity.isGood(newer) ? newer.tokens : this.#refresh(login, newer, lock);
  }

  /** @throws PolarTransientError if the record cannot be read */
  async #giveUpUnlessNewer(
    login: LoginHandle,
    known: CachedLogin,
    lock?: HeldLock,
    cause?: PolarOAuthError,
  ): Promise<TokenSet> {
    const recorded = await this.#parts.sync.revalidate(login).catch(throwUnreadable);
    const newer = ifNewer(recorded, known);
    if (newer === undefined) return this.#giveUp(login, known, cause);
    return this.#refreshUnlessGood(login, newer, lock);
  }

  #giveUp({ loginId }: LoginHandle, known: CachedLogin, cause?: unknown): never {
    this.#parts.cache.learn(loginId, { ...known, refused: true });
    throw loginExpired(cause, this.#exchange.isResponseLost(loginId, known));
  }

  /** The new tokens belong to another user, and the old ones are dead: the login is over. */
  async #afterWrongIdToken(login: LoginHandle, cause: PolarIdTokenError): Promise<never> {
    await this.#parts.sync.recordEnd(login, 'refused_by_polar');
    throw loginExpired(cause);
  }

  /** Polar was unavailable, or its response did not arrive; another process may have succeeded. */
  async #afterFailure(login: LoginHandle, known: CachedLogin, error: unknown): Promise<TokenSet> {
    const hasAnswered = error instanceof PolarTransientError && error.code === 'server_error';
    const patienceMs = hasAnswered ? siblingPatienceMs : 0;
    const newer = await this.#parts.sync.awaitNewer(login, known.generation, patienceMs);
    if (newer !== undefined && this.#parts.validity.isGood(newer)) return newer.tokens;
    throw error;
  }
}

/** Returns the error for a login that is over; undefined if it can be refreshed. */
function errorIfOver({ refused, tokens }: CachedLogin): PolarLoginRequiredError | undefined {
  if (tokens === undefined) return loggedOut();
  return refused || !hasRefreshToken(tokens) ? loginExpired() : undefined;
}

/** @throws PolarLoginRequiredError if the login is over */
function refreshableTokensOf(known: CachedLogin): RefreshableTokens {
  const over = errorIfOver(known);
  if (over !== undefined) throw over;
  return known.tokens as RefreshableTokens;
}

const throwUnreadable = (cause: unknown): never => {
  throw recordsUnreadable(cause);
};
