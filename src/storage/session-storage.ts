import { types } from 'node:util';
import { type PolarStorage, parseStoredRow, type StoredRow } from './polar-storage.js';

/** The methods used of an express-session store. */
export interface SessionStore {
  get(sid: string, callback: (error: unknown, session?: unknown) => void): void;
  set(sid: string, session: never, callback?: (error?: unknown) => void): void;
  destroy(sid: string, callback?: (error?: unknown) => void): void;
  touch?(sid: string, session: never, callback?: (error?: unknown) => void): void;
}

const storages = new WeakMap<object, PolarStorage>();

/**
 * Keeps rows in the session store itself, each in the shape of a session, so that every express-session store accepts
 * them. No cookie can open such a row: express-session signs the ids in its cookies.
 */
export function sessionStorage(store: SessionStore): PolarStorage {
  const known = storages.get(store);
  if (known !== undefined) return known;
  const storage = storageOver(store);
  storages.set(store, storage);
  return storage;
}

function storageOver(store: SessionStore): PolarStorage {
  const read = async (id: string): Promise<StoredRow | undefined> => {
    const session = await called((done) => store.get(id, done)).catch(unlessMissing);
    return parseStoredRow((session as { polar?: unknown } | null | undefined)?.polar);
  };

  return {
    read: ({ id }) => read(id),
    async write({ id }, row, { ttlSeconds, isNew = false }) {
      const found = isNew ? undefined : await read(id);
      if (found !== undefined && isAhead(found, row)) return false;
      const lifetimeMs = ttlSeconds * 1000;
      const expires = new Date(Date.now() + lifetimeMs);
      const cookie = { originalMaxAge: lifetimeMs, maxAge: lifetimeMs, expires, httpOnly: true, path: '/' };
      const session = { cookie, polar: row } as never;
      // A renewal must not undo a concurrent write by another process.
      const isRenewal = found?.version === row.version && store.touch !== undefined;
      await called((done) => (isRenewal ? store.touch?.(id, session, done) : store.set(id, session, done)));
      return true;
    },
    async remove({ id }, row) {
      const found = await read(id);
      if (found?.version !== row.version || found.value !== row.value) return;
      await called((done) => store.destroy(id, done)).catch(unlessMissing);
    },
    // With the MemoryStore of express-session or the memorystore package, there is no other process.
    shared: store.constructor.name !== 'MemoryStore',
    atomic: false,
    // connect-redis with the app's own `ttl`, memorystore and others apply their own idle time.
    forgetsIdle: true,
  };
}

const isAhead = (found: StoredRow, row: StoredRow): boolean =>
  found.version > row.version || (found.version === row.version && found.value !== row.value);

type Done = (error?: unknown, found?: unknown) => void;

/** Calls a method of the store. An async one may also reject, which express-session ignores. */
function called(call: (done: Done) => unknown): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const returned = call((error, found) => (error ? reject(error) : resolve(found)));
    // Native promises only: the `then` of some query builders runs the query again.
    if (types.isPromise(returned)) returned.catch(reject);
  });
}

// Some stores report a missing session as ENOENT; express-session, too, treats that as "no session".
function unlessMissing(error: { readonly code?: unknown }): void {
  if (error.code !== 'ENOENT') throw error;
}
