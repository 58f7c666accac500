import type { Request } from 'express';
import { publish } from '../diagnostics.js';
import { nameOfServer } from '../options/server.js';
import type { TokenRefresher } from '../refresh/token-refresher.js';
import { loggedInUser, sessionOf } from '../request/session.js';
import { GuardedStorage } from '../storage/guarded-storage.js';
import type { PolarStorage } from '../storage/polar-storage.js';
import { sessionStorage } from '../storage/session-storage.js';
import type { ResolvedOptions } from '../strategy-options.js';
import { BoundedMap } from '../tokens/bounded-map.js';
import { EntryCache, type ReadEntry } from '../tokens/entry-cache.js';
import { entryText, parseEntryText } from '../tokens/entry-text.js';
import { sealerWithKeys } from '../tokens/sealing.js';
import {
  type NewLogin,
  newSessionEntry,
  type SessionEntry,
  sealSessionEntry,
  type Waiting,
} from '../tokens/session-entry.js';
import type { LoginFacts, LoginHandle } from '../tokens/token-record.js';
import { UserIdentities } from '../tokens/user-identity.js';
import { type LoginPlace, loginHandle, SessionLogin, type SessionLoginParts } from './session-login.js';
import { StoredLogins } from './stored-logins.js';

/** A session entry of any strategy. */
export interface FoundEntry {
  /** Session key that holds the login once its user is logged in. */
  readonly sessionKey: string;
  /** Session key that holds it now. */
  readonly storedAs: string;
  readonly text: string;
  readonly entry: SessionEntry;
}

const waitingSuffix = ' (waiting)';

/** Session key for a login that waits for the app to log its user in; separate, so as not to overwrite the current login. */
export const waitingKeyOf = (sessionKey: string): string => `${sessionKey}${waitingSuffix}`;

/** Finds the session entries of all strategies. */
export function entriesIn(session: object): FoundEntry[] {
  return Object.entries(session).flatMap(([sessionKey, text]) => {
    // Parsed without a cache: only the cache of its own strategy evicts a login when it ends.
    const entry = parseEntryText(text);
    if (entry === undefined) return [];
    // Key and entry must agree; otherwise the entry was moved.
    const isWaiting = sessionKey.endsWith(waitingSuffix);
    if (isWaiting !== (entry.waiting !== undefined)) return [];
    return [
      {
        sessionKey: isWaiting ? sessionKey.slice(0, -waitingSuffix.length) : sessionKey,
        storedAs: sessionKey,
        text,
        entry,
      },
    ];
  });
}

/** Finds logins in sessions and in the app's storage. */
export interface Logins {
  /** The login of the user who is logged in on this request, or undefined. */
  loginOfUser(req: Request): SessionLogin | undefined;
  /** The login in the session for this client and server, regardless of which user is logged in. */
  loginInSession(req: Request): SessionLogin | undefined;
  /** Reads a session entry with the keys of this strategy; returns undefined if it cannot. */
  readEntry(text: string): ReadEntry | undefined;
  /** Evicts a login that has ended from the cache. */
  forget(loginId: string): void;
  /** Tells serialized users apart. */
  readonly users: UserIdentities;
  /** Creates the login of a session entry. */
  loginFrom(req: Request, found: ReadEntry): SessionLogin;
  /**
   * Checks that the storage keeps what is written to it. A storage that is down passes; its failure shows up later.
   *
   * @throws PolarConfigurationError `unsupported_storage`
   */
  checkStorage(req: Request): Promise<void>;
  /** Puts a new login into the session, for this user. */
  putLogin(
    req: Request,
    login: NewLogin,
    serializedUser: unknown,
    state?: { readonly waiting?: Waiting },
  ): LoginHandle;
  /** Storages of login attempts: the app's own, if any, then the session store of this request. */
  storagesOf(req: Request): GuardedStorage[];
  /** True if logins can be found by their id alone. */
  readonly keepsLogins: boolean;
  /** Logins in the app's own storage, found by their id; undefined without the options `storage` and `encryptionKeys`. */
  readonly stored: StoredLogins | undefined;
}

// A token record must outlive the pauses between visits: without it, only dead tokens are left of a login.
const minRecordTtlSeconds = 30 * 24 * 60 * 60;
// A slower storage counts as down: the refresh continues without it in the remaining time.
const maxStoreTimeoutMs = 3000;
const storeShareOfTimeout = 1 / 3;

