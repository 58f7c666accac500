import { parseStoredRecord, type StoredTokenRecord, type TokenRecordStore } from './token-record-store.js';

/** What is used of an express-session store. */
export interface SessionStore {
  get(sid: string, callback: (error: unknown, session?: unknown) => void): void;
  set(sid: string, session: never, callback?: (error?: unknown) => void): void;
}

// Not a session id that express-session could make, so no cookie ever names it.
const sidOf = (loginId: string): string => `polar-tokens.${loginId}`;

// Session stores know no compare-and-set: a slow write of an older record can land on a newer one.
const writeAttempts = 3;

const recordsOfStore = new WeakMap<object, TokenRecordStore>();

/**
 * Keeps token records in the session's own store, each beside the session under a key of its own, in the shape
 * of a session so that every express-session store takes it.
 */
export function sessionStoreRecords(store: SessionStore): TokenRecordStore {
  const known = recordsOfStore.get(store);
  if (known !== undefined) return known;

  const read = async (loginId: string): Promise<StoredTokenRecord | undefined> => {
    const session = await new Promise<unknown>((resolve, reject) => {
      store.get(sidOf(loginId), (error, found) => (isRealError(error) ? reject(error) : resolve(found)));
    });
    return parseStoredRecord((session as { polar?: unknown } | null | undefined)?.polar);
  };
  const write = (loginId: string, record: StoredTokenRecord, lifetimeMs: number): Promise<void> => {
    const expires = new Date(Date.now() + lifetimeMs);
    const cookie = { originalMaxAge: lifetimeMs, maxAge: lifetimeMs, expires, httpOnly: true, path: '/' };
    return new Promise((resolve, reject) => {
      store.set(sidOf(loginId), { cookie, polar: record } as never, (error) =>
        error ? reject(error) : resolve(),
      );
    });
  };

  const records: TokenRecordStore = {
    get: read,
    async put(loginId, record, { ttlSeconds }) {
      const before = await read(loginId);
      if (before !== undefined && before.generation >= record.generation) return false;
      for (let attempt = 1; attempt <= writeAttempts; attempt++) {
        await write(loginId, record, ttlSeconds * 1000);
        const now = await read(loginId);
        if (now?.generation === record.generation) return now.sealed === record.sealed;
        if (now !== undefined && now.generation > record.generation) return false;
      }
      throw new Error('The session store does not keep what is written to it');
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
