import { parseStoredRecord, type StoredTokenRecord, type TokenRecordStore } from './token-record-store.js';

/** What is used of an express-session store. */
export interface SessionStore {
  get(sid: string, callback: (error: unknown, session?: unknown) => void): void;
  set(sid: string, session: never, callback?: (error?: unknown) => void): void;
}

// Not session ids that express-session could make, so no cookie ever names them. The end of a login has a key of its
// own: session stores know no compare-and-set, and a slow write of a refresh must not overwrite it.
const recordKey = (loginId: string): string => `polar-tokens.${loginId}`;
const endKey = (loginId: string): string => `polar-tokens.${loginId}.ended`;
const endGeneration = Number.MAX_SAFE_INTEGER;

const recordsOfStore = new WeakMap<object, TokenRecordStore>();

/**
 * Keeps token records in the session's own store, each beside the session under a key of its own, in the shape
 * of a session so that every express-session store takes it.
 */
export function sessionStoreRecords(store: SessionStore): TokenRecordStore {
  const known = recordsOfStore.get(store);
  if (known !== undefined) return known;

  const read = async (key: string): Promise<StoredTokenRecord | undefined> => {
    const session = await new Promise<unknown>((resolve, reject) => {
      store.get(key, (error, found) => (isRealError(error) ? reject(error) : resolve(found)));
    });
    return parseStoredRecord((session as { polar?: unknown } | null | undefined)?.polar);
  };
  const write = (key: string, record: StoredTokenRecord, lifetimeMs: number): Promise<void> => {
    const expires = new Date(Date.now() + lifetimeMs);
    const cookie = { originalMaxAge: lifetimeMs, maxAge: lifetimeMs, expires, httpOnly: true, path: '/' };
    return new Promise((resolve, reject) => {
      store.set(key, { cookie, polar: record } as never, (error) => (error ? reject(error) : resolve()));
    });
  };

  const records: TokenRecordStore = {
    async get(loginId) {
      const [end, record] = await Promise.all([read(endKey(loginId)), read(recordKey(loginId))]);
      return end ?? record;
    },
    async put(loginId, record, { ttlSeconds }) {
      const present = await records.get(loginId);
      if (present !== undefined && present.generation >= record.generation) return false;
      const isEnd = record.generation === endGeneration;
      await write(isEnd ? endKey(loginId) : recordKey(loginId), record, ttlSeconds * 1000);
      // Ended between the look and the write? The end wins, and the writer has to know.
      return isEnd || (await read(endKey(loginId))) === undefined;
    },
    // express-session's MemoryStore and the memorystore package: this process is all there is.
    shared: store.constructor.name !== 'MemoryStore',
  };
  recordsOfStore.set(store, records);
  return records;
}

// Some stores report a missing session as ENOENT, which express-session too takes for "none".
function isRealError(error: unknown): boolean {
  return Boolean(error) && (error as { code?: unknown }).code !== 'ENOENT';
}
