import { describe, expect, it } from '@jest/globals';
import {
  newLogin,
  newSessionEntry,
  parseSessionEntry,
  userFingerprint,
} from '../../src/tokens/session-entry.js';

const granted = {
  tokens: { accessToken: 'a', refreshToken: 'r', expiresAt: 7, scopes: ['openid'], idToken: 'verified' },
  subject: 'user-1',
  nonce: 'nonce-1',
  clientID: 'polar_ci_1',
  server: 'https://api.polar.sh',
  mintedAt: 5,
  askedScopes: ['openid', 'email'],
};

const entry = newSessionEntry(newLogin(granted), { id: 1 });
const stored = () => JSON.parse(JSON.stringify(entry)) as Record<string, unknown>;

describe('a new entry', () => {
  it('has all of the login but the id_token, and is bound to the user', () => {
    expect(entry).toEqual({
      v: 1,
      loginId: expect.stringMatching(/^[\w-]{22}$/),
      recordKey: expect.stringMatching(/^[\w-]{43}$/),
      tokens: { accessToken: 'a', refreshToken: 'r', expiresAt: 7, scopes: ['openid'] },
      mintedAt: 5,
      askedScopes: ['openid', 'email'],
      subject: 'user-1',
      nonce: 'nonce-1',
      user: userFingerprint({ id: 1 }),
      clientID: 'polar_ci_1',
      server: 'https://api.polar.sh',
    });
  });

  it('has a name and a key of its own', () => {
    const entries = Array.from({ length: 50 }, () => newLogin(granted));
    expect(new Set(entries.map(({ loginId }) => loginId)).size).toBe(50);
    expect(new Set(entries.map(({ recordKey }) => recordKey)).size).toBe(50);
  });
});

describe('an entry from a session', () => {
  it('is read as it was written', () => {
    expect(parseSessionEntry(stored())).toEqual(entry);
  });

  it('has nothing that is not its own', () => {
    expect(parseSessionEntry({ ...stored(), more: 1 })).toEqual(entry);
  });

  const wrong = [undefined, null, '', true, {}, [7]];
  const fields = [
    'v',
    'loginId',
    'recordKey',
    'tokens',
    'mintedAt',
    'askedScopes',
    'subject',
    'nonce',
    'user',
    'clientID',
    'server',
  ];

  it('has a test for each field', () => {
    expect(Object.keys(entry).sort()).toEqual([...fields].sort());
  });

  it.each(fields.flatMap((field) => wrong.map((value): [string, unknown] => [field, value])))(
    'is none with %s: %j',
    (field, value) => {
      expect(parseSessionEntry({ ...stored(), [field]: value })).toBeUndefined();
    },
  );

  it.each(fields.filter((field) => field !== 'mintedAt'))('is none with a number as %s', (field) => {
    expect(parseSessionEntry({ ...stored(), [field]: 7 })).toBeUndefined();
  });

  it.each<[string, unknown]>([
    ['mintedAt', '7'],
    ['v', 2],
    ['v', 0],
    ['v', '1'],
    ['loginId', Buffer.alloc(15).toString('base64url')],
    ['loginId', Buffer.alloc(17).toString('base64url')],
    ['loginId', `${entry.loginId.slice(0, -1)}*`],
    ['loginId', `../${entry.loginId.slice(3)}`],
    ['loginId', `${entry.loginId}\n`],
    ['loginId', `${entry.loginId} `],
    ['recordKey', Buffer.alloc(31).toString('base64url')],
    ['recordKey', Buffer.alloc(33).toString('base64url')],
    ['recordKey', `${entry.recordKey.slice(0, -1)}+`],
    ['tokens', { accessToken: '', scopes: [] }],
    ['tokens', { ...entry.tokens, refreshToken: 7 }],
  ])('is none with %s: %j', (field, value) => {
    expect(parseSessionEntry({ ...stored(), [field]: value })).toBeUndefined();
  });

  it.each([[undefined], [null], ['text'], [7], [true], [[]], [[entry]], [{}]])(
    'is none at all: %j',
    (value) => {
      expect(parseSessionEntry(value)).toBeUndefined();
    },
  );
});

describe('the fingerprint of a user', () => {
  it('does not depend on the order of keys, however deep', () => {
    const one = { id: 1, name: 'Ada', roles: [{ a: 1, b: { c: 1, d: 2 } }] };
    const other = { roles: [{ b: { d: 2, c: 1 }, a: 1 }], name: 'Ada', id: 1 };
    expect(userFingerprint(one)).toBe(userFingerprint(other));
  });

  it('is the same after a trip through a store', () => {
    const user = { id: 1, seen: new Date(0), gone: undefined, __proto__: { x: 1 } };
    expect(userFingerprint(JSON.parse(JSON.stringify(user)))).toBe(userFingerprint(user));
  });

  it('is another for each user', () => {
    const users = [
      undefined,
      'undefined',
      null,
      'null',
      0,
      '0',
      1,
      '1',
      '',
      false,
      [],
      {},
      [1],
      ['1'],
      { id: 1 },
      { id: '1' },
      { id: 2 },
      { ID: 1 },
      { id: 1, admin: true },
      { id: [1] },
      [{ id: 1 }],
      { a: { b: 1 } },
      { a: 1, b: 1 },
      ['a', 'b'],
      ['b', 'a'],
      JSON.parse('{"__proto__":1}'),
    ];
    expect(new Set(users.map(userFingerprint)).size).toBe(users.length);
  });

  it('does not show the user', () => {
    expect(userFingerprint('ada@example.com')).toMatch(/^[\w-]{43}$/);
  });
});