/** Creates {@link Logins} from the options. */
export function findLogins(options: ResolvedOptions, refresher: TokenRefresher): Logins {
  const { credentials, encryptionKeys, storage, timeoutMs } = options;
  const keyring = encryptionKeys && sealerWithKeys(encryptionKeys, 'token records');
  const entryKeyring = encryptionKeys && sealerWithKeys(encryptionKeys, 'session entries');
  const guarded = (inner: PolarStorage): GuardedStorage =>
    new GuardedStorage(inner, Math.min(timeoutMs * storeShareOfTimeout, maxStoreTimeoutMs));
  const ownStorage = storage && guarded(storage);
  const sessionStorages = new WeakMap<object, GuardedStorage>();
  const sessionStorageOf = ({ sessionStore }: Request): GuardedStorage => {
    const known = sessionStorages.get(sessionStore);
    if (known !== undefined) return known;
    const made = guarded(sessionStorage(sessionStore as never));
    sessionStorages.set(sessionStore, made);
    return made;
  };
  const keepsLogins = keyring !== undefined && ownStorage !== undefined;

  const users = new UserIdentities(options.userKey);
  const isEnded = (loginId: string): boolean => {
    const known = refresher.peek(loginId);
    return known !== undefined && (known.tokens === undefined || known.rejected === true);
  };
  const entries = new EntryCache(
    { entrySealer: entryKeyring, recordSealer: keyring, users, isEnded },
    options.maxRememberedLogins,
  );

  const reported = new BoundedMap<true>(1000);
  const reportUnreadable = (sessionID: string): void => {
    if (reported.get(sessionID)) return;
    reported.set(sessionID, true);
    publish('login', { event: 'entry-unreadable', sessionKey: options.sessionKey });
  };

  // Read now: a logout removes the session from the request.
  const placeIn = (req: Request): LoginPlace => ({
    storage: ownStorage ?? sessionStorageOf(req),
    ttlSeconds: Math.max(minRecordTtlSeconds, Math.ceil((req.session.cookie.originalMaxAge ?? 0) / 1000)),
  });
  const parts: SessionLoginParts = { refresher, keepsLogins, onUnreadable: reportUnreadable };
  const loginFrom = (req: Request, found: ReadEntry): SessionLogin =>
    new SessionLogin(parts, found, placeIn(req), req.sessionID);
  // The tokens of one client or server must never reach another.
  const ourServer = nameOfServer(options.server);
  const isOurs = ({ clientID, server }: Pick<LoginFacts, 'clientID' | 'server'>): boolean =>
    clientID === credentials.clientID && server === ourServer;
  const entryIn = (req: Request): ReadEntry | undefined => {
    const session = (req as { session?: unknown }).session as Readonly<Record<string, unknown>> | undefined;
    const stored = session?.[options.sessionKey];
    const found = entries.read(stored);
    if (found === undefined) {
      if (stored !== undefined) reportUnreadable(req.sessionID);
      return undefined;
    }
    return found.entry.waiting === undefined && isOurs(found.entry) ? found : undefined;
  };

  return {
    putLogin(req, login, serializedUser, state = {}) {
      const entry = newSessionEntry(login, users.of(serializedUser, login.subject));
      const sealed = sealSessionEntry(entry, entryKeyring);
      const key = state.waiting ? waitingKeyOf(options.sessionKey) : options.sessionKey;
      const text = entryText({ ...sealed, ...state });
      sessionOf(req)[key] = text;
      const opened = entries.read(text)?.open();
      if (opened === undefined) throw new Error('The session entry that was just written cannot be read');
      return loginHandle(placeIn(req), opened, keepsLogins);
    },
    storagesOf(req) {
      const sessions = sessionStorageOf(req);
      return ownStorage === undefined ? [sessions] : [ownStorage, sessions];
    },
    keepsLogins,
    users,
    readEntry: (text) => entries.read(text),
    forget: (loginId) => entries.forget(loginId),
    stored: keepsLogins
      ? new StoredLogins({
          refresher,
          isOurs,
          sealer: keyring,
          storage: ownStorage,
          ttlSeconds: minRecordTtlSeconds,
        })
      : undefined,
    loginFrom,
    checkStorage: (req) => placeIn(req).storage.checkIfReachable(),
    loginInSession(req) {
      const found = entryIn(req);
      return found && loginFrom(req, found);
    },
    loginOfUser(req) {
      const found = entryIn(req);
      return found?.isOf(loggedInUser(req)) ? loginFrom(req, found) : undefined;
    },
  };
}
