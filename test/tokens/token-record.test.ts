import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import session from 'express-session';
import {
  firstOf,
  newSealingKey,
  type Sealer,
  sealerWithKey,
  sealerWithKeys,
} from '../../src/tokens/sealing.js';
import { type SessionStore, sessionStoreRecords } from '../../src/tokens/session-store-records.js';
import {
  hasEnded,
  type LoginFacts,
  readLogin,
  readRecord,
  type SealedRecordPlace,
  type TokenRecord,
  UnopenableRecordError,
  unlessEnded,
  writeEnd,
  writeRecord,
} from '../../src/tokens/token-record.js';
import {
  parseStoredRecord,
  type StoredTokenRecord,
  type TokenRecordStore,
} from '../../src/tokens/token-record-store.js';
import { inMemoryRecords } from '../support/in-memory-records.js';

const ttlSeconds = 3600;
const tokensOf = (name: string) => ({
  accessToken: `a-${name}`,
  refreshToken: `r-${name}`,
  expiresAt: 7,
  scopes: ['openid'],
});
const recordOf = (generation: number): TokenRecord => ({
  generation,
  tokens: tokensOf(String(generation)),
  mintedAt: 1_000_000 + generation,
});
const facts: LoginFacts = { subject: 'sub', nonce: 'n', clientID: 'c', server: 'https://api.polar.sh' };
const newSealer = () => sealerWithKey(newSealingKey());

afterEach(() => {
  jest.restoreAllMocks();
});

describe('token records in the session store', () => {
  let store: session.MemoryStore;
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
  });

  it('look like a session, so that any store takes them, under a name that no cookie can have', async () => {
    const before = Date.now();
    await sessionStoreRecords(store).put('login-1', { generation: 1, sealed: 's' }, { ttlSeconds });
    expect(await sids()).toEqual(['polar-tokens.login-1']);
    const found = await inStore('polar-tokens.login-1');
    expect(found?.['polar']).toEqual({ generation: 1, sealed: 's' });
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

  it('are the same object for the same store, and another for another', () => {
    expect(sessionStoreRecords(store)).toBe(sessionStoreRecords(store));
    expect(sessionStoreRecords(new session.MemoryStore())).not.toBe(sessionStoreRecords(store));
  });

  it('say of a memory store that nobody else writes there, and of others that somebody may', () => {
    class RedisStore extends session.MemoryStore {}
    expect(sessionStoreRecords(store).shared).toBe(false);
    expect(sessionStoreRecords(new RedisStore()).shared).toBe(true);
  });

  it.each<[string, unknown]>([
    ['a session of somebody', { cookie: {}, passport: { user: 1 } }],
    ['null', { polar: null }],
    ['text', { polar: 'x' }],
    ['no generation', { polar: { sealed: 's' } }],
    ['a generation that is no integer', { polar: { generation: 1.5, sealed: 's' } }],
    ['a generation beyond all', { polar: { generation: 2 ** 53, sealed: 's' } }],
    ['no seal', { polar: { generation: 1 } }],
    ['a seal that is no text', { polar: { generation: 1, sealed: {} } }],
  ])('are none when they are %s, and then a new one may be written', async (_what, found) => {
    const records = sessionStoreRecords(store);
    await new Promise((resolve) =>
      store.set('polar-tokens.one', { cookie: {}, ...(found as object) } as never, resolve),
    );
    expect(await records.get('one')).toBeUndefined();
    expect(await records.put('one', { generation: 1, sealed: 's' }, { ttlSeconds })).toBe(true);
    expect(await records.get('one')).toEqual({ generation: 1, sealed: 's' });
  });

  const failing = (
    get: SessionStore['get'],
    set: SessionStore['set'] = (_sid, _session, done) => done?.(),
  ): TokenRecordStore => sessionStoreRecords({ get, set });
  const broken = new Error('the store is down');

  it('reject when the store cannot be read', async () => {
    const records = failing((_sid, done) => done(broken));
    await expect(records.get('one')).rejects.toBe(broken);
    await expect(records.put('one', { generation: 1, sealed: 's' }, { ttlSeconds })).rejects.toBe(broken);
  });

  it('reject when the store cannot be written', async () => {
    const records = failing(
      (_sid, done) => done(null),
      (_sid, _session, done) => done?.(broken),
    );
    await expect(records.put('one', { generation: 1, sealed: 's' }, { ttlSeconds })).rejects.toBe(broken);
  });

  it('reject when the store throws', async () => {
    const records = failing(() => {
      throw broken;
    });
    await expect(records.get('one')).rejects.toBe(broken);
  });

  it.each<[what: string, found: unknown, outcome: boolean | string, writes: number]>([
    ['what was written', { generation: 5, sealed: 'mine' }, true, 1],
    ['another of the same generation', { generation: 5, sealed: 'theirs' }, false, 1],
    ['a newer one', { generation: 6, sealed: 'theirs' }, false, 1],
    ['an older one', { generation: 4, sealed: 'theirs' }, 'does not keep what is written to it', 3],
    ['none', undefined, 'does not keep what is written to it', 3],
  ])('are looked at after they were written, and there is %s', async (_what, found, outcome, writes) => {
    let written = 0;
    const records = failing(
      (_sid, done) => done(null, written === 0 ? undefined : { polar: found }),
      (_sid, _session, done) => {
        written++;
        // Bounded, whatever asks.
        done?.(written > 10 ? broken : undefined);
      },
    );
    const put = records.put('one', { generation: 5, sealed: 'mine' }, { ttlSeconds });
    if (typeof outcome === 'string') await expect(put).rejects.toThrow(outcome);
    else expect(await put).toBe(outcome);
    expect(written).toBe(writes);
  });

  it.each<[string, SessionStore['get']]>([
    [
      'ENOENT, as file stores say',
      (_sid, done) => done(Object.assign(new Error('no such file'), { code: 'ENOENT' })),
    ],
    ['null', (_sid, done) => done(null, null)],
    ['undefined', (_sid, done) => done(undefined)],
  ])('are not there when the store says %s', async (_what, get) => {
    expect(await failing(get).get('one')).toBeUndefined();
  });
});

