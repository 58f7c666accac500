import { hash, randomBytes } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { Request } from 'express';
import { BoundedMap } from '../bounded-map.js';
import { PolarTransientError } from '../errors.js';
import { type Sealer, sealerDerivedFrom } from '../sealing/sealer.js';
import { type GuardedStorage, SilentStorageError } from '../storage/guarded-storage.js';
import type { StorageKey, StoredRow } from '../storage/polar-storage.js';
import { isStorageError } from '../storage/storage-error.js';
import {
  attemptCookieName,
  attemptCookieValues,
  type CookiePlace,
  hasAttemptCookie,
  hashOf,
  setAttemptCookie,
} from './attempt-cookie.js';
import {
  type AttemptRow,
  isUsed,
  type LoginAttempt,
  parseAttemptRow,
  type StoredAttempt,
  type UsedAttempt,
} from './login-attempt.js';

/** Why a response matches no attempt of this browser. */
export type AttemptProblem = 'unknown' | 'expired' | 'cookie_missing' | 'cookie_other' | 'used';
interface Problem {
  readonly problem: AttemptProblem;
  /** What the developer should know, if it is not what this problem usually means. */
  readonly hint?: string;
}

/** A response that arrived for the first time. */
export interface TakenAttempt {
  /** Identifies the attempt; it opens nothing. */
  readonly id: string;
  readonly attempt: LoginAttempt;
  /** Hash of the cookie's value; recognizes this browser later. */
  readonly cookieHash: string;
  /**
   * True if no other process has taken the attempt as well. To be called after the exchange: some stores tell two
   * writers that each was first, and Polar may issue tokens to both.
   */
  isOurs(): Promise<boolean>;
}

/** A response that arrived again, in the browser that started the attempt. */
export interface RepeatedAttempt {
  readonly id: string;
  readonly repeated: UsedAttempt;
  /** Marks the login as restarted; resolves with false if it already was. */
  restart(): Promise<boolean>;
}

const maxRemembered = 10_000;
const lagPausesMs = [100, 400, 1000];
const maxWaiting = 50;
const otherStrategy = 'This login was started by another strategy, for another client or server.';

/**
 * Login attempts. Each is a row in the store, named by a hash of its state and sealed with a key that only the cookie
 * of one browser holds. Neither the store, nor a log, nor the URL alone opens it, and a request without the cookie
 * cannot use it up.
 */
export class LoginAttempts {
  readonly #now: () => number;
  readonly #lifetimeSeconds: number;
  // Stores may tell two simultaneous writers that each was first; within this process, this map prevents that.
  readonly #takenHere = new BoundedMap<Promise<boolean>>(maxRemembered);
  readonly #restartedHere = new BoundedMap<true>(maxRemembered);
  #waiting = 0;

  constructor(options: { readonly now: () => number; readonly loginAttemptSeconds: number }) {
    this.#now = options.now;
    this.#lifetimeSeconds = options.loginAttemptSeconds;
  }

