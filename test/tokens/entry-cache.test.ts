import { describe, expect, it } from '@jest/globals';
import { type Sealer, sealerWithKeys } from '../../src/sealing/sealer.js';
import { EntryCache, type EntryCacheParts } from '../../src/tokens/entry-cache.js';
import { entryText } from '../../src/tokens/entry-text.js';
import {
  newSessionEntry,
  type OpenEntry,
  sealSessionEntry,
  type Waiting,
} from '../../src/tokens/session-entry.js';
import { UserIdentities, type UserKey } from '../../src/tokens/user-identity.js';
import { fieldsOf, textOf } from '../support/entry-fields.js';
import { grantedLogin } from './granted-login.js';

const keys: [string, string] = ['the first key of an app', 'the key of an app before that'];
const entrySealer = (...of: [string, ...string[]]): Sealer => sealerWithKeys(of, 'session entries');
const recordSealer = (...of: [string, ...string[]]): Sealer => sealerWithKeys(of, 'token records');
const users = new UserIdentities(undefined);

/** The login of this serialized user. */
const loginOf = (user: unknown, identities = users): OpenEntry =>
  newSessionEntry(grantedLogin(), identities.of(user, 'user-1'));
const sealedText = (entry: OpenEntry, key: string = keys[0] as string): string =>
  entryText(sealSessionEntry(entry, entrySealer(key)));

/** A cache, and a count of how often it has used the keys of the app to open an entry. */
function countingCache({ limit = 100, ...parts }: Partial<EntryCacheParts> & { limit?: number } = {}) {
  const count = { unsealed: 0 };
  const inner = 'entrySealer' in parts ? parts.entrySealer : entrySealer(...keys);
  const counting = inner && {
    ...inner,
    unseal(sealed: string, purpose: string) {
      count.unsealed++;
      return inner.unseal(sealed, purpose);
    },
  };
  const all = { recordSealer: recordSealer(...keys), users, isEnded: () => false, ...parts };
  return { count, cache: new EntryCache({ ...all, entrySealer: counting }, limit) };
}

const entry = loginOf({ id: 1 });

describe('the entry cache, for a login in use,', () => {
  it('opens an entry once for five requests', () => {
    const { cache, count } = countingCache();
    const text = sealedText(entry);
    for (let use = 0; use < 5; use++) {
      // Each request parses its session anew.
      const opened = cache.read(JSON.parse(JSON.stringify(text)))?.open();
      expect(opened?.entry).toEqual(entry);
    }
    expect(count.unsealed).toBe(1);
  });

  it('parses an entry once, and returns the same object', () => {
    const { cache } = countingCache();
    const text = sealedText(entry);
    const first = cache.read(text);
    expect(first).toBeDefined();
    expect(cache.read(`${text}`)).toBe(first);
    expect(cache.read(text)?.open()).toBe(first?.open());
  });

  it('returns the sealer of the records: with the app’s keys, or else with the entry’s own', () => {
    const opened = countingCache().cache.read(sealedText(entry))?.open();
    const byApp = opened?.recordSealer.seal('tokens', 'p');
    expect(recordSealer(keys[0] as string).unseal(byApp ?? '', 'p')).toBe('tokens');

    const alone = countingCache({ entrySealer: undefined, recordSealer: undefined }).cache;
    const own = alone.read(entryText(entry))?.open();
    const byItself = own?.recordSealer.seal('tokens', 'p');
    expect(recordSealer(...keys).unseal(byItself ?? '', 'p')).toBeUndefined();
    // A record from before the app had keys.
    expect(opened?.recordSealer.unseal(byItself ?? '', 'p')).toBe('tokens');
  });

  it.each([
    ['sealed', () => sealedText(entry)],
    ['open', () => entryText({ ...entry, waiting: { cookieHash: 'h', isLeftToApp: false } })],
  ])('freezes an entry that is %s', (_what, textOfIt) => {
    const read = countingCache().cache.read(textOfIt());
    const opened = read?.open();
    const frozen = (value: unknown): boolean =>
      typeof value !== 'object' ||
      value === null ||
      (Object.isFrozen(value) && Object.values(value).every(frozen));
    if (read === undefined || opened === undefined) throw new Error('It was not opened');
    expect([frozen(read.entry), frozen(opened.entry), Object.isFrozen(opened)]).toEqual([true, true, true]);
    expect(() => Object.assign(opened.entry.tokens, { accessToken: 'b' })).toThrow(TypeError);
    expect(() => (opened.entry.askedScopes as string[]).push('admin')).toThrow(TypeError);
  });
});

