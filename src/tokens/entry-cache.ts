import { BoundedMap } from '../bounded-map.js';
import { firstOf, type Sealer, sealerWithKey } from '../sealing/sealer.js';
import { loginIdIn, parseEntryText } from './entry-text.js';
import { type OpenEntry, openSessionEntry, type SessionEntry } from './session-entry.js';
import type { UserIdentities } from './user-identity.js';

/**
 * Reads entries of sessions, and remembers those that it has read, so that a login in use costs neither parsing nor
 * cryptography. An entry is found again by its whole text: what stands outside its seal is bound to it.
 */
export class EntryCache {
  readonly #parts: EntryCacheParts;
  readonly #read: BoundedMap<ReadEntry>;

  /** @param limit how many entries are remembered, some 2 KB each */
  constructor(parts: EntryCacheParts, limit: number) {
    this.#parts = parts;
    this.#read = new BoundedMap(limit);
  }

  /** The entry of a text; undefined where it is none. */
  read(text: unknown): ReadEntry | undefined {
    if (typeof text !== 'string') return undefined;
    const loginId = loginIdIn(text);
    const known = loginId === undefined ? undefined : this.#read.get(loginId);
    if (known?.text === text) return known;
    const entry = parseEntryText(text);
    if (entry === undefined) return undefined;
    const read = new ReadEntry(text, entry, this.#parts);
    // A session may bring it back for as long as it lives.
    if (!this.#parts.isEnded(entry.loginId)) this.#read.set(entry.loginId, read);
    return read;
  }

  /** Forgets what was opened of a login that has ended. */
  forget(loginId: string): void {
    this.#read.delete(loginId);
  }
}

/** What an {@link EntryCache} is given. */
export interface EntryCacheParts {
  /** Opens sealed entries; undefined where the app has no keys. */
  readonly entrySealer: Sealer | undefined;
  /** Seals and opens token records; undefined where each login has a key of its own. */
  readonly recordSealer: Sealer | undefined;
  readonly users: UserIdentities;
  /** True for a login that is known to have ended, or to be refused by Polar. */
  isEnded(loginId: string): boolean;
}

/** An entry with the key to its record. */
export interface OpenedEntry {
  readonly entry: OpenEntry;
  readonly recordSealer: Sealer;
}

/** An entry that has been read, with what has been found out about it. */
export class ReadEntry {
  readonly text: string;
  readonly entry: SessionEntry;
  readonly #parts: EntryCacheParts;
  #opened: OpenedEntry | undefined;
  #owner: string | undefined;

  constructor(text: string, entry: SessionEntry, parts: EntryCacheParts) {
    this.text = text;
    this.entry = deepFreeze(entry);
    this.#parts = parts;
  }

  /** True when it is the login of this serialized user. */
  isOf(user: unknown): boolean {
    const { users } = this.#parts;
    if (user === undefined) return false;
    const name = users.nameOf(user);
    if (name !== undefined && name === this.#owner) return true;
    if (!users.isOf(this.entry.user, user)) return false;
    // An object that only claims to be of Polar is this user by its value, which its name does not tell.
    if (name !== undefined && users.of(user) === this.entry.user) this.#owner = name;
    return true;
  }

  /** Opens it; undefined where the key is missing or something was changed. */
  open(): OpenedEntry | undefined {
    if (this.#opened !== undefined) return this.#opened;
    const { entrySealer, recordSealer } = this.#parts;
    const entry = openSessionEntry(this.entry, entrySealer);
    if (entry === undefined) return undefined;
    const ownKey = sealerWithKey(entry.recordKey);
    // Records of before encryptionKeys were given are opened, too.
    const sealer = recordSealer === undefined ? ownKey : firstOf([recordSealer, ownKey]);
    this.#opened = Object.freeze({ entry: deepFreeze(entry), recordSealer: sealer });
    return this.#opened;
  }
}

/** What is remembered is handed out again and again. */
function deepFreeze<T extends object>(value: T): T {
  for (const each of Object.values(value)) if (typeof each === 'object' && each !== null) deepFreeze(each);
  return Object.freeze(value);
}
