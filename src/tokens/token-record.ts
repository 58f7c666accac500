import { within } from '../within.js';
import type { Sealer } from './sealing.js';
import { parseStoredRecord, type StoredTokenRecord, type TokenRecordStore } from './token-record-store.js';
import { parseStoredTokens, type TokenSet } from './token-set.js';

/** The newest tokens of a login, from its first refresh on. */
export interface TokenRecord {
  /** Grows with every refresh. */
  readonly generation: number;
  readonly tokens: TokenSet;
  /** When Polar issued them, in milliseconds since the epoch. */
  readonly mintedAt: number | undefined;
}

/** What stays the same from login to logout, and is needed for a refresh. */
export interface LoginFacts {
  /** Polar's id of the user: a refreshed id_token must mean the same. */
  readonly subject: string;
  /** The nonce of the login: a refreshed id_token that has one must have this. */
  readonly nonce: string;
  /** The client and server that issued the tokens: they are sent nowhere else. */
  readonly clientID: string;
  readonly server: string;
}

/** Where the record of one login is. */
export interface RecordPlace {
  readonly loginId: string;
  readonly records: TokenRecordStore;
  readonly ttlSeconds: number;
  /** Milliseconds after which a store that does not answer counts as down. */
  readonly storeTimeoutMs: number;
}

/** The same with what seals it. */
export interface SealedRecordPlace extends RecordPlace {
  readonly sealer: Sealer;
}

/** There is a record, but it is sealed with a key that this process does not have (yet). */
export class UnopenableRecordError extends Error {
  override readonly name = 'UnopenableRecordError';

  constructor(readonly generation: number) {
    super('The token record is sealed with a key that is not among the encryptionKeys of this process');
  }
}

/**
 * The record of a login, or undefined when there is none, or one that nobody can open.
 *
 * @throws UnopenableRecordError, which is not the same as none: what is known without it may be dead
 */
export async function readRecord(place: SealedRecordPlace): Promise<TokenRecord | undefined> {
  const opened = await open(place);
  return opened && recordIn(opened.content, opened.generation);
}

/**
 * The record of a login of which nothing else is known; undefined also where it does not say enough.
 *
 * @throws UnopenableRecordError
 */
export async function readLogin(
  place: SealedRecordPlace,
): Promise<(TokenRecord & { readonly facts: LoginFacts; readonly ttlSeconds: number }) | undefined> {
  const opened = await open(place);
  const record = opened && recordIn(opened.content, opened.generation);
  const facts = opened && parseLoginFacts(opened.content['facts']);
  if (record === undefined || facts === undefined) return undefined;
  const ttlSeconds = Number(opened?.content['ttlSeconds']) || place.ttlSeconds;
  return { ...record, facts, ttlSeconds };
}

/** Writes a record; false when one of the same or a higher generation is there already. */
export async function writeRecord(
  place: SealedRecordPlace & { readonly facts: LoginFacts },
  record: TokenRecord,
): Promise<boolean> {
  const { facts, ttlSeconds } = place;
  const { generation, tokens, mintedAt } = record;
  const sealed = await place.sealer.seal({ tokens, mintedAt, facts, ttlSeconds }, purpose(place, generation));
  return put(place, place.loginId, { generation, sealed });
}

// The end of a login has a row of its own. Whoever ends one writes this row and then reads the record, whoever
// refreshes writes the record and then reads this row: one of the two sees the other, in every kind of store.
// It counts by being there: a process with other keys must be able to write and to see it. Whoever could forge it in the
// store could as well delete the login.
const endRow = ({ loginId }: RecordPlace): string => `${loginId}.ended`;
const end = { generation: 1, sealed: 'ended' };

/** True when the login has been ended, in whatever process. */
export async function hasEnded(place: RecordPlace): Promise<boolean> {
  return (await read(place, endRow(place))) !== undefined;
}

/** What `readIt` makes of the record, or 'ended', which counts even where there is a record that cannot be read. */
export async function unlessEnded<T>(place: RecordPlace, readIt: () => Promise<T>): Promise<T | 'ended'> {
  const [isOver, record] = await Promise.allSettled([hasEnded(place), readIt()]);
  if (isOver.status === 'rejected') throw isOver.reason;
  if (isOver.value) return 'ended';
  if (record.status === 'rejected') throw record.reason;
  return record.value;
}

/** Marks the login as ended, for good and for every process. */
export async function writeEnd(place: RecordPlace): Promise<void> {
  await put(place, endRow(place), end);
}

/** What stays the same of a login, as it came out of storage; undefined where something is missing. */
export function parseLoginFacts(value: unknown): LoginFacts | undefined {
  const { subject, nonce, clientID, server } = (value ?? {}) as Record<string, unknown>;
  const areTexts = [subject, nonce, clientID, server].every(
    (each) => typeof each === 'string' && each !== '',
  );
  return areTexts ? ({ subject, nonce, clientID, server } as LoginFacts) : undefined;
}

async function open(place: SealedRecordPlace) {
  const stored = await read(place, place.loginId);
  if (stored === undefined) return undefined;
  const content = await place.sealer.unseal(stored.sealed, purpose(place, stored.generation));
  if (content === undefined && place.sealer.lacksKeyOf(stored.sealed))
    throw new UnopenableRecordError(stored.generation);
  if (typeof content !== 'object' || content === null) return undefined;
  return { generation: stored.generation, content: content as Readonly<Record<string, unknown>> };
}

function recordIn(content: Readonly<Record<string, unknown>>, generation: number): TokenRecord | undefined {
  const tokens = parseStoredTokens(content['tokens']);
  const mintedAt = typeof content['mintedAt'] === 'number' ? content['mintedAt'] : undefined;
  return tokens && { generation, tokens, mintedAt };
}

async function read(place: RecordPlace, row: string) {
  return parseStoredRecord(
    await answerOf(
      place,
      asPromise(() => place.records.get(row)),
      'Reading a token record',
    ),
  );
}

async function put(place: RecordPlace, row: string, record: StoredTokenRecord): Promise<boolean> {
  const { records, ttlSeconds } = place;
  const written = asPromise(() => records.put(row, record, { ttlSeconds }));
  return answerOf(place, written, 'Writing a token record');
}

/** Stores in plain JavaScript may answer, or throw, at once. */
const asPromise = async <T>(ask: () => T | Promise<T>): Promise<T> => ask();

// Stores that have not answered in time, and have not answered since. A refresh asks its store several times in a row:
// without this, somebody would wait for the whole of it while each one times out.
const silentStores = new WeakSet<TokenRecordStore>();
const silentStoreTimeoutMs = 250;

/** What a store answers, or an error when it takes too long: not as long for one that has just been silent. */
async function answerOf<T>(
  { records, storeTimeoutMs }: RecordPlace,
  asked: Promise<T>,
  what: string,
): Promise<T> {
  let hasAnswered = false;
  // Also an answer that nobody waits for any more shows that the store is back.
  const answered = (): void => {
    hasAnswered = true;
    silentStores.delete(records);
  };
  asked.then(answered, answered);
  const waitMs = silentStores.has(records) ? Math.min(storeTimeoutMs, silentStoreTimeoutMs) : storeTimeoutMs;
  try {
    return await within(asked, waitMs, what);
  } catch (error) {
    if (!hasAnswered) silentStores.add(records);
    throw error;
  }
}

// Names login and generation, so that a store cannot pass one login's record, or an old one, off as another.
const purpose = ({ loginId }: RecordPlace, generation: number): string =>
  `token-record:${loginId}:${generation}`;
