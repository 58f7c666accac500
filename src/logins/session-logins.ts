import type { Request } from 'express';
import { BoundedMap } from '../bounded-map.js';
import { publish } from '../diagnostics.js';
import { nameOfServer } from '../options/server.js';
import type { TokenRefresher } from '../refresh/token-refresher.js';
import { loggedInUser, sessionOf } from '../request/session.js';
import { type Sealer, sealerWithKeys } from '../sealing/sealer.js';
import { GuardedStorage } from '../storage/guarded-storage.js';
import type { PolarStorage } from '../storage/polar-storage.js';
import { sessionStorage } from '../storage/session-storage.js';
import type { ResolvedOptions } from '../strategy-options.js';
import { EntryCache, type ReadEntry } from '../tokens/entry-cache.js';
import { entryText, parseEntryText } from '../tokens/entry-text.js';
import {
  type NewLogin,
  newSessionEntry,
  type SessionEntry,
  sealSessionEntry,
  type Waiting,
} from '../tokens/session-entry.js';
import type { LoginFacts, LoginHandle } from '../tokens/token-record.js';
import { UserIdentities } from '../tokens/user-identity.js';
import { LoginsById } from './logins-by-id.js';
import { type LoginPlace, loginHandle, SessionLogin } from './session-login.js';

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

// A token record must outlive the pauses between visits: without it, only dead tokens are left of a login.
const minRecordTtlSeconds = 30 * 24 * 60 * 60;
// A slower storage counts as down: the refresh continues without it in the remaining time.
const maxStoreTimeoutMs = 3000;
const storeShareOfTimeout = 1 / 3;

/** Finds the logins of one strategy in sessions and in the app's storage. */
export class SessionLogins {
  /** Tells serialized users apart. */
  readonly users: UserIdentities;
  /** True if every login is recorded when it begins, so that it can be found by its id alone. */
  readonly recordsFromStart: boolean;
  /** Logins in the app's own storage, found by their id; undefined without the options `storage` and `encryptionKeys`. */
  readonly byId: LoginsById | undefined;
  readonly refresher: TokenRefresher;
  readonly #options: ResolvedOptions;
  readonly #server: string;
  readonly #entries: EntryCache;
  readonly #entrySealer: Sealer | undefined;
  readonly #ownStorage: GuardedStorage | undefined;
  readonly #sessionStorages = new WeakMap<object, GuardedStorage>();
  readonly #reported = new BoundedMap<true>(1000);

  constructor(options: ResolvedOptions, refresher: TokenRefresher) {
    const { encryptionKeys, maxRememberedLogins, storage, userKey } = options;
    const recordSealer = encryptionKeys && sealerWithKeys(encryptionKeys, 'token records');
    this.#options = options;
    this.#server = nameOfServer(options.server);
    this.refresher = refresher;
    this.#entrySealer = encryptionKeys && sealerWithKeys(encryptionKeys, 'session entries');
    this.#ownStorage = storage && this.#guarded(storage);
    this.users = new UserIdentities(userKey);
    const isEnded = (loginId: string): boolean => {
      const known = refresher.peek(loginId);
      return known !== undefined && (known.tokens === undefined || known.refused === true);
    };
    this.#entries = new EntryCache(
      { entrySealer: this.#entrySealer, recordSealer, users: this.users, isEnded },
      maxRememberedLogins,
    );
    this.byId =
      recordSealer &&
      this.#ownStorage &&
      new LoginsById({
        refresher,
        isOurs: (facts) => this.#isOurs(facts),
        sealer: recordSealer,
        storage: this.#ownStorage,
        ttlSeconds: minRecordTtlSeconds,
      });
    this.recordsFromStart = this.byId !== undefined;
  }

  /** The login of the user who is logged in on this request, or undefined. */
  ofUser(req: Request): SessionLogin | undefined {
    const found = this.#entryIn(req);
    return found?.isOf(loggedInUser(req)) ? this.from(req, found) : undefined;
  }

