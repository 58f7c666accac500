import { describe, expect, it } from '@jest/globals';
import { sealerWithKeys } from '../../src/tokens/sealing.js';
import {
  newLogin,
  newSessionEntry,
  openSessionEntry,
  parseSessionEntry,
  type SealedEntry,
  scopesOf,
  sealSessionEntry,
} from '../../src/tokens/session-entry.js';
import { UserIdentities } from '../../src/tokens/user-identity.js';

const granted = {
  tokens: { accessToken: 'a', refreshToken: 'r', expiresAt: 7, scopes: ['openid'], idToken: 'verified' },
  subject: 'user-1',
  nonce: 'nonce-1',
  clientID: 'polar_ci_1',
  server: 'https://api.polar.sh',
  mintedAt: 5,
  askedScopes: ['openid', 'email'],
};

const users = new UserIdentities(undefined);
const entry = newSessionEntry(newLogin(granted), users.of({ id: 1 }));
const stored = () => JSON.parse(JSON.stringify(entry)) as Record<string, unknown>;

describe('a new entry', () => {
  it('has all of the login but the id_token, and is bound to the user', () => {
    expect(entry).toEqual({
      v: 1,
      loginId: expect.stringMatching(/^[0-9a-f]{32}$/),
      recordKey: expect.stringMatching(/^[\w-]{43}$/),
      tokens: { accessToken: 'a', refreshToken: 'r', expiresAt: 7, scopes: ['openid'] },
      mintedAt: 5,
      askedScopes: ['openid', 'email'],
      subject: 'user-1',
      nonce: 'nonce-1',
      user: users.of({ id: 1 }),
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

  it.each<[field: string, what: string, value: unknown]>([
    ['mintedAt', 'text', '7'],
    ['v', '2', 2],
    ['v', '0', 0],
    ['v', 'text', '1'],
    ['loginId', 'of 31 characters', entry.loginId.slice(1)],
    ['loginId', 'of 33 characters', `${entry.loginId}0`],
    ['loginId', 'in upper case', 'A'.repeat(32)],
    ['loginId', 'in base64url', Buffer.alloc(24).toString('base64url')],
    ['loginId', 'with a star', `${entry.loginId.slice(0, -1)}*`],
    ['loginId', 'that leaves its folder', `../${entry.loginId.slice(3)}`],
    ['loginId', 'with a line end', `${entry.loginId}\n`],
    ['loginId', 'with a blank behind', `${entry.loginId} `],
    ['loginId', 'with a blank in front', ` ${entry.loginId}`],
    ['recordKey', 'of 31 bytes', Buffer.alloc(31).toString('base64url')],
    ['recordKey', 'of 33 bytes', Buffer.alloc(33).toString('base64url')],
    ['recordKey', 'in base64', `${entry.recordKey.slice(0, -1)}+`],
    ['askedScopes', 'of which one is no text', ['openid', 7]],
    ['tokens', 'without an access token', { accessToken: '', scopes: [] }],
    ['tokens', 'with a refresh token that is no text', { ...entry.tokens, refreshToken: 7 }],
  ])('is none with %s %s', (field, _what, value) => {
    expect(parseSessionEntry({ ...stored(), [field]: value })).toBeUndefined();
  });

  it.each([[undefined], [null], ['text'], [7], [true], [[]], [[entry]], [{}]])(
    'is none at all: %j',
    (value) => {
      expect(parseSessionEntry(value)).toBeUndefined();
    },
  );
});

describe('an entry where the app has keys', () => {
  const sealer = sealerWithKeys(['of the app'], 'session entries');
  const sealed = async () => (await sealSessionEntry(entry, sealer)) as SealedEntry;

  it('is sealed, but for what decides whether it is worth opening', async () => {
    expect(await sealed()).toEqual({
      v: 2,
      loginId: entry.loginId,
      askedScopes: ['openid', 'email'],
      scopes: ['openid'],
      user: entry.user,
      clientID: 'polar_ci_1',
      server: 'https://api.polar.sh',
      mintedAt: entry.mintedAt,
      sealed: expect.any(String),
    });
    expect(scopesOf(await sealed())).toEqual(scopesOf(entry));
    expect(scopesOf(entry)).toEqual(['openid']);
  });

  it('is opened as it was sealed, after a trip through a store', async () => {
    const found = parseSessionEntry({ ...JSON.parse(JSON.stringify(await sealed())), more: 1 });
    expect(found).toEqual({ ...found, v: 2 });
    expect(found).not.toHaveProperty('more');
    expect(await openSessionEntry(found as SealedEntry, sealer)).toEqual(entry);
  });

  it('is not sealed where there are none, and is opened as it is', async () => {
    expect(await sealSessionEntry(entry, undefined)).toBe(entry);
    expect(await openSessionEntry(entry, undefined)).toBe(entry);
    expect(await openSessionEntry(entry, sealer)).toBe(entry);
  });

  it('stays closed without a key, and to another one', async () => {
    expect(await openSessionEntry(await sealed(), undefined)).toBeUndefined();
    const other = sealerWithKeys(['of another app'], 'session entries');
    expect(await openSessionEntry(await sealed(), other)).toBeUndefined();
  });

  it.each<[string, unknown]>([
    ['loginId', newLogin(granted).loginId],
    ['user', users.of({ id: 2 })],
    ['clientID', 'polar_ci_2'],
    ['server', 'https://sandbox-api.polar.sh'],
    ['scopes', ['openid', 'admin']],
    ['askedScopes', ['openid']],
    ['mintedAt', 1],
    ['attempt', 'another'],
    ['askedOrganization', 'another'],
    ['sealed', 'nothing'],
  ])('stays closed with another %s than it was sealed with', async (field, value) => {
    expect(await openSessionEntry({ ...(await sealed()), [field]: value }, sealer)).toBeUndefined();
  });

  it('holds an entry that is open, and nothing else', async () => {
    const { v, ...outside } = await sealed();
    const { loginId, user, clientID, server, scopes, askedScopes, mintedAt, attempt } = outside;
    const bound = [loginId, user, clientID, server, scopes, askedScopes, mintedAt, attempt, undefined];
    const purpose = `session-entry:${JSON.stringify(bound)}`;
    for (const [content, opened] of [
      [entry, entry],
      [await sealed(), undefined],
      [{ ...entry, tokens: undefined }, undefined],
      ['text', undefined],
    ] as const) {
      const made = { ...outside, v, sealed: await sealer.seal(content, purpose) };
      expect(await openSessionEntry(made, sealer)).toEqual(opened);
    }
  });

  it.each(
    ['loginId', 'askedScopes', 'scopes', 'user', 'clientID', 'server', 'sealed'].flatMap((field) =>
      [undefined, null, '', 7, [7]].map((value): [string, unknown] => [field, value]),
    ),
  )('is none with %s: %j', async (field, value) => {
    expect(parseSessionEntry({ ...(await sealed()), [field]: value })).toBeUndefined();
  });
});
