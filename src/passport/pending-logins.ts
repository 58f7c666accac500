import type { Request } from 'express';
import { PolarTransientError } from '../errors.js';
import type { ResolvedOptions } from '../options.js';
import {
  type RequestSession,
  saveSession,
  sessionOf,
  storeAnswer,
  storeTimedOut,
} from '../request-session.js';
import { BoundedMap } from '../tokens/bounded-map.js';
import { keepBriefly } from './brief-session.js';
import { inTurn } from './in-turn.js';

/** A login that was started and has not come back yet; one for each tab. */
export interface PendingLogin {
  readonly state: string;
  readonly nonce: string;
  readonly codeVerifier: string;
  /** To the letter what was sent to the authorize page: the token request must repeat it. */
  readonly redirectURI: string;
  /** The client and server that were asked: an answer is taken to no other (mix-up, RFC 9700 section 4.4). */
  readonly clientID: string;
  readonly server: string;
  readonly scopes: readonly string[];
  readonly returnTo?: string;
  /** Fingerprint of the user who was logged in: an account is linked to nobody else. */
  readonly startedBy?: string;
  /** What the app gave as `state`; it never leaves the session. */
  readonly appState?: unknown;
  /** Milliseconds since the epoch. */
  readonly startedAt: number;
}

/** What taking a pending login comes to. */
export type TakenLogin = { readonly login: PendingLogin } | { readonly problem: 'unknown' | 'expired' };

// One key for all strategies of an app, so that a login with one carries the other's tabs along.
const sessionKey = 'polarLogins';
const maxPending = 10;
const maxRemembered = 10_000;

/**
 * The logins under way in a browser session. express-session writes whole sessions and the last write wins, so
 * the list is read from the store again right before it is changed, one change at a time per session.
 */
export class PendingLogins {
  readonly #now: () => number;
  readonly #storeTimeoutMs: number;
  readonly #lifetimeMs: number;
  // States that came back: a session written by a slower request could bring one of them back to life.
  readonly #used = new BoundedMap<true>(maxRemembered);

  // When the store last took too long.
  #silentAt = 0;

  constructor({
    now,
    pendingLoginSeconds,
    timeoutMs,
  }: Pick<ResolvedOptions, 'now' | 'pendingLoginSeconds' | 'timeoutMs'>) {
    this.#now = now;
    this.#lifetimeMs = pendingLoginSeconds * 1000;
    this.#storeTimeoutMs = timeoutMs;
  }

  /** Adds a login and saves the session. The oldest beyond ten are dropped. */
  add(req: Request, login: PendingLogin): Promise<void> {
    return this.#inTurn(req, async (session) => {
      const stored = await this.#stored(req);
      const others = stored ?? parse(session[sessionKey]);
      write(session, [...this.#fresh(others), login].slice(-maxPending));
      if (stored === undefined) keepBriefly(session, this.#lifetimeMs, holdsNothingElse);
      await saveSession(session);
    });
  }

  /** Takes a login out for good and saves the session, before anything that came with its state is believed. */
  take(req: Request, state: string): Promise<TakenLogin> {
    return this.#inTurn(req, async (session) => {
      const stored = await this.#stored(req);
      // A session that another tab's login has just replaced is gone from the store: what was loaded counts.
      const all = stored ?? parse(session[sessionKey]);
      const login = all.find((pending) => pending.state === state);
      if (login === undefined || this.#used.get(state)) return { problem: 'unknown' };
      this.#used.set(state, true);
      write(session, this.#fresh(all.filter((pending) => pending !== login)));
      // Saving it would bring a destroyed session back.
      if (stored !== undefined) await saveSession(session);
      return this.#isFresh(login) ? { login } : { problem: 'expired' };
    });
  }

  /** The logins of other tabs, to be carried into a regenerated session. */
  remaining(req: Request): Promise<readonly PendingLogin[]> {
    return this.#inTurn(req, async (session) => {
      const all = (await this.#stored(req)) ?? parse(session[sessionKey]);
      return this.#fresh(all).filter((login) => !this.#used.get(login.state));
    });
  }

  /** Puts carried logins into a session; the caller saves it. */
  carryInto(session: RequestSession, logins: readonly PendingLogin[]): void {
    write(session, logins);
  }

  #isFresh(login: PendingLogin): boolean {
    const age = this.#now() - login.startedAt;
    return age < this.#lifetimeMs && age > -this.#lifetimeMs;
  }

  #fresh(logins: readonly PendingLogin[]): PendingLogin[] {
    return logins.filter((login) => this.#isFresh(login));
  }

  /** The list as it is in the store now; undefined when the session is not there (yet, or any more). */
  #stored(req: Request): Promise<PendingLogin[] | undefined> {
    return new Promise((resolve, reject) => {
      req.sessionStore.get(req.sessionID, (error, session) => {
        if (error && (error as NodeJS.ErrnoException).code !== 'ENOENT') reject(error);
        else resolve(session ? parse((session as unknown as RequestSession)[sessionKey]) : undefined);
      });
    });
  }

  /** One change at a time. A store that does not answer holds up nobody for longer than its time-out. */
  #inTurn<T>(req: Request, work: (session: RequestSession) => Promise<T>): Promise<T> {
    const session = sessionOf(req);
    const queuedAt = performance.now();
    return inTurn(req.sessionStore, req.sessionID, async () => {
      // Who was in front has waited for nothing, and everybody behind with them.
      if (this.#silentAt > queuedAt) throw storeTimedOut(this.#storeTimeoutMs);
      try {
        return await storeAnswer(work(session), this.#storeTimeoutMs);
      } catch (error) {
        if (error instanceof PolarTransientError) this.#silentAt = performance.now();
        throw error;
      }
    });
  }
}

function write(session: RequestSession, logins: readonly PendingLogin[]): void {
  if (logins.length > 0) session[sessionKey] = logins;
  else delete session[sessionKey];
}

function holdsNothingElse(session: RequestSession): boolean {
  return Object.keys(session).every((key) => key === 'cookie' || key === sessionKey);
}

function parse(value: unknown): PendingLogin[] {
  return Array.isArray(value) ? value.filter(isPendingLogin) : [];
}

function isPendingLogin(value: unknown): value is PendingLogin {
  if (typeof value !== 'object' || value === null) return false;
  const login = value as Record<string, unknown>;
  const texts = ['state', 'nonce', 'codeVerifier', 'redirectURI', 'clientID', 'server'];
  return (
    texts.every((field) => typeof login[field] === 'string' && login[field] !== '') &&
    typeof login['startedAt'] === 'number' &&
    Array.isArray(login['scopes']) &&
    ['returnTo', 'startedBy'].every((field) => login[field] === undefined || typeof login[field] === 'string')
  );
}
