import { PolarLoginRequiredError } from '../errors.js';
import type { TokenRefresher } from '../refresh/token-refresher.js';
import type { OpenedEntry, ReadEntry } from '../tokens/entry-cache.js';
import { scopesOf } from '../tokens/session-entry.js';
import type { LoginHandle, RecordPlace } from '../tokens/token-record.js';

/** Storage and lifetime of the rows of a login. */
export type LoginPlace = Omit<RecordPlace, 'loginId'>;

/** Dependencies of a {@link SessionLogin}. */
export interface SessionLoginParts {
  readonly refresher: TokenRefresher;
  /** True if every login is recorded when it begins. */
  readonly recordsFromStart: boolean;
  /** Called with the id of a session whose entry cannot be opened. */
  onUnreadable(sessionID: string): void;
}

/** A login read from a session entry, unopened. A class for speed: every request that uses its login creates one or more. */
export class SessionLogin {
  readonly #parts: SessionLoginParts;
  readonly #found: ReadEntry;
  readonly #place: LoginPlace;
  readonly #sessionID: string;

  constructor(parts: SessionLoginParts, found: ReadEntry, place: LoginPlace, sessionID: string) {
    this.#parts = parts;
    this.#found = found;
    this.#place = place;
    this.#sessionID = sessionID;
  }

  get loginId(): string {
    return this.#found.entry.loginId;
  }

  /** Id of the login attempt that created the login. */
  get attempt(): string | undefined {
    return this.#found.entry.attempt;
  }

  /** When Polar issued the tokens of the login, in milliseconds since the epoch. */
  get issuedAt(): number {
    return this.#found.entry.issuedAt;
  }

  /** True until the app logs its user in. */
  get isWaiting(): boolean {
    return this.#found.entry.waiting !== undefined;
  }

  /** Scopes of the newest known tokens. */
  get scopes(): readonly string[] {
    const known = this.#parts.refresher.peek(this.loginId);
    return [...(known === undefined ? scopesOf(this.#found.entry) : (known.tokens?.scopes ?? []))];
  }

  /** Scopes requested at login. */
  get askedScopes(): readonly string[] {
    return this.#found.entry.askedScopes;
  }

  /** Id of the organization for which a guard requested the login. */
  get askedOrganization(): string | undefined {
    return this.#found.entry.askedOrganization;
  }

  /** Location of its token record; needs no key. */
  get place(): RecordPlace {
    return { ...this.#place, loginId: this.loginId };
  }

  /**
   * Opens the session entry.
   *
   * @throws PolarLoginRequiredError `not_logged_in` if the entry cannot be opened
   */
  open(): LoginHandle {
    const opened = this.#found.open();
    if (opened !== undefined) return loginHandle(this.#place, opened, this.#parts.recordsFromStart);
    this.#parts.onUnreadable(this.#sessionID);
    throw new PolarLoginRequiredError(
      'not_logged_in',
      'The login in this session can no longer be decrypted. Log in with Polar again.',
    );
  }

  /** Revalidates the login in the background, at most once a minute, to notice what other processes did to it. */
  revalidateInBackground(): void {
    const { refresher, recordsFromStart } = this.#parts;
    if (!refresher.isStale(this.loginId)) return;
    const opened = this.#found.open();
    if (opened !== undefined)
      refresher.revalidateInBackground(loginHandle(this.#place, opened, recordsFromStart));
  }
}

/**
 * Creates the handle of a login from its opened session entry.
 *
 * @param recordsFromStart true if every login is recorded when it begins
 */
export function loginHandle(
  { storage, ttlSeconds }: LoginPlace,
  { entry, recordSealer }: OpenedEntry,
  recordsFromStart: boolean,
): LoginHandle {
  const { clientID, loginId, issuedAt, nonce, server, subject, tokens } = entry;
  return {
    loginId,
    facts: { subject, nonce, clientID, server },
    initial: { generation: 0, tokens, issuedAt },
    sealer: recordSealer,
    recordsFromStart: recordsFromStart,
    storage,
    ttlSeconds,
  };
}