describe('the record of a login', () => {
  let place: SealedRecordPlace & { readonly facts: LoginFacts };
  beforeEach(() => {
    place = {
      loginId: 'login-1',
      facts,
      sealer: newSealer(),
      records: inMemoryRecords(),
      ttlSeconds,
      storeTimeoutMs: 1000,
    };
  });

  it('is not there before the first refresh', async () => {
    expect(await readRecord(place)).toBeUndefined();
  });

  it('is read as it was written', async () => {
    expect(await writeRecord(place, recordOf(1))).toBe(true);
    expect(await readRecord(place)).toEqual(recordOf(1));
  });

  it('is sealed: the store sees a generation and nothing else', async () => {
    await writeRecord(place, recordOf(1));
    const stored = await place.records.get('login-1');
    expect(stored).toEqual({ generation: 1, sealed: expect.any(String) });
    expect(
      stored?.sealed
        .split('.')
        .map((part) => Buffer.from(part, 'base64url').toString())
        .join(' '),
    ).not.toMatch(/a-1|r-1/);
  });

  it('has the lifetime of its place', async () => {
    const put = jest.spyOn(place.records, 'put');
    await writeRecord({ ...place, ttlSeconds: 77 }, recordOf(1));
    expect(put.mock.calls[0]?.[2]).toEqual({ ttlSeconds: 77 });
  });

  it('of the highest generation wins', async () => {
    expect(await writeRecord(place, recordOf(2))).toBe(true);
    expect(await writeRecord(place, recordOf(1))).toBe(false);
    expect(await writeRecord(place, { ...recordOf(2), tokens: tokensOf('other') })).toBe(false);
    expect(await readRecord(place)).toEqual(recordOf(2));
    expect(await writeRecord(place, recordOf(3))).toBe(true);
    expect(await readRecord(place)).toEqual(recordOf(3));
  });

  it('tells of the login itself, for whoever has no session', async () => {
    await writeRecord({ ...place, ttlSeconds: 77 }, recordOf(1));
    expect(await readLogin(place)).toEqual({ ...recordOf(1), facts, ttlSeconds: 77 });
  });

  it.each(['subject', 'nonce', 'clientID', 'server'] as const)(
    'without %s does not tell enough of the login',
    async (name) => {
      await writeRecord({ ...place, facts: { ...facts, [name]: undefined as never } }, recordOf(1));
      expect(await readLogin(place)).toBeUndefined();
      expect(await readRecord(place)).toEqual(recordOf(1));
    },
  );

  it('cannot be opened with another key', async () => {
    await writeRecord(place, recordOf(1));
    expect(await readRecord({ ...place, sealer: newSealer() })).toBeUndefined();
  });

  it('cannot be passed off as that of another login', async () => {
    await writeRecord(place, recordOf(1));
    const stored = await place.records.get('login-1');
    await place.records.put('login-2', stored as StoredTokenRecord, { ttlSeconds });
    expect(await readRecord({ ...place, loginId: 'login-2' })).toBeUndefined();
  });

  it('cannot be passed off as a newer one', async () => {
    await writeRecord(place, recordOf(1));
    const stored = (await place.records.get('login-1')) as StoredTokenRecord;
    await place.records.put('login-1', { ...stored, generation: 2 }, { ttlSeconds });
    expect(await readRecord(place)).toBeUndefined();
  });

  it('is not none where a key is missing, only where none would open it', async () => {
    const [one, two] = ['one', 'two'].map((key) => sealerWithKeys([key], 'records')) as [Sealer, Sealer];
    await writeRecord({ ...place, sealer: one }, recordOf(1));
    await expect(readRecord({ ...place, sealer: two })).rejects.toThrow(UnopenableRecordError);
    await expect(readLogin({ ...place, sealer: two })).rejects.toMatchObject({
      name: 'UnopenableRecordError',
      generation: 1,
      message: expect.stringContaining('encryptionKeys'),
    });
    await expect(readRecord(place)).rejects.toThrow(UnopenableRecordError);
    await expect(readRecord({ ...place, sealer: firstOf([two, newSealer()]) })).rejects.toThrow(
      UnopenableRecordError,
    );
    expect(await readRecord({ ...place, sealer: firstOf([two, one]) })).toEqual(recordOf(1));
    const { sealed } = (await place.records.get('login-1')) as StoredTokenRecord;
    await place.records.put('login-1', { generation: 2, sealed: sealed.slice(0, -5) }, { ttlSeconds });
    expect(await readRecord({ ...place, sealer: firstOf([one, newSealer()]) })).toBeUndefined();
  });

  it.each([[null], ['text'], [7], [[]], [{}], [{ tokens: null }], [{ tokens: { accessToken: '' } }]])(
    'is none when it holds %j',
    async (content) => {
      const sealed = await place.sealer.seal(content, 'token-record:login-1:1');
      await place.records.put('login-1', { generation: 1, sealed }, { ttlSeconds });
      expect(await readRecord(place)).toBeUndefined();
    },
  );

  it('of which nothing else is known has tokens, or is none', async () => {
    const sealed = await place.sealer.seal({ facts }, 'token-record:login-1:1');
    await place.records.put('login-1', { generation: 1, sealed }, { ttlSeconds });
    expect(await readLogin(place)).toBeUndefined();
  });

  it('was minted at a time that is a number, or nobody knows when', async () => {
    const sealed = await place.sealer.seal(
      { tokens: tokensOf('1'), mintedAt: 'yesterday' },
      'token-record:login-1:1',
    );
    await place.records.put('login-1', { generation: 1, sealed }, { ttlSeconds });
    expect(await readRecord(place)).toEqual({ generation: 1, tokens: tokensOf('1'), mintedAt: undefined });
  });

  it('is an error when the store cannot answer, and not none', async () => {
    const broken = new Error('the store is down');
    const records: TokenRecordStore = {
      get: () => Promise.reject(broken),
      put: () => Promise.reject(broken),
    };
    await expect(readRecord({ ...place, records })).rejects.toBe(broken);
    await expect(writeRecord({ ...place, records }, recordOf(1))).rejects.toBe(broken);
  });
});