  /** Stores an attempt and sets the cookie in its browser. */
  async add(
    req: Request,
    storages: readonly GuardedStorage[],
    state: string,
    attempt: LoginAttempt,
    place: CookiePlace,
  ): Promise<void> {
    const id = attemptId(state);
    const key = randomBytes(32).toString('base64url');
    const cookie = attemptCookieName(id, place);
    const row = sealRow({ id, cookie, startedAt: this.#now() }, attempt, sealerOf(key));
    await askInTurn(storages, (storage) =>
      storage.write(keyOf(id), { version: 1, value: row }, this.#lifetimeSeconds, { isNew: true }),
    );
    // Outlives the attempt, so that a late response can be reported as expired.
    setAttemptCookie(req, cookie, key, place, 2 * this.#lifetimeSeconds);
  }

  /**
   * Takes the attempt of a state, once, before trusting anything that came with the state. A request without the right
   * cookie changes nothing, nor does one at the wrong strategy: a callback route may try several.
   */
  async take(
    req: Request,
    storages: readonly GuardedStorage[],
    state: string,
    isForUs: (attempt: StoredAttempt) => boolean,
  ): Promise<TakenAttempt | RepeatedAttempt | Problem> {
    const id = attemptId(state);
    const found = await this.#open(req, storages, id);
    if ('problem' in found) return found;
    const { attempt } = found;
    if (!isForUs(attempt)) return { problem: 'unknown', hint: otherStrategy };
    if (isUsed(attempt)) return this.#repeated({ ...found, attempt });
    const pending = this.#takenHere.get(id);
    if (pending !== undefined) {
      await pending.catch(() => {});
      return this.#again(req, storages, id);
    }
    const takenBy = randomBytes(16).toString('base64url');
    const taken = sealAgain(found, used(attempt, takenBy));
    const writing = this.#write(found, taken);
    this.#takenHere.set(id, writing);
    const isFirst = await writing.catch((error: unknown) => {
      // The write may or may not have succeeded: the row will tell the next request.
      this.#takenHere.delete(id);
      throw error;
    });
    if (!isFirst) return this.#again(req, storages, id);
    return {
      id,
      attempt,
      cookieHash: hashOf(found.cookieValue),
      isOurs: async () => {
        const { sealer, storage } = found;
        if (storage.atomic) return true;
        const stored = await storage.read(keyOf(id)).catch(unavailable);
        if (stored?.value === taken) return true;
        const now = unsealRow(id, stored, sealer);
        // No other process takes an attempt by removing its row, and a write may become visible a moment late.
        return now === undefined || !isUsed(now.attempt) || now.attempt.takenBy === takenBy;
      },
    };
  }

  /** Handles a response that another request has already taken. */
  async #again(
    req: Request,
    storages: readonly GuardedStorage[],
    id: string,
  ): Promise<RepeatedAttempt | Problem> {
    const found = await this.#open(req, storages, id);
    if ('problem' in found) return found;
    const { attempt } = found;
    // A write may become visible a moment late.
    return isUsed(attempt) ? this.#repeated({ ...found, attempt }) : { problem: 'used' };
  }

  #repeated(found: OpenedRow & { readonly attempt: UsedAttempt }): RepeatedAttempt {
    const { attempt, id } = found;
    return {
      id,
      repeated: attempt,
      restart: async () => {
        if (attempt.isRestarted || this.#restartedHere.get(id)) return false;
        this.#restartedHere.set(id, true);
        return this.#write(found, sealAgain(found, { ...attempt, isRestarted: true }));
      },
    };
  }

  #write({ id, row, storage, version }: OpenedRow, value: string): Promise<boolean> {
    return storage
      .write(keyOf(id), { version: version + 1, value }, this.#secondsLeft(row.startedAt))
      .catch(unavailable);
  }

  async #open(req: Request, storages: readonly GuardedStorage[], id: string): Promise<OpenedRow | Problem> {
    const isFromHere = hasAttemptCookie(req, id);
    let place = await rowIn(storages, id);
    // The row was written, but the store may show it a moment late.
    if (isFromHere && place === undefined && storages.some(({ shared }) => shared))
      place = await this.#whenVisible(storages, id);
    const row = place && parseAttemptRow(place.stored.value);
    if (place === undefined || row === undefined) return { problem: isFromHere ? 'expired' : 'unknown' };
    if (this.#secondsLeft(row.startedAt) <= 0) return { problem: 'expired' };
    const values = attemptCookieValues(req, row.cookie);
    for (const value of values) {
      const opened = unsealRow(id, place.stored, sealerOf(value));
      if (opened !== undefined) return { ...opened, storage: place.storage, cookieValue: value };
    }
    return { problem: values.length === 0 ? 'cookie_missing' : 'cookie_other' };
  }

  /**
   * Waits for a row to become visible. A browser with the cookie has started the attempt, but anyone can send such a
   * cookie, so few requests may wait at a time.
   */
  async #whenVisible(storages: readonly GuardedStorage[], id: string) {
    if (this.#waiting >= maxWaiting) return undefined;
    this.#waiting++;
    try {
      for (const pauseMs of lagPausesMs) {
        await delay(pauseMs);
        const place = await rowIn(storages, id);
        if (place !== undefined) return place;
      }
      return undefined;
    } finally {
      this.#waiting--;
    }
  }

  #secondsLeft(startedAt: number): number {
    // A clock that was set back must not keep an attempt alive.
    const ageMs = Math.abs(this.#now() - startedAt);
    return Math.ceil(this.#lifetimeSeconds - ageMs / 1000);
  }
}

interface OpenedRow extends UnsealedRow {
  readonly storage: GuardedStorage;
  readonly cookieValue: string;
}

interface UnsealedRow {
  readonly id: string;
  readonly attempt: StoredAttempt;
  readonly row: AttemptRow;
  readonly version: number;
  readonly sealer: Sealer;
}

function sealRow(
  { id, cookie, startedAt }: Pick<AttemptRow, 'cookie' | 'startedAt'> & { readonly id: string },
  attempt: StoredAttempt,
  sealer: Sealer,
): string {
  const sealed = sealer.seal(attempt, purposeOf({ id, cookie, startedAt }));
  return JSON.stringify({ cookie, startedAt, sealed });
}

/** Seals a row with its new content. */
const sealAgain = ({ id, row, sealer }: UnsealedRow, attempt: UsedAttempt): string =>
  sealRow({ id, ...row }, attempt, sealer);

function unsealRow(id: string, stored: StoredRow | undefined, sealer: Sealer): UnsealedRow | undefined {
  const row = stored && parseAttemptRow(stored.value);
  if (stored === undefined || row === undefined) return undefined;
  const attempt = sealer.unseal(row.sealed, purposeOf({ id, ...row }));
  return attempt === undefined
    ? undefined
    : { id, attempt: attempt as StoredAttempt, row, version: stored.version, sealer };
}

/**
 * Returns the first result of a store that is not down: while the app's own store is down, attempts are in the session
 * store.
 */
async function askInTurn<T>(
  storages: readonly GuardedStorage[],
  ask: (storage: GuardedStorage) => Promise<T | undefined>,
): Promise<T | undefined> {
  let problem: unknown;
  for (const storage of storages) {
    try {
      const found = await ask(storage);
      if (found !== undefined) return found;
    } catch (error) {
      problem = error;
    }
  }
  // The row may be in a store that is down.
  return problem === undefined ? undefined : unavailable(problem);
}

const rowIn = (storages: readonly GuardedStorage[], id: string) =>
  askInTurn(storages, async (storage) => {
    const stored = await storage.read(keyOf(id));
    return stored && { storage, stored };
  });

function unavailable(cause: unknown): never {
  const isSilent = cause instanceof SilentStorageError;
  const advice =
    isStorageError(cause) && !isSilent
      ? cause.message
      : 'Check that the storage, by default the session store, is reachable.';
  throw new PolarTransientError(
    isSilent ? 'timeout' : 'server_error',
    `The storage for login attempts ${isSilent ? 'did not respond in time' : 'is unavailable'}. ${advice}`,
    { cause },
  );
}

function used(
  { nonce: _nonce, codeVerifier: _verifier, ...rest }: LoginAttempt,
  takenBy: string,
): UsedAttempt {
  return { ...rest, takenBy };
}

// Covers the fields outside the seal, so that no row can replace another or be given a later start.
const purposeOf = ({ id, cookie, startedAt }: { id: string; cookie: string; startedAt: number }): string =>
  `login-attempt:${JSON.stringify([id, cookie, startedAt])}`;

const sealerOf = (cookieValue: string): Sealer => sealerDerivedFrom(cookieValue, 'login attempts');

/** A hash, so that a list of the rows reveals no state. */
const attemptId = (state: string): string => hash('sha256', `attempt:${state}`, 'hex').slice(0, 32);

const keyOf = (id: string): StorageKey => ({ id, group: id });
