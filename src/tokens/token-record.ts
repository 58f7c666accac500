import { hash } from 'node:crypto';
import type { Sealer } from '../sealing/sealer.js';
import type { GuardedStorage } from '../storage/guarded-storage.js';
import type { StoredRow } from '../storage/polar-storage.js';
import { parseStoredTokens, type TokenSet } from './token-set.js';

/** The newest tokens of a login, from its first refresh on. */
export interface TokenRecord {
  /** Grows with every refresh. */
  readonly generation: number;
  readonly tokens: TokenSet;
  /** When Polar issued them, in milliseconds since the epoch. */
  readonly issuedAt: number | undefined;
  /** {@link fingerprint} of the refresh token that was exchanged for them, if known. */
  readonly replaces?: string | undefined;
}

/** Returns a hash that tells tokens apart and reveals none. */
export function fingerprint(tokens: TokenSet): string {
  return hash('sha256', tokens.refreshToken ?? tokens.accessToken, 'hex').slice(0, 32);
}

/** Facts of a login that never change, and that a refresh needs. */
export interface LoginFacts {
  /** Polar's id of the user. A refreshed id_token must have the same. */
  readonly subject: string;
  /** The nonce of the login. A refreshed id_token must have it, if it has one. */
  readonly nonce: string;
  /** The client and server that issued the tokens. They are sent nowhere else. */
  readonly clientID: string;
  readonly server: string;
}

/** Location and lifetime of the rows of one login. */
export interface RecordPlace {
  readonly loginId: string;
  readonly storage: GuardedStorage;
  readonly ttlSeconds: number;
}

/** {@link RecordPlace} with the sealer of the record. */
export interface SealedRecordPlace extends RecordPlace {
  readonly sealer: Sealer;
}

/** A login to keep alive. */
export interface LoginHandle extends SealedRecordPlace {
  readonly facts: LoginFacts;
  /** Its tokens when it was found, in its session entry or its record. Newer ones may be known by now. */
  readonly initial: TokenRecord;
  /** True if even the tokens issued at login are recorded. */
  readonly recordsFromStart: boolean;
}

/** The record is sealed with a key that this process does not have (yet). */
export class UnopenableRecordError extends Error {
  override readonly name = 'UnopenableRecordError';

  constructor(readonly generation: number) {
    super('The token record is encrypted with a key that is not in the encryptionKeys of this process');
  }
}

/**
 * Opens the record in a row; returns undefined without a row, or if no process can open it.
 *
 * @throws UnopenableRecordError if another process can open it: the cached tokens may be dead then
 */
export function openRecord(place: SealedRecordPlace, row: StoredRow | undefined): TokenRecord | undefined {
  const content = row && contentOf(place, row);
  return content && recordIn(content, row.version);
}

/**
 * Opens the record of a login of which only the id is known; returns undefined also if the record lacks its facts.
 *
 * @throws UnopenableRecordError
 */
export function openLogin(place: SealedRecordPlace, row: StoredRow | undefined): LoginHandle | undefined {
  const content = row && contentOf(place, row);
  const record = content && recordIn(content, row.version);
  const facts = content && parseLoginFacts(content['facts']);
  if (record === undefined || facts === undefined) return undefined;
  const ttlSeconds = Number(content?.['ttlSeconds']) || place.ttlSeconds;
  return { ...place, facts, initial: record, recordsFromStart: true, ttlSeconds };
}

/** Seals a record into a row. */
export function sealRecord(
  place: SealedRecordPlace & { readonly facts: LoginFacts },
  record: TokenRecord,
): StoredRow {
  const { facts, ttlSeconds } = place;
  const { generation, tokens, issuedAt, replaces } = record;
  const content = { tokens, issuedAt, replaces, facts, ttlSeconds };
  const value = place.sealer.seal(content, purpose(place, generation));
  return { version: generation, value };
}

/** Parses the facts of a login from storage; returns undefined if one is missing. */
export function parseLoginFacts(value: unknown): LoginFacts | undefined {
  const { subject, nonce, clientID, server } = (value ?? {}) as Record<string, unknown>;
  const areTexts = [subject, nonce, clientID, server].every(
    (each) => typeof each === 'string' && each !== '',
  );
  return areTexts ? ({ subject, nonce, clientID, server } as LoginFacts) : undefined;
}

function contentOf(place: SealedRecordPlace, row: StoredRow) {
  const content = place.sealer.unseal(row.value, purpose(place, row.version));
  if (content === undefined && place.sealer.lacksKeyOf(row.value))
    throw new UnopenableRecordError(row.version);
  if (typeof content !== 'object' || content === null) return undefined;
  return content as Readonly<Record<string, unknown>>;
}

function recordIn(content: Readonly<Record<string, unknown>>, generation: number): TokenRecord | undefined {
  const tokens = parseStoredTokens(content['tokens']);
  const issuedAt = typeof content['issuedAt'] === 'number' ? content['issuedAt'] : undefined;
  const replaces = typeof content['replaces'] === 'string' ? content['replaces'] : undefined;
  return tokens && { generation, tokens, issuedAt, ...(replaces !== undefined && { replaces }) };
}

// Names login and generation, so that a store cannot pass one login's record, or an old one, off as another.
const purpose = ({ loginId }: RecordPlace, generation: number): string =>
  `token-record:${loginId}:${generation}`;
