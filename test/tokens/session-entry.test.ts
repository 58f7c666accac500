import { describe, expect, it } from '@jest/globals';
import { sealerWithKeys } from '../../src/sealing/sealer.js';
import {
  newLogin,
  newSessionEntry,
  openSessionEntry,
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
  issuedAt: 5,
  askedScopes: ['openid', 'email'],
};

const users = new UserIdentities(undefined);
const entry = newSessionEntry(newLogin(granted), users.of({ id: 1 }));

describe('a new session entry', () => {
  it('has all of the login but its id_token, and is bound to the user', () => {
    expect(entry).toEqual({
      v: 1,
      loginId: expect.stringMatching(/^[0-9a-f]{32}$/),
      recordKey: expect.stringMatching(/^[\w-]{43}$/),
      tokens: { accessToken: 'a', refreshToken: 'r', expiresAt: 7, scopes: ['openid'] },
      issuedAt: 5,
      askedScopes: ['openid', 'email'],
      subject: 'user-1',
      nonce: 'nonce-1',
      user: users.of({ id: 1 }),
      clientID: 'polar_ci_1',
      server: 'https://api.polar.sh',
    });
  });

  it('has its own login id and record key', () => {
    const entries = Array.from({ length: 50 }, () => newLogin(granted));
    expect(new Set(entries.map(({ loginId }) => loginId)).size).toBe(50);
    expect(new Set(entries.map(({ recordKey }) => recordKey)).size).toBe(50);
  });
});

describe('a session entry with encryption keys', () => {
  const sealer = sealerWithKeys(['of the app'], 'session entries');
  const sealed = () => sealSessionEntry(entry, sealer) as SealedEntry;

  it('is sealed except for the fields that tell whether to open it', () => {
    expect(sealed()).toEqual({
      v: 2,
      loginId: entry.loginId,
      askedScopes: ['openid', 'email'],
      scopes: ['openid'],
      user: entry.user,
      clientID: 'polar_ci_1',
      server: 'https://api.polar.sh',
      issuedAt: entry.issuedAt,
      sealed: expect.any(String),
    });
    expect(scopesOf(sealed())).toEqual(scopesOf(entry));
    expect(scopesOf(entry)).toEqual(['openid']);
  });

  it('opens as it was sealed', () => {
    expect(openSessionEntry(sealed(), sealer)).toEqual(entry);
  });

  it('has its secrets sealed, and nothing else', () => {
    const seen: unknown[] = [];
    const watched = { ...sealer, seal: (value: unknown) => String(seen.push(value)) };
    sealSessionEntry(entry, watched);
    expect(seen).toEqual([
      {
        subject: 'user-1',
        nonce: 'nonce-1',
        recordKey: entry.recordKey,
        tokens: { accessToken: 'a', refreshToken: 'r', expiresAt: 7 },
      },
    ]);
  });

  it('is not sealed if there are no keys, and opens as it is', () => {
    expect(sealSessionEntry(entry, undefined)).toBe(entry);
    expect(openSessionEntry(entry, undefined)).toBe(entry);
    expect(openSessionEntry(entry, sealer)).toBe(entry);
  });

  it('stays closed without a key, and for another key', () => {
    expect(openSessionEntry(sealed(), undefined)).toBeUndefined();
    const other = sealerWithKeys(['of another app'], 'session entries');
    expect(openSessionEntry(sealed(), other)).toBeUndefined();
  });

  it.each<[string, unknown]>([
    ['loginId', newLogin(granted).loginId],
    ['user', users.of({ id: 2 })],
    ['clientID', 'polar_ci_2'],
    ['server', 'https://sandbox-api.polar.sh'],
    ['scopes', ['openid', 'admin']],
    ['askedScopes', ['openid']],
    ['issuedAt', 1],
    ['attempt', 'another'],
    ['askedOrganization', 'another'],
    ['sealed', 'nothing'],
  ])('stays closed with another %s than it was sealed with', (field, value) => {
    expect(openSessionEntry({ ...sealed(), [field]: value }, sealer)).toBeUndefined();
  });

  const { subject, nonce, recordKey, tokens } = entry;
  const secrets = { subject, nonce, recordKey, tokens };
  const contents: [string, unknown, unknown][] = [
    ['all secrets', secrets, entry],
    [
      'other scopes than those outside the seal',
      { ...secrets, tokens: { ...tokens, scopes: ['admin'] } },
      entry,
    ],
    [
      'fields that are outside the seal already',
      { ...secrets, user: 'another', clientID: 'another', v: 7 },
      entry,
    ],
    ['text', 'text', undefined],
    ['nothing', null, undefined],
    ['a list', [secrets], undefined],
    ...Object.keys(secrets).flatMap((field) =>
      [undefined, null, '', 7, true, {}, [7]].map((value): [string, unknown, unknown] => [
        `${field}: ${JSON.stringify(value)}`,
        { ...secrets, [field]: value },
        undefined,
      ]),
    ),
    ['no access token', { ...secrets, tokens: { ...tokens, accessToken: undefined } }, undefined],
    ['a malformed refresh token', { ...secrets, tokens: { ...tokens, refreshToken: 7 } }, undefined],
    ['a malformed expiry', { ...secrets, tokens: { ...tokens, expiresAt: '7' } }, undefined],
    ['a key of another length', { ...secrets, recordKey: recordKey.slice(2) }, undefined],
  ];
  it.each(contents)('is checked when it opens: sealed with %s', (_what, content, opened) => {
    const { v, ...outside } = sealed();
    const { loginId, user, clientID, server, scopes, askedScopes, issuedAt, attempt } = outside;
    const bound = [loginId, user, clientID, server, scopes, askedScopes, issuedAt, attempt, undefined];
    const purpose = `session-entry:${JSON.stringify(bound)}`;
    const made = { ...outside, v, sealed: sealer.seal(content, purpose) };
    expect(openSessionEntry(made, sealer)).toEqual(opened);
  });
});