describe('the entry cache, for an entry that it has opened,', () => {
  const others: Record<string, string> = {
    loginId: '0'.repeat(32),
    user: users.of({ id: 2 }),
    clientID: 'polar_ci_2',
    server: 'https://sandbox.polar.sh https://sandbox-api.polar.sh',
    issuedAt: '6',
    scopes: 'openid email admin',
    askedScopes: 'openid',
    askedOrganization: 'organization-2',
    attempt: 'attempt-2',
    sealed: 'e30..AAAA.AAAA.AAAA',
    v: '1',
  };

  it('is tested with each field outside the seal', () => {
    expect(Object.keys(fieldsOf(sealedText(entry))).sort()).toEqual(Object.keys(others).sort());
  });

  it.each(Object.entries(others))('does not return it for another %s', (field, value) => {
    const { cache } = countingCache();
    const text = sealedText(entry);
    const first = cache.read(text);
    expect(first?.open()?.entry).toEqual(entry);
    const changed = cache.read(textOf({ ...fieldsOf(text), [field]: value }));
    expect(changed).not.toBe(first);
    expect(changed?.open()).toBeUndefined();
    // The changed entry has not replaced the right one for good.
    expect(cache.read(text)?.open()?.entry).toEqual(entry);
  });

  it.each(['askedOrganization', 'attempt'])('does not return it without its %s', (field) => {
    const { cache } = countingCache();
    const text = sealedText(entry);
    cache.read(text)?.open();
    const changed = cache.read(textOf({ ...fieldsOf(text), [field]: undefined }));
    expect(changed).toBeDefined();
    expect(changed?.open()).toBeUndefined();
  });

  it('does not return it for an entry that waits for its user, nor for one with an unknown field', () => {
    const { cache, count } = countingCache();
    const text = sealedText(entry);
    const first = cache.read(text);
    first?.open();
    for (const more of [{ waitingFor: 'h', isLeftToApp: 'true' }, { more: 1 }]) {
      const other = cache.read(textOf({ ...fieldsOf(text), ...more }));
      expect(other).not.toBe(first);
      expect(other?.open()?.entry).toMatchObject(entry);
    }
    expect(count.unsealed).toBe(3);
    expect(cache.read(text)?.entry.waiting).toBeUndefined();
  });

  it.each([
    ['another strategy with its own keys', { entrySealer: entrySealer('of another app') }],
    ['a strategy whose key was removed', { entrySealer: entrySealer(keys[1] as string) }],
    ['a strategy without keys', { entrySealer: undefined }],
  ])('does not return it to %s', (_what, parts) => {
    const text = sealedText(entry);
    const one = countingCache();
    expect(one.cache.read(text)?.open()).toBeDefined();
    expect(countingCache(parts).cache.read(text)?.open()).toBeUndefined();
  });

  it('does not return it for a value that is not an entry', () => {
    const { cache } = countingCache();
    const text = sealedText(entry);
    cache.read(text)?.open();
    for (const junk of [undefined, null, 7, {}, [text], '', text.slice(0, 50), `${text}&v=2`, { text }])
      expect(cache.read(junk)).toBeUndefined();
  });
});

describe('the entry cache, for an entry that it could not open,', () => {
  it('tries again at the next use', () => {
    let isThere = false;
    const inner = entrySealer(...keys);
    const late: Sealer = {
      ...inner,
      unseal: (sealed, purpose) => (isThere ? inner.unseal(sealed, purpose) : undefined),
    };
    const { cache, count } = countingCache({ entrySealer: late });
    const text = sealedText(entry);
    expect(cache.read(text)?.open()).toBeUndefined();
    expect(cache.read(text)?.open()).toBeUndefined();
    isThere = true;
    expect(cache.read(text)?.open()?.entry).toEqual(entry);
    cache.read(text)?.open();
    expect(count.unsealed).toBe(3);
  });
});

