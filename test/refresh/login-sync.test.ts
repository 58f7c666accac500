/** How many logins a process caches, and what it does with sync that it cannot open. */
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { BackgroundWork } from '../../src/async/background-work.js';
import { PolarTransientError } from '../../src/errors.js';
import { TokenValidity } from '../../src/refresh/cached-login.js';
import { IssuedTokens } from '../../src/refresh/issued-tokens.js';
import { LoginCache } from '../../src/refresh/login-cache.js';
import { LoginSync } from '../../src/refresh/login-sync.js';
import { type EndedLogin, lastRecord } from '../../src/refresh/store-tokens.js';
import { sealerWithKeys } from '../../src/sealing/sealer.js';
import { GuardedStorage } from '../../src/storage/guarded-storage.js';
import { loginKeys } from '../../src/storage/login-keys.js';
import type { PolarStorage } from '../../src/storage/polar-storage.js';
import { type LoginHandle, sealRecord } from '../../src/tokens/token-record.js';
import { inMemoryStorage } from '../support/in-memory-storage.js';

let looks = 0;
const empty = {
  ...inMemoryStorage(),
  read: async () => {
    looks++;
    return undefined;
  },
};
const guarded = (storage: PolarStorage): GuardedStorage => new GuardedStorage(storage, 1000);
const tokensOf = (name: string) => ({ accessToken: `access-${name}`, refreshToken: 'r', scopes: [] });
const clocks = { now: () => 0, elapsedMs: () => performance.now() };
const newCache = (): LoginCache => new LoginCache({ ...clocks, onEnded: () => {}, maxLogins: 1000 });
const newSync = (cache = newCache()): LoginSync => {
  const background = new BackgroundWork(500);
  const validity = new TokenValidity({ ...clocks, leewayMs: 0 });
  return new LoginSync({
    ...clocks,
    cache,
    issued: new IssuedTokens({ revoke: async () => {}, background, validity, isRefreshing: () => false }),
    background,
    maxLogins: 1000,
  });
};

const emptyStorage = guarded(empty);
function handleOf(loginId: string, generation = 0): LoginHandle {
  return {
    loginId,
    initial: { generation, tokens: tokensOf(`${loginId}-${generation}`), issuedAt: 0 },
    facts: { subject: 's', nonce: 'n', clientID: 'c', server: 'https://api.polar.sh' },
    sealer: { seal: () => 'sealed', unseal: () => undefined, lacksKeyOf: () => false },
    storage: emptyStorage,
    recordsFromStart: false,
    ttlSeconds: 60,
  };
}

/** Whether the cache has to read the storage for a login. */
async function isRead(sync: LoginSync, login: LoginHandle): Promise<boolean> {
  looks = 0;
  const { tokens } = await sync.current(login);
  expect(tokens).toEqual(login.initial.tokens);
  return looks > 0;
}

describe('a cache of 1,000 logins', () => {
  const known = 1000;
  const sync = newSync();
  for (let index = 0; index < known; index++) sync.begin(handleOf(`login-${index}`));
  const nth = (index: number): LoginHandle => handleOf(`login-${index}`);

  it('holds all of them', async () => {
    expect(await isRead(sync, nth(0))).toBe(false);
    expect(await isRead(sync, nth(known - 1))).toBe(false);
  });

  it('evicts the least recently used login for another one, and reads it again when it is needed', async () => {
    expect(await isRead(sync, nth(known))).toBe(true);
    expect(await isRead(sync, nth(0))).toBe(false); // the test before asked for it
    expect(await isRead(sync, nth(1))).toBe(true);
    expect(await isRead(sync, nth(1))).toBe(false);
  });

  it('never holds more than its limit', async () => {
    for (let index = 0; index < 2 * known; index++) await sync.current(handleOf(`later-${index}`));
    let remembered = 0;
    for (let index = known - 1; index >= 0; index--)
      if (!(await isRead(sync, handleOf(`later-${known + index}`)))) remembered++;
    expect(remembered).toBe(known);
    expect(await isRead(sync, nth(0))).toBe(true);
  });
});

