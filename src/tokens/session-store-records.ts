import type { StoredTokenRecord, TokenRecordStore } from './token-record-store.js';

/** What is used of an express-session store. */
export interface SessionStore {
  get(sid: string, callback: (error: unknown, session?: unknown) => void): void;
  set(sid: string, session: never, callback?: (error?: unknown) => void): void;
}

// Not a session id that express-session could make, so no cookie ever names it.
const recordKey = (loginId: string): string => `polar-tokens.${loginId}`;

const recordsOfStore = new WeakMap<object, TokenRecordStore>();

/**
 * Keeps token records in the session's own store, each beside the session under a key of its own, in the shape
 * of a session so that every express-session store takes it. Session stores know no compare-and-set, so the
 * generation is checked just before the write.
 */
export function sessionStoreRecords(store: SessionStore): TokenRecordStore {
  const known = recordsOfStore.get(store);
  if (known !== undefined) return known;

  const get = async (loginId: string): Promise<StoredTokenRecord | undefined> => {
    const session = await new Promise<unknown>((resolve, reject) => {
      store.get(recordKey(loginId), (error, found) => {
        if (isRealError(error)) reject(error);
        else resolve(found);
      });
    });
    return parseRecord((session as { polar?: unknown } | null | undefined)?.polar);
  };

  const records: TokenRecordStore = {
    get,
    async put(loginId, record, { ttlSeconds }) {
      const present = await get(loginId);
      if (present !== undefined && present.generation >= record.generation) return false;
      const lifetimeMs = ttlSeconds * 1000;
      const cookie = {
        originalMaxAge: lifetimeMs,
        maxAge: lifetimeMs,
        expires: new Date(Date.now() + lifetimeMs),
        httpOnly: true,
        path: '/',
      };
      await new Promise<void>((resolve, reject) => {
        store.set(recordKey(loginId), { cookie, polar: record } as never, (error) =>
          error ? reject(error) : resolve(),
        );
      });
      return true;
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

function parseRecord(value: unknown): StoredTokenRecord | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const { generation, sealed } = value as Record<string, unknown>;
  if (typeof generation !== 'number' || !Number.isSafeInteger(generation) || typeof sealed !== 'string')
    return undefined;
  return { generation, sealed };
}