describe('the entry cache', () => {
  const texts = Array.from({ length: 4 }, () => sealedText(loginOf({ id: 1 })));

  it('evicts the least recently used login beyond its limit', () => {
    const { cache, count } = countingCache({ limit: 3 });
    const [one, two, three, four] = texts as [string, string, string, string];
    const use = (...list: string[]): number => {
      const before = count.unsealed;
      for (const text of list) expect(cache.read(text)?.open()).toBeDefined();
      return count.unsealed - before;
    };
    expect(use(one, two, three)).toBe(3);
    expect(use(one, two, three, one)).toBe(0);
    expect(use(four)).toBe(1);
    expect(use(four, three, one)).toBe(0);
    expect(use(two)).toBe(1);
  });

  it('keeps one text for each login, so that changed texts evict nothing', () => {
    const { cache, count } = countingCache({ limit: 2 });
    const [one, two] = texts as [string, string];
    cache.read(one)?.open();
    for (let index = 0; index < 50; index++) cache.read(textOf({ ...fieldsOf(two), more: index }));
    cache.read(one)?.open();
    expect(count.unsealed).toBe(1);
  });

  it('forgets a login that has ended', () => {
    const { cache, count } = countingCache();
    const [one, two] = texts as [string, string];
    const reads = [cache.read(one), cache.read(two)];
    for (const read of reads) read?.open();
    cache.forget(fieldsOf(one)['loginId'] as string);
    cache.forget('of nobody');
    expect(cache.read(one)).not.toBe(reads[0]);
    expect(cache.read(two)).toBe(reads[1]);
    cache.read(one)?.open();
    expect(count.unsealed).toBe(3);
  });

  it('does not cache a login that has ended, even if a session still holds it', () => {
    const ended = new Set<string>();
    const { cache } = countingCache({ isEnded: (loginId) => ended.has(loginId) });
    const [one] = texts as [string];
    const { loginId } = fieldsOf(one) as { loginId: string };
    expect(cache.read(one)).toBe(cache.read(one));
    ended.add(loginId);
    cache.forget(loginId);
    const late = cache.read(one);
    expect(late?.open()?.entry.loginId).toBe(loginId);
    expect(cache.read(one)).not.toBe(late);
  });
});

