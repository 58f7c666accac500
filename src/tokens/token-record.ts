import { seal, unseal } from './sealing.js';
import type { StoredTokenRecord, TokenRecordStore } from './token-record-store.js';
import { parseStoredTokens, type TokenSet } from './token-set.js';

/** The truth about a login from its first refresh on. */
export type TokenRecord =
  | { readonly generation: number; readonly tokens: TokenSet }
  | { readonly generation: number; readonly loggedOut: true };

/** Ends a login for good: no refresh can ever reach this generation. */
export const loggedOutRecord: TokenRecord = { generation: Number.MAX_SAFE_INTEGER, loggedOut: true };

/** Where and under which key the record of one login is. */
export interface RecordPlace {
  readonly loginId: string;
  readonly recordKey: string;
  readonly records: TokenRecordStore;
  readonly ttlSeconds: number;
}

/** The record of a login, or undefined when there is none or it cannot be opened. */
export async function readRecord(place: RecordPlace): Promise<TokenRecord | undefined> {
  const stored = await place.records.get(place.loginId);
  return stored === undefined ? undefined : open(stored, place);
}

/** Writes a record; false when one of the same or a higher generation is there already. */
export async function writeRecord(place: RecordPlace, record: TokenRecord): Promise<boolean> {
  const { generation, ...content } = record;
  const sealed = await seal(content, place.recordKey, purpose(place, generation));
  return place.records.put(place.loginId, { generation, sealed }, { ttlSeconds: place.ttlSeconds });
}

async function open(stored: StoredTokenRecord, place: RecordPlace): Promise<TokenRecord | undefined> {
  const content = await unseal(stored.sealed, place.recordKey, purpose(place, stored.generation));
  if (typeof content !== 'object' || content === null) return undefined;
  if ((content as { loggedOut?: unknown }).loggedOut === true)
    return { generation: stored.generation, loggedOut: true };
  const tokens = parseStoredTokens((content as { tokens?: unknown }).tokens);
  return tokens === undefined ? undefined : { generation: stored.generation, tokens };
}

// Names login and generation, so that a store cannot pass one login's record, or an old one, off as another.
const purpose = (place: RecordPlace, generation: number): string =>
  `token-record:${place.loginId}:${generation}`;
