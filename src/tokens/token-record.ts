import { within } from '../within.js';
import { seal, unseal } from './sealing.js';
import { parseStoredRecord, type StoredTokenRecord, type TokenRecordStore } from './token-record-store.js';
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
  /** Milliseconds after which a store that does not answer counts as down. */
  readonly storeTimeoutMs: number;
}

/** The record of a login, or undefined when there is none or it cannot be opened. */
export async function readRecord(place: RecordPlace): Promise<TokenRecord | undefined> {
  const stored = await within(
    place.records.get(place.loginId),
    place.storeTimeoutMs,
    'Reading a token record',
  );
  const record = parseStoredRecord(stored);
  return record === undefined ? undefined : open(record, place);
}

/** Writes a record; false when one of the same or a higher generation is there already. */
export async function writeRecord(place: RecordPlace, record: TokenRecord): Promise<boolean> {
  const { generation, ...content } = record;
  const sealed = await seal(content, place.recordKey, purpose(place, generation));
  const written = place.records.put(place.loginId, { generation, sealed }, { ttlSeconds: place.ttlSeconds });
  return within(written, place.storeTimeoutMs, 'Writing a token record');
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