describe('the owner of a cached entry', () => {
  const lookAlikes: unknown[] = [
    undefined,
    null,
    'null',
    '',
    0,
    '0',
    1,
    '1',
    '"1"',
    true,
    'true',
    [],
    {},
    [1],
    ['1'],
    '[1]',
    'ada',
    'Ada',
    'ada ',
    { id: 1 },
    { id: '1' },
    { id: 2 },
    '{"id":1}',
    { id: 1, tenant: 'b' },
    { id: 1, roles: ['a', 'b'] },
    { id: 1, roles: ['b', 'a'] },
    { provider: 'polar', id: 'user-1' },
    { provider: 'polar', id: 'user-2' },
    { provider: 'github', id: 'user-1' },
    'user-1',
  ];
  const theirs = lookAlikes.filter((user) => user !== undefined);

  it.each(theirs.map((user) => [user]))('is %j and no other user', (owner) => {
    const read = countingCache().cache.read(sealedText(loginOf(owner)));
    for (let round = 0; round < 3; round++) {
      for (const [index, user] of lookAlikes.entries())
        expect([index, read?.isOf(user)]).toEqual([index, user === owner]);
      expect(read?.isOf(owner)).toBe(true);
    }
  });

  it('is an object whatever the order of its keys, and no object with other values', () => {
    const read = countingCache().cache.read(sealedText(loginOf({ id: 1, a: { b: 1, c: 2 } })));
    for (let round = 0; round < 2; round++) {
      expect(read?.isOf({ id: 1, a: { b: 1, c: 2 } })).toBe(true);
      expect(read?.isOf({ a: { c: 2, b: 1 }, id: 1 })).toBe(true);
      expect(read?.isOf({ a: { c: 1, b: 2 }, id: 1 })).toBe(false);
      expect(read?.isOf({ a: { c: 2, b: 1 }, id: 2 })).toBe(false);
    }
  });

  it('is a Polar profile whatever its other fields', () => {
    const profile = { provider: 'polar', id: 'user-1', displayName: 'Ada' };
    const read = countingCache().cache.read(sealedText(loginOf(profile)));
    for (let round = 0; round < 2; round++) {
      expect(read?.isOf({ ...profile, displayName: 'Countess' })).toBe(true);
      expect(read?.isOf({ ...profile, id: 'user-2' })).toBe(false);
      expect(read?.isOf({ ...profile, provider: 'github' })).toBe(false);
    }
  });

  it('is not another object with the same subject that only claims to be a Polar profile', () => {
    // The login belongs to user-1, whatever this app means by `id`.
    const ada = { provider: 'polar', id: '7', tenant: 'a' };
    const read = countingCache().cache.read(sealedText(loginOf(ada)));
    for (let use = 0; use < 2; use++) {
      expect(read?.isOf({ ...ada })).toBe(true);
      expect(read?.isOf({ ...ada, tenant: 'b' })).toBe(false);
    }
  });

  it('is not a user whose id a session store would drop', () => {
    const withHiddenID = (name: string) =>
      Object.defineProperty({ provider: 'polar', name }, 'id', { value: 'user-1' });
    const read = countingCache().cache.read(sealedText(loginOf(withHiddenID('Ada'))));
    expect(read?.isOf(withHiddenID('Ada'))).toBe(true);
    expect(read?.isOf(withHiddenID('Grace'))).toBe(false);
  });

  it('is compared again after a change to the same object', () => {
    const user = { id: 1 };
    const read = countingCache().cache.read(sealedText(loginOf(user)));
    expect(read?.isOf(user)).toBe(true);
    user.id = 2;
    expect(read?.isOf(user)).toBe(false);
  });

  it('is not distinguished from a user who looks the same in a session store', () => {
    class Person {
      readonly #id: string;
      constructor(id: string) {
        this.#id = id;
      }
      get provider() {
        return 'polar';
      }
      get id() {
        return this.#id;
      }
    }
    const [one, other] = [new Person('user-1'), new Person('user-2')];
    const answers = (...people: unknown[]) => {
      const read = countingCache().cache.read(entryText(loginOf(one)));
      return people.map((person) => read?.isOf(person));
    };
    // The order makes no difference: a session keeps nothing of either, so they count as one user.
    expect(answers(other, one)).toEqual(answers(one, other));
    expect(answers(JSON.parse(JSON.stringify(one)))).toEqual([true]);
    expect(answers({ provider: 'polar', id: 'user-1' })).toEqual([false]);
  });

  it('is decided by the app’s own userKey each time', () => {
    const asked: unknown[] = [];
    const accounts = new Map<unknown, string>([
      ['session-1', 'ada'],
      ['session-2', 'ada'],
      ['session-3', 'grace'],
    ]);
    const userKey: UserKey = (user) => {
      asked.push(user);
      return accounts.get(user) ?? 'nobody';
    };
    const keyed = new UserIdentities(userKey);
    const read = countingCache({ users: keyed }).cache.read(sealedText(loginOf('session-1', keyed)));
    asked.length = 0;
    expect(['session-1', 'session-1', 'session-2', 'session-3'].map((user) => read?.isOf(user))).toEqual([
      true,
      true,
      true,
      false,
    ]);
    accounts.set('session-1', 'grace');
    expect(read?.isOf('session-1')).toBe(false);
    expect(asked).toEqual(['session-1', 'session-1', 'session-2', 'session-3', 'session-1']);
  });

  it('is decided by a userKey that reads more than JSON shows', () => {
    class Account {
      readonly #name: string;
      constructor(name: string) {
        this.#name = name;
      }
      get name() {
        return this.#name;
      }
    }
    const keyed = new UserIdentities(({ name }: Account) => name);
    const text = sealedText(loginOf(new Account('ada'), keyed));
    const read = countingCache({ users: keyed }).cache.read(text);
    expect(read?.isOf(new Account('ada'))).toBe(true);
    expect(read?.isOf(new Account('grace'))).toBe(false);
  });
});

it('the entry cache keeps an entry that waits for its user apart from the one that it becomes', () => {
  const { cache, count } = countingCache();
  const sealed = sealSessionEntry(entry, entrySealer(...keys));
  const waiting: Waiting = { cookieHash: 'h', isLeftToApp: false, returnTo: '/page' };
  const waits = cache.read(entryText({ ...sealed, waiting }));
  expect(waits?.open()?.entry).toEqual({ ...entry, waiting });
  const then = cache.read(entryText(sealed));
  expect(then?.open()?.entry).toEqual(entry);
  expect([waits?.entry.waiting, then?.entry.waiting]).toEqual([waiting, undefined]);
  expect(count.unsealed).toBe(2);
});
