/** Rows in the session's own store: each in the shape of a session, so that every express-session store accepts them. */
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

  it('looks like a session of its lifetime, under its id alone', async () => {
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

  it('is removed only as it is', async () => {
    await storage.write(key, row(2), { ttlSeconds });
    await storage.remove(key, row(1));
    await storage.remove(key, row(2, 'other'));
    expect(await sids()).toEqual([key.id]);
    await storage.remove(key, row(2));
    expect(await sids()).toEqual([]);
  });

  it.each<[string, unknown]>([
    ['a session of somebody', { cookie: {}, passport: { user: 1 } }],
    ['null', { polar: null }],
    ['text', { polar: 'x' }],
    ['no version', { polar: { value: 's' } }],
    ['a version that is no integer', { polar: { version: 1.5, value: 's' } }],
    ['a version beyond all', { polar: { version: 2 ** 53, value: 's' } }],
    ['no value', { polar: { version: 1 } }],
    ['a value that is no text', { polar: { version: 1, value: {} } }],
  ])('is none when there is %s, and then one may be written', async (_what, found) => {
    await new Promise((resolve) => store.set(key.id, { cookie: {}, ...(found as object) } as never, resolve));
    expect(await storage.read(key)).toBeUndefined();
    expect(await storage.write(key, row(1), { ttlSeconds })).toBe(true);
    expect(await storage.read(key)).toEqual(row(1));
  });
});

describe('the storage of a session store', () => {
  it('is the same object for the same store, and another for another', () => {
    const store = new session.MemoryStore();
    expect(sessionStorage(store)).toBe(sessionStorage(store));
    expect(sessionStorage(new session.MemoryStore())).not.toBe(sessionStorage(store));
  });

  it('says of stores in memory that no other process sees them, and of others that one may', () => {
    class RedisStore extends session.MemoryStore {}
    expect(sessionStorage(new session.MemoryStore()).shared).toBe(false);
    expect(sessionStorage(new (memoryStore(session))({})).shared).toBe(false);
    expect(sessionStorage(new RedisStore()).shared).toBe(true);
    expect(sessionStorage({ get: () => {}, set: () => {}, destroy: () => {} }).shared).toBe(true);
  });

  it('says that it cannot compare, and may forget what lies idle', () => {
    expect(sessionStorage(new session.MemoryStore())).toMatchObject({ atomic: false, forgetsIdle: true });
  });
});

describe('a session store that fails', () => {
  const broken = new Error('the store is down');
  const failing = (given: Partial<SessionStore>): PolarStorage =>
    sessionStorage({
      get: (_sid, done) => done(null, null),
      set: (_sid, _session, done) => done?.(),
      destroy: (_sid, done) => done?.(),
      ...given,
    });
  const write = (storage: PolarStorage) => storage.write(key, row(1), { ttlSeconds });

  it('to read rejects, and does not say that there is none', async () => {
    const storage = failing({ get: (_sid, done) => done(broken) });
    await expect(storage.read(key)).rejects.toBe(broken);
    await expect(write(storage)).rejects.toBe(broken);
    await expect(storage.remove(key, row(1))).rejects.toBe(broken);
  });

  it('to write rejects', async () => {
    await expect(write(failing({ set: (_sid, _session, done) => done?.(broken) }))).rejects.toBe(broken);
  });

  it('to remove rejects', async () => {
    const storage = failing({
      get: (_sid, done) => done(null, { polar: row(1) }),
      destroy: (_sid, done) => done?.(broken),
    });
    await expect(storage.remove(key, row(1))).rejects.toBe(broken);
  });

  it('by throwing rejects', async () => {
    const storage = failing({
      get: () => {
        throw broken;
      },
    });
    await expect(storage.read(key)).rejects.toBe(broken);
  });

  const missing = Object.assign(new Error('no such file'), { code: 'ENOENT' });
  it.each<[string, SessionStore['get']]>([
    ['ENOENT, as file stores do', (_sid, done) => done(missing)],
    ['null', (_sid, done) => done(null, null)],
    ['undefined', (_sid, done) => done(undefined)],
  ])('to find a row says %s', async (_what, get) => {
    expect(await failing({ get }).read(key)).toBeUndefined();
  });

  it('to find the row that is to be removed has removed it', async () => {
    const storage = failing({
      get: (_sid, done) => done(null, { polar: row(1) }),
      destroy: (_sid, done) => done?.(missing),
    });
    await storage.remove(key, row(1));
  });
});