  /** The login in the session for this client and server, regardless of which user is logged in. */
  inSession(req: Request): SessionLogin | undefined {
    const found = this.#entryIn(req);
    return found && this.from(req, found);
  }

  /** Creates the login of a session entry. */
  from(req: Request, found: ReadEntry): SessionLogin {
    return new SessionLogin(this, found, this.#placeIn(req), req.sessionID);
  }

  /** Puts a new login into the session, for this user. */
  put(
    req: Request,
    login: NewLogin,
    serializedUser: unknown,
    state: { readonly waiting?: Waiting } = {},
  ): LoginHandle {
    const { sessionKey } = this.#options;
    const entry = newSessionEntry(login, this.users.of(serializedUser, login.subject));
    const text = entryText({ ...sealSessionEntry(entry, this.#entrySealer), ...state });
    sessionOf(req)[state.waiting ? waitingKeyOf(sessionKey) : sessionKey] = text;
    const opened = this.#entries.read(text)?.open();
    if (opened === undefined) throw new Error('An entry of a session was written that cannot be read');
    return loginHandle(this.#placeIn(req), opened, this.recordsFromStart);
  }

  /** Reads a session entry with the keys of this strategy; returns undefined if it cannot. */
  readEntry(text: string): ReadEntry | undefined {
    return this.#entries.read(text);
  }

  /** Evicts a login that has ended from the cache. */
  forget(loginId: string): void {
    this.#entries.forget(loginId);
  }

  /**
   * Checks that the storage keeps what is written to it. A storage that is down passes; its failure shows up later.
   *
   * @throws PolarConfigurationError `unsupported_storage`
   */
  checkStorage(req: Request): Promise<void> {
    return this.#placeIn(req).storage.checkIfReachable();
  }

  /** Storages of login attempts: the app's own, if any, then the session store of this request. */
  storagesOf(req: Request): GuardedStorage[] {
    const sessions = this.#sessionStorageOf(req);
    return this.#ownStorage === undefined ? [sessions] : [this.#ownStorage, sessions];
  }

  /** Reports, once per session, an entry that cannot be opened. */
  onUnreadable(sessionID: string): void {
    if (this.#reported.get(sessionID)) return;
    this.#reported.set(sessionID, true);
    publish('login', { event: 'entry-unreadable', sessionKey: this.#options.sessionKey });
  }

  #guarded(storage: PolarStorage): GuardedStorage {
    const { timeoutMs } = this.#options;
    return new GuardedStorage(storage, Math.min(timeoutMs * storeShareOfTimeout, maxStoreTimeoutMs));
  }

  #sessionStorageOf({ sessionStore }: Request): GuardedStorage {
    const known = this.#sessionStorages.get(sessionStore);
    if (known !== undefined) return known;
    const made = this.#guarded(sessionStorage(sessionStore as never));
    this.#sessionStorages.set(sessionStore, made);
    return made;
  }

  // Read now: a logout removes the session from the request.
  #placeIn(req: Request): LoginPlace {
    return {
      storage: this.#ownStorage ?? this.#sessionStorageOf(req),
      ttlSeconds: Math.max(minRecordTtlSeconds, Math.ceil((req.session.cookie.originalMaxAge ?? 0) / 1000)),
    };
  }

  #entryIn(req: Request): ReadEntry | undefined {
    const session = (req as { session?: unknown }).session as Readonly<Record<string, unknown>> | undefined;
    const stored = session?.[this.#options.sessionKey];
    const found = this.#entries.read(stored);
    if (found === undefined) {
      if (stored !== undefined) this.onUnreadable(req.sessionID);
      return undefined;
    }
    return found.entry.waiting === undefined && this.#isOurs(found.entry) ? found : undefined;
  }

  // The tokens of one client or server must never reach another.
  #isOurs({ clientID, server }: Pick<LoginFacts, 'clientID' | 'server'>): boolean {
    return clientID === this.#options.credentials.clientID && server === this.#server;
  }
}