describe('a login that arrives with other tokens than the cached ones', () => {
  it('replaces the cached ones without a read when its tokens are newer', async () => {
    const cache = newCache();
    expect(await isRead(newSync(cache), handleOf('one', 1))).toBe(true);
    const newer = handleOf('one', 2);
    expect(cache.recall(newer).tokens).toEqual(newer.initial.tokens);
  });

  it('is ignored when its tokens are older', async () => {
    const cache = newCache();
    const sync = newSync(cache);
    const newer = handleOf('one', 2);
    sync.begin(newer);
    sync.begin(handleOf('one', 1));
    expect(cache.recall(handleOf('one'))).toMatchObject({ generation: 2, tokens: newer.initial.tokens });
  });
});

describe('a record that only processes with another key can open', () => {
  const theirs = sealerWithKeys(['theirs'], 'token sync');
  const ours = sealerWithKeys(['ours'], 'token sync');
  const name = '0123456789abcdef0123456789abcdef';
  let place: LoginHandle;
  let told: { readonly event: string; readonly error?: unknown }[];
  // Channels belong to the whole process, and background work of other tests may still publish.
  const listen = (message: unknown): void => {
    if ((message as { loginId?: string }).loginId === name) told.push(message as never);
  };
  const channels = ['passport-polar-sh:refresh', 'passport-polar-sh:logout'];
  const hasEnded = async (): Promise<boolean> =>
    (await place.storage.read(loginKeys(name).tombstone)) !== undefined;

  beforeEach(async () => {
    place = { ...handleOf(name, 1), storage: guarded(inMemoryStorage()), sealer: ours };
    told = [];
    for (const channel of channels) subscribe(channel, listen);
    const { issuedAt, tokens } = place.initial;
    const row = await sealRecord({ ...place, sealer: theirs }, { generation: 2, tokens, issuedAt });
    await place.storage.write(loginKeys(name).record, row, 60);
  });
  afterEach(() => {
    for (const channel of channels) unsubscribe(channel, listen);
  });

  it('is an outage when it is newer than the cached tokens, and the error says what to do', async () => {
    const sync = newSync();
    for (const look of [sync.current(place), sync.revalidateOrRecall(place)]) {
      const error = await look.catch((reason: unknown) => reason);
      expect(error).toBeInstanceOf(PolarTransientError);
      expect(error).toMatchObject({ code: 'server_error', cause: { name: 'UnopenableRecordError' } });
      expect((error as Error).message).toBe(
        'The token record is encrypted with a key that is not in the encryptionKeys of this process. Use the same keys in all processes.',
      );
    }
    expect(told.map(({ event }) => event)).toEqual(['record-unreadable', 'record-unreadable']);
  });

  it.each([2, 3])('changes nothing for a process that already knows generation %i', async (generation) => {
    const known = await newSync().revalidateOrRecall({
      ...place,
      initial: { ...place.initial, generation },
    });
    expect(known).toMatchObject({ generation, tokens: place.initial.tokens });
  });

  it('counts as recorded when tokens of its generation are to be written, so no retry follows', async () => {
    const { issuedAt } = place.initial;
    const sync = newSync();
    const news = { generation: 2, tokens: tokensOf('new'), issuedAt };
    const late = jest.fn(async () => {});
    expect(await sync.recordTokens(place, news, late)).toMatchObject(news);
    expect(late).not.toHaveBeenCalled();
    expect(told).toEqual([]);
  });

  it('does not prevent a logout, which reports that the tokens could not be revoked', async () => {
    const sync = newSync();
    const ended = await sync.recordEnd(place, 'logged_out', async () => {});
    expect(ended?.record?.version).toBe(2);
    expect(await lastRecord(place, ended as EndedLogin)).toBeUndefined();
    expect(told).toMatchObject([{ event: 'revocation', loginId: name, error: expect.anything() }]);
    expect(await hasEnded()).toBe(true);
    expect((await newSync().revalidateOrRecall(place)).tokens).toBeUndefined();
  });

  it('is reported even if the store fails later, and the cached tokens are used', async () => {
    const down = guarded({ ...inMemoryStorage(), read: () => Promise.reject(new Error('down')) });
    expect(await newSync().revalidateOrRecall({ ...place, storage: down })).toMatchObject({
      tokens: place.initial.tokens,
    });
    expect(told.map(({ event }) => event)).toEqual(['record-unreadable']);
  });
});