describe('the end of a login', () => {
  let place: SealedRecordPlace & { readonly facts: LoginFacts };
  beforeEach(() => {
    const records = inMemoryRecords();
    place = { loginId: 'login-1', facts, sealer: newSealer(), records, ttlSeconds, storeTimeoutMs: 1000 };
  });

  it('is marked once and for all, whatever is recorded afterwards', async () => {
    expect(await hasEnded(place)).toBe(false);
    await writeRecord(place, recordOf(1));
    expect(await hasEnded(place)).toBe(false);
    await writeEnd(place);
    await writeEnd(place);
    await writeRecord(place, recordOf(2));
    expect(await hasEnded(place)).toBe(true);
  });

  it('leaves the record as it was, so that its tokens can be revoked', async () => {
    await writeRecord(place, recordOf(1));
    await writeEnd(place);
    expect(await readRecord(place)).toEqual(recordOf(1));
  });

  it('counts by being there: processes with other keys see and write it', async () => {
    await place.records.put('login-1.ended', { generation: 7, sealed: 'of another process' }, { ttlSeconds });
    await writeEnd(place);
    expect(await hasEnded(place)).toBe(true);
  });

  it('is that of this login, and no record of its own', async () => {
    await writeEnd(place);
    expect(await hasEnded({ ...place, loginId: 'login-2' })).toBe(false);
    const stored = (await place.records.get('login-1.ended')) as StoredTokenRecord;
    await place.records.put('login-1', stored, { ttlSeconds });
    expect(await readRecord(place)).toBeUndefined();
  });

  it('counts whatever becomes of the record, and nothing else does when it cannot be looked for', async () => {
    const broken = async (): Promise<never> => {
      throw new Error('unreadable');
    };
    expect(await unlessEnded(place, async () => 'record')).toBe('record');
    await expect(unlessEnded(place, broken)).rejects.toThrow('unreadable');
    await writeEnd(place);
    expect(await unlessEnded(place, async () => 'record')).toBe('ended');
    expect(await unlessEnded(place, broken)).toBe('ended');
    const records: TokenRecordStore = { ...place.records, get: () => Promise.reject(new Error('down')) };
    await expect(unlessEnded({ ...place, records }, async () => 'record')).rejects.toThrow('down');
  });
});

describe('a row of a store', () => {
  it.each<[unknown, unknown]>([
    [
      { generation: 7, sealed: 's', expires_at: 1 },
      { generation: 7, sealed: 's' },
    ],
    [
      { generation: '7', sealed: 's' },
      { generation: 7, sealed: 's' },
    ],
    [{ generation: null, sealed: 's' }, undefined],
    [{ generation: true, sealed: 's' }, undefined],
    [{ generation: 'x', sealed: 's' }, undefined],
    [{ generation: 0.5, sealed: 's' }, undefined],
    [{ generation: 7 }, undefined],
    [{ generation: 7, sealed: 7 }, undefined],
    [null, undefined],
    [undefined, undefined],
    ['text', undefined],
  ])('%j is read as %j', (row, record) => {
    expect(parseStoredRecord(row)).toEqual(record);
  });
});
