/** Rows in the session store, each in the shape of a session, so that every store for express-session accepts them. */
import { beforeEach, describe, expect, it } from '@jest/globals';
import session from 'express-session';
import memoryStore from 'memorystore';
import type { PolarStorage } from 'passport-polar-sh';
import { type SessionStore, sessionStorage } from '../../src/storage/session-storage.js';

const key = { id: '0123456789abcdef0123456789abcdef', group: 'f'.repeat(32) };
const row = (version: number, value = 's') => ({ version, value });
const ttlSeconds = 3600;

describe('a row in a session store', () => {
  let store: session.MemoryStore;
  let storage: PolarStorage;
  const inStore = (sid: string): Promise<Record<string, unknown> | null | undefined> =>
    new Promise((resolve, reject) =>
      store.get(sid, (error, found) => (error ? reject(error) : resolve(found as never))),
    );
  const sids = (): Promise<string[]> =>
    new Promise((resolve, reject) =>
      store.all((error, all) => (error ? reject(error) : resolve(Object.keys(all ?? {})))),
    );
  beforeEach(() => {
    store = new session.MemoryStore();
    storage = sessionStorage(store);
  });

  it('looks like a session with its lifetime, under its id alone', async () => {
    const before = Date.now();
    await storage.write(key, row(1), { ttlSeconds });
    expect(await sids()).toEqual([key.id]);
    const found = await inStore(key.id);
    expect(found?.['polar']).toEqual(row(1));
    const cookie = found?.['cookie'] as Record<string, unknown> | undefined;
    const { originalMaxAge, expires, httpOnly, path } = cookie ?? {};
    expect({ originalMaxAge, httpOnly, path }).toEqual({
      originalMaxAge: 3_600_000,
      httpOnly: true,
      path: '/',
    });
    const expiresAt = new Date(expires as string).getTime();
    expect(expiresAt).toBeGreaterThanOrEqual(before + 3_600_000);
    expect(expiresAt).toBeLessThanOrEqual(Date.now() + 3_600_000);
  });

  it('is removed only if it is unchanged', async () => {
    await storage.write(key, row(2), { ttlSeconds });
    await storage.remove(key, row(1));
    await storage.remove(key, row(2, 'other'));
    expect(await sids()).toEqual([key.id]);
    await storage.remove(key, row(2));
    expect(await sids()).toEqual([]);
  });

  it.each<[string, unknown]>([
    ['the session of a user', { cookie: {}, passport: { user: 1 } }],
    ['null', { polar: null }],
    ['text', { polar: 'x' }],
    ['no version', { polar: { value: 's' } }],
    ['a version that is not an integer', { polar: { version: 1.5, value: 's' } }],
    ['a version that is too large', { polar: { version: 2 ** 53, value: 's' } }],
    ['no value', { polar: { version: 1 } }],
    ['a value that is not a string', { polar: { version: 1, value: {} } }],
  ])('does not exist if the store holds %s, and can then be written', async (_what, found) => {
    await new Promise((resolve) => store.set(key.id, { cookie: {}, ...(found as object) } as never, resolve));
    expect(await storage.read(key)).toBeUndefined();
    expect(await storage.write(key, row(1), { ttlSeconds })).toBe(true);
    expect(await storage.read(key)).toEqual(row(1));
  });
});

describe('the storage for a session store', () => {
  it('is the same object for the same store only', () => {
    const store = new session.MemoryStore();
    expect(sessionStorage(store)).toBe(sessionStorage(store));
    expect(sessionStorage(new session.MemoryStore())).not.toBe(sessionStorage(store));
  });

  it('is not shared if the store is in memory, and shared otherwise', () => {
    class RedisStore extends session.MemoryStore {}
    expect(sessionStorage(new session.MemoryStore()).shared).toBe(false);
    expect(sessionStorage(new (memoryStore(session))({})).shared).toBe(false);
    expect(sessionStorage(new RedisStore()).shared).toBe(true);
    expect(sessionStorage({ get: () => {}, set: () => {}, destroy: () => {} }).shared).toBe(true);
  });

  it('has no compare-and-set, and may forget idle rows', () => {
    expect(sessionStorage(new session.MemoryStore())).toMatchObject({ atomic: false, forgetsIdle: true });
  });
});

describe('the storage for a session store that fails', () => {
  const broken = new Error('the store is down');
  const failing = (given: Partial<SessionStore>): PolarStorage =>
    sessionStorage({
      get: (_sid, done) => done(null, null),
      set: (_sid, _session, done) => done?.(),
      destroy: (_sid, done) => done?.(),
      ...given,
    });
  const write = (storage: PolarStorage) => storage.write(key, row(1), { ttlSeconds });

  it('rejects when the store cannot read, instead of reporting no row', async () => {
    const storage = failing({ get: (_sid, done) => done(broken) });
    await expect(storage.read(key)).rejects.toBe(broken);
    await expect(write(storage)).rejects.toBe(broken);
    await expect(storage.remove(key, row(1))).rejects.toBe(broken);
  });

  it('rejects when the store cannot write', async () => {
    await expect(write(failing({ set: (_sid, _session, done) => done?.(broken) }))).rejects.toBe(broken);
  });

  it('rejects when the store cannot remove', async () => {
    const storage = failing({
      get: (_sid, done) => done(null, { polar: row(1) }),
      destroy: (_sid, done) => done?.(broken),
    });
    await expect(storage.remove(key, row(1))).rejects.toBe(broken);
  });

  it('rejects when the store throws', async () => {
    const storage = failing({
      get: () => {
        throw broken;
      },
    });
    await expect(storage.read(key)).rejects.toBe(broken);
  });

  it('rejects when a method of the store is async and rejects, whether it calls back or not', async () => {
    const rejecting = async () => Promise.reject(broken);
    const found: SessionStore['get'] = (_sid, done) => done(null, { polar: row(1) });
    await expect(failing({ get: rejecting }).read(key)).rejects.toBe(broken);
    await expect(write(failing({ set: rejecting }))).rejects.toBe(broken);
    await expect(write(failing({ get: found, touch: rejecting }))).rejects.toBe(broken);
    const both = async (_sid: string, done?: (error?: unknown) => void) => {
      done?.(broken);
      throw broken;
    };
    await expect(failing({ get: found, destroy: both }).remove(key, row(1))).rejects.toBe(broken);
  });

  const missing = Object.assign(new Error('no such file'), { code: 'ENOENT' });
  it.each<[string, SessionStore['get']]>([
    ['ENOENT, as file stores do', (_sid, done) => done(missing)],
    ['null', (_sid, done) => done(null, null)],
    ['undefined', (_sid, done) => done(undefined)],
  ])('reports no row when the store responds with %s', async (_what, get) => {
    expect(await failing({ get }).read(key)).toBeUndefined();
  });

  it('resolves when the row to remove is already gone', async () => {
    const storage = failing({
      get: (_sid, done) => done(null, { polar: row(1) }),
      destroy: (_sid, done) => done?.(missing),
    });
    await storage.remove(key, row(1));
  });
});
