import { BoundedMap } from '../bounded-map.js';
import { firstOf, type Sealer, sealerWithKey } from '../sealing/sealer.js';
import { loginIdIn, parseEntryText } from './entry-text.js';
import { type OpenEntry, openSessionEntry, type SessionEntry } from './session-entry.js';
import type { UserIdentities } from './user-identity.js';

/**
 * Reads session entries and caches them, so that a login in use costs neither parsing nor cryptography. The key is the whole
 * text of an entry, because its unsealed part is bound to the sealed one.
 */
export class EntryCache {
  readonly #parts: EntryCacheParts;
  readonly #read: BoundedMap<ReadEntry>;

  /** @param limit maximum number of cached entries, about 2 KB each */
  constructor(parts: EntryCacheParts, limit: number) {
    this.#parts = parts;
    this.#read = new BoundedMap(limit);
  }

  /** Reads an entry; returns undefined if the text is none. */
  read(text: unknown): ReadEntry | undefined {
    if (typeof text !== 'string') return undefined;
    const loginId = loginIdIn(text);
    const known = loginId === undefined ? undefined : this.#read.get(loginId);
    if (known?.text === text) return known;
    const entry = parseEntryText(text);
    if (entry === undefined) return undefined;
    const read = new ReadEntry(text, entry, this.#parts);
    // Not cached after its end, although its session may still contain it.
    if (!this.#parts.isEnded(entry.loginId)) this.#read.set(entry.loginId, read);
    return read;
  }

  /** Evicts a login that has ended. */
  forget(loginId: string): void {
    this.#read.delete(loginId);
  }
}

/** Dependencies of {@link EntryCache}. */
export interface EntryCacheParts {
  /** Opens sealed entries; undefined if the app has no keys. */
  readonly entrySealer: Sealer | undefined;
  /** Seals and opens token records; undefined if each login has its own key. */
  readonly recordSealer: Sealer | undefined;
  readonly users: UserIdentities;
  /** True if this process knows that the login has ended, or that Polar refuses it. */
  isEnded(loginId: string): boolean;
}

/** A decrypted entry, with the sealer of its record. */
export interface OpenedEntry {
  readonly entry: OpenEntry;
  readonly recordSealer: Sealer;
}

/** A parsed entry, which caches its decrypted content and its owner. */
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

  /** True if it is the login of this serialized user. */
  isOf(user: unknown): boolean {
    const { users } = this.#parts;
    if (user === undefined) return false;
    const name = users.nameOf(user);
    if (name !== undefined && name === this.#owner) return true;
    if (!users.isOf(this.entry.user, user)) return false;
    // An object that only claims to be a Polar profile is identified by its whole value, of which the name says nothing.
    if (name !== undefined && users.of(user) === this.entry.user) this.#owner = name;
    return true;
  }

  /** Decrypts it; returns undefined if the key is missing or the entry was changed. */
  open(): OpenedEntry | undefined {
    if (this.#opened !== undefined) return this.#opened;
    const { entrySealer, recordSealer } = this.#parts;
    const entry = openSessionEntry(this.entry, entrySealer);
    if (entry === undefined) return undefined;
    const ownKey = sealerWithKey(entry.recordKey);
    // Also opens records from before the app had encryptionKeys.
    const sealer = recordSealer === undefined ? ownKey : firstOf([recordSealer, ownKey]);
    this.#opened = Object.freeze({ entry: deepFreeze(entry), recordSealer: sealer });
    return this.#opened;
  }
}

// Cached values are handed out repeatedly.
function deepFreeze<T extends object>(value: T): T {
  for (const each of Object.values(value)) if (typeof each === 'object' && each !== null) deepFreeze(each);
  return Object.freeze(value);
}
