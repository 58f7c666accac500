import type { Request } from 'express';
import type { BackgroundWork } from '../async/background-work.js';
import { attemptCookieHashes } from '../attempts/attempt-cookie.js';
import { publish } from '../diagnostics.js';
import { PolarConfigurationError } from '../errors.js';
import type { LoginEndReason } from '../login-end-reason.js';
import { nameOfServer } from '../options/server.js';
import type { TokenRefresher } from '../refresh/token-refresher.js';
import type { ResolvedOptions } from '../strategy-options.js';
import type { SessionEntry } from '../tokens/session-entry.js';
import type { SessionLogin } from './session-login.js';
import { entriesIn, type FoundEntry, type SessionLogins } from './session-logins.js';
import { StrategyRegistry } from './strategy-registry.js';

/** A login of any strategy, with what it takes to end it. */
export interface FoundLogin {
  readonly loginId: string;
  /** Session key that holds the login once its user is logged in. */
  readonly sessionKey: string;
  /** Session key that holds it now. */
  readonly storedAs: string;
  readonly entry: SessionEntry;
  /** True if the login belongs to this serialized user. */
  isOf(user: unknown): boolean;
  /** True if the login survives `req.login`, which replaces one serialized user, or undefined, with another. */
  staysWith(userBefore: unknown, userNow: unknown): boolean;
  /** True if the app took too long to log its user in. */
  isForgotten(): boolean;
  end(reason: LoginEndReason): Promise<void>;
  /**
   * Ends the login for every process, and resolves when that is recorded. Its tokens are revoked in the background, for requests
   * that need not wait for Polar. Never rejects.
   */
  recordEnd(reason: LoginEndReason): Promise<void>;
}

/** Dependencies of {@link AllSessionLogins}. */
export interface AllSessionLoginsParts {
  readonly options: ResolvedOptions;
  readonly logins: SessionLogins;
  readonly refresher: TokenRefresher;
  readonly background: BackgroundWork;
}

// How long a login waits for the app to log its user in.
const maxWaitMs = 10 * 60_000;
const strategies = new StrategyRegistry<AllSessionLogins>();

/** The logins of a session, whichever strategy of this process they came from, and how to end them. */
export class AllSessionLogins {
  readonly #parts: AllSessionLoginsParts;

  constructor(parts: AllSessionLoginsParts) {
    this.#parts = parts;
    const { credentials, server, sessionKey } = parts.options;
    strategies.add({ clientID: credentials.clientID, server: nameOfServer(server), sessionKey }, this);
  }

  /**
   * Ends a login of this strategy for good. If its session entry cannot be opened, only its tombstone is written; its tokens
   * stay valid at Polar.
   *
   * @throws PolarConfigurationError `unsupported_storage` if the storage cannot record the end
   */
  end(login: SessionLogin, reason: LoginEndReason, onRecorded?: () => void): Promise<void> {
    return this.#parts.background.write(this.#end(login, reason, onRecorded));
  }

  async #end(login: SessionLogin, reason: LoginEndReason, onRecorded?: () => void): Promise<void> {
    const { refresher } = this.#parts;
    try {
      await refresher.end(login.open(), reason, onRecorded);
    } catch (error) {
      publish('logout', { event: 'end-failed', loginId: login.loginId, error });
      if (error instanceof PolarConfigurationError) throw error;
      // This process cannot revoke the tokens. The tombstone stops processes that can open the entry from using them.
      await refresher.endUnopened(login.place, reason);
    }
  }

  /** The logins in the session of a request, each with its own `end`. */
  of(req: Request): FoundLogin[] {
    return entriesIn(req.session ?? {}).flatMap((found) => this.#endable(req, found) ?? []);
  }

  #endable(req: Request, { entry, sessionKey, storedAs, text }: FoundEntry): FoundLogin | undefined {
    const { attempt = '', loginId, waiting } = entry;
    const owner = this.#ownerOf(entry, sessionKey);
    // Without its strategy, the login can be read but not opened: its tombstone is all that can be written.
    const { logins, options, refresher } = (owner ?? this).#parts;
    // Read now: a logout removes the session from the request.
    const read = logins.readEntry(text);
    if (read === undefined) return undefined;
    const login = logins.from(req, read);
    const isOf = (user: unknown): boolean => owner !== undefined && read.isOf(user);
    const isForgotten = (): boolean =>
      login.isWaiting && Math.abs(options.now() - login.issuedAt) > maxWaitMs;
    // An attacker who planted a session in another browser must not take over the login of that browser's user.
    const isThisBrowsers = (): boolean =>
      waiting === undefined || attemptCookieHashes(req, attempt).includes(waiting.cookieHash);
    // Without its strategy this process cannot revoke the tokens, but it still writes the tombstone.
    const end = (reason: LoginEndReason, onRecorded?: () => void): Promise<void> =>
      owner !== undefined && waiting?.isLeftToApp !== true
        ? owner.end(login, reason, onRecorded)
        : refresher.endUnopened(login.place, reason);
    return {
      loginId,
      sessionKey,
      storedAs,
      entry,
      isOf,
      isForgotten,
      staysWith: (before, after) =>
        isOf(after) && (login.isWaiting ? !isForgotten() && isThisBrowsers() : isOf(before)),
      end: (reason) => end(reason),
      recordEnd: (reason) => new Promise((resolve) => end(reason, resolve).then(resolve, () => resolve())),
    };
  }

  /** The strategy that a login came from, if this process has it. This one comes first: others may have the same client. */
  #ownerOf({ clientID, server }: SessionEntry, sessionKey: string): AllSessionLogins | undefined {
    const own = this.#parts.options;
    const isOwn =
      clientID === own.credentials.clientID &&
      server === nameOfServer(own.server) &&
      sessionKey === own.sessionKey;
    return isOwn ? this : strategies.find({ clientID, server, sessionKey });
  }
}
