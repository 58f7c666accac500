import { PolarLoginRequiredError } from '../errors.js';
import type { LoginEndReason } from '../login-end-reason.js';
import { loggedOut, recordsUnreadable } from '../refresh/login-errors.js';
import type { TokenRefresher } from '../refresh/token-refresher.js';
import { rowOf } from '../storage/guarded-storage.js';
import { isLoginId, loginKeys } from '../storage/login-keys.js';
import {
  type LoginFacts,
  type LoginHandle,
  openLogin,
  type SealedRecordPlace,
} from '../tokens/token-record.js';
import { reasonIn } from '../tokens/tombstone.js';

/** Dependencies of {@link LoginsById}. */
export interface LoginsByIdParts extends Omit<SealedRecordPlace, 'loginId'> {
  readonly refresher: TokenRefresher;
  /** True if a login belongs to this client and server. */
  readonly isOurs: (facts: LoginFacts) => boolean;
}

/** Logins in the app's own storage, found by their id alone. */
export class LoginsById {
  readonly #parts: LoginsByIdParts;

  constructor(parts: LoginsByIdParts) {
    this.#parts = parts;
  }

  /**
   * Finds a login by its id.
   *
   * @throws PolarLoginRequiredError `not_logged_in`, `logged_out`
   * @throws PolarTransientError `server_error` while the storage cannot be read
   */
  async find(loginId: string): Promise<LoginHandle> {
    const found = await this.#lookUp(loginId);
    if (found === 'ended') throw loggedOut();
    if (found === undefined) throw noSuchLogin();
    // Another process may have refreshed since this one last read the storage.
    this.#parts.refresher.begin(found);
    return found;
  }

  /**
   * Ends the login with this id, unless it has already ended.
   *
   * @throws PolarLoginRequiredError `not_logged_in` if the id is malformed, or the login belongs to another client
   * @throws PolarTransientError `server_error` while the storage cannot be read
   */
  async end(loginId: string, reason: LoginEndReason): Promise<void> {
    const { refresher } = this.#parts;
    const found = await this.#lookUp(loginId);
    if (found === 'ended') return;
    if (found !== undefined) return refresher.end(found, reason);
    // The record has expired, or is still to be written by a process whose storage was down.
    await refresher.endUnopened(this.#place(loginId), reason);
  }

  async #lookUp(loginId: string): Promise<LoginHandle | 'ended' | undefined> {
    if (!isLoginId(loginId)) throw noSuchLogin();
    const place = this.#place(loginId);
    const keys = loginKeys(loginId);
    try {
      const [ended, row] = await place.storage.run([{ read: keys.tombstone }, { read: keys.record }]);
      const end = rowOf(ended);
      if (end !== undefined) {
        // The cache of this process may still have its tokens.
        this.#parts.refresher.learnEnd(loginId, reasonIn(end));
        return 'ended';
      }
      const found = openLogin(place, rowOf(row));
      if (found === undefined) return undefined;
      if (this.#parts.isOurs(found.facts)) return found;
    } catch (cause) {
      throw recordsUnreadable(cause);
    }
    throw noSuchLogin();
  }

  #place(loginId: string): SealedRecordPlace {
    const { sealer, storage, ttlSeconds } = this.#parts;
    return { loginId, sealer, storage, ttlSeconds };
  }
}

function noSuchLogin(): PolarLoginRequiredError {
  return new PolarLoginRequiredError(
    'not_logged_in',
    'The storage has no login with this id for this client.',
  );
}
