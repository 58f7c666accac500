import { describe, expect, it } from '@jest/globals';
import { entryText, loginIdIn, parseEntryText } from '../../src/tokens/entry-text.js';
import { sealerWithKeys } from '../../src/tokens/sealing.js';
import {
  newLogin,
  newSessionEntry,
  openSessionEntry,
  type SealedEntry,
  type SessionEntry,
  sealSessionEntry,
} from '../../src/tokens/session-entry.js';
import { fieldsOf, textOf } from '../support/entry-fields.js';

const entry = newSessionEntry(
  newLogin({
    tokens: { accessToken: 'a', refreshToken: 'r', expiresAt: 7, scopes: ['openid', 'email'] },
    subject: 'user-1',
    nonce: 'nonce-1',
    clientID: 'polar_ci_1',
    server: 'https://polar.sh https://api.polar.sh',
    issuedAt: 5,
    askedScopes: ['openid', 'email', 'orders:read'],
    askedOrganization: 'organization-1',
    attempt: 'attempt-1',
  }),
  'the hash of a user',
);
const { askedOrganization: _organization, attempt: _attempt, ...leastEntry } = entry;
const { refreshToken: _refresh, expiresAt: _expiry, ...leastTokens } = entry.tokens;
const least: SessionEntry = { ...leastEntry, tokens: leastTokens };

const { subject: _subject, nonce: _nonce, recordKey: _key, tokens: _tokens, ...outside } = entry;
const sealed: SealedEntry = { ...outside, v: 2, scopes: entry.tokens.scopes, sealed: 'e30..a.b.c' };

const waiting = { cookieHash: 'the hash of a cookie', isLeftToApp: false, returnTo: '/reports?week=3&a=b#c' };

/** The entry with some of its fields as they are here. */
const read = (changes: Readonly<Record<string, unknown>>, of: SessionEntry = entry) =>
  parseEntryText(textOf({ ...fieldsOf(entryText(of)), ...changes }));

describe('the text of an entry', () => {
  it.each<[string, SessionEntry]>([
    ['all that there is', entry],
    ['no more than there has to be', least],
    ['its secrets sealed', sealed],
    ['nothing granted, and nothing asked for', { ...sealed, scopes: [], askedScopes: [] }],
    ['a user who waits', { ...entry, waiting }],
    ['a user who waits, with its secrets sealed', { ...sealed, waiting }],
    ['a user who waits, tokens that are the app’s', { ...entry, waiting: { ...waiting, isLeftToApp: true } }],
    ['a user who waits for no page', { ...entry, waiting: { cookieHash: 'h', isLeftToApp: true } }],
  ])('is read as it was written, with %s', (_what, written) => {
    const text = entryText(written);
    expect(parseEntryText(text)).toEqual(written);
    expect(entryText(parseEntryText(text) as SessionEntry)).toBe(text);
    expect(loginIdIn(text)).toBe(entry.loginId);
  });

  it.each([
    'a b',
    'a+b',
    'a&loginId=b',
    'a=b',
    '%',
    '%41',
    '"',
    '\\',
    '\u0000',
    'ü',
    '𝒳',
    'a\r\nb',
    '#;?',
    ' ',
  ])('is read as it was written, with %j in it', (odd) => {
    const written: SessionEntry = {
      ...entry,
      user: odd,
      subject: odd,
      nonce: odd,
      clientID: odd,
      server: odd,
      attempt: odd,
      askedOrganization: odd,
      waiting: { cookieHash: odd, isLeftToApp: true, returnTo: odd },
    };
    expect(parseEntryText(entryText(written))).toEqual(written);
    const closed: SessionEntry = { ...sealed, user: odd, sealed: odd };
    expect(parseEntryText(entryText(closed))).toEqual(closed);
  });

  it.each([0, 0.5, -1, 1e21, 1e-7, 1.7e12 + 0.123, Number.MAX_VALUE])(
    'is read as it was written, with the time %p',
    (time) => {
      const written = { ...entry, issuedAt: time, tokens: { ...entry.tokens, expiresAt: time } };
      expect(parseEntryText(entryText(written))).toEqual(written);
    },
  );

  it('has no letter that the JSON of a session escapes, and is one text', () => {
    const text = entryText({ ...entry, waiting });
    expect(JSON.stringify(text)).toBe(`"${text}"`);
  });

  it('is opened as it was sealed, after a trip through a session', () => {
    const sealer = sealerWithKeys(['of the app'], 'session entries');
    const text = entryText(sealSessionEntry(entry, sealer));
    expect(text).not.toMatch(/recordKey|accessToken|refreshToken|subject|nonce/);
    expect(openSessionEntry(parseEntryText(text) as SealedEntry, sealer)).toEqual(entry);
  });
});

describe('an entry from a session', () => {
  it.each<[string, SessionEntry]>([
    ['open', entry],
    ['sealed', sealed],
  ])('that is %s has nothing that is not its own', (_what, written) => {
    expect(read({ more: 1, __proto: 'x', constructor: 'y' }, written)).toEqual(written);
    expect(parseEntryText(`${entryText(written)}&__proto__=x&toString`)).toEqual(written);
  });

  const outsideFields = ['v', 'loginId', 'user', 'clientID', 'server', 'issuedAt', 'scopes', 'askedScopes'];
  const fields = [...outsideFields, 'subject', 'nonce', 'recordKey', 'accessToken'];
  const sealedFields = [...outsideFields, 'sealed'];
  // There, or not there; in both there is a test for each below.
  const optional = ['askedOrganization', 'attempt', 'refreshToken', 'expiresAt'];

  it('has a test for each field', () => {
    expect(Object.keys(fieldsOf(entryText(entry))).sort()).toEqual([...fields, ...optional].sort());
    expect(Object.keys(fieldsOf(entryText(least))).sort()).toEqual([...fields].sort());
    const ofSealed = [...sealedFields, 'askedOrganization', 'attempt'].sort();
    expect(Object.keys(fieldsOf(entryText(sealed))).sort()).toEqual(ofSealed);
  });

  it.each(fields)('is none without %s', (field) => {
    expect(read({ [field]: undefined })).toBeUndefined();
  });

  it.each(sealedFields)('that is sealed is none without %s', (field) => {
    expect(read({ [field]: undefined }, sealed)).toBeUndefined();
  });

  // An empty list of scopes is one.
  const notEmpty = (field: string): boolean => !['scopes', 'askedScopes'].includes(field);

  it.each([...fields, 'askedOrganization', 'attempt', 'expiresAt'].filter(notEmpty))(
    'is none with an empty %s',
    (field) => {
      expect(read({ [field]: '' })).toBeUndefined();
    },
  );

  it.each([...sealedFields, 'askedOrganization', 'attempt'].filter(notEmpty))(
    'that is sealed is none with an empty %s',
    (field) => {
      expect(read({ [field]: '' }, sealed)).toBeUndefined();
    },
  );

  it('reads empty scopes as none, and an empty refresh token as none', () => {
    expect(read({ scopes: '', askedScopes: '', refreshToken: '' })).toEqual({
      ...entry,
      askedScopes: [],
      tokens: { accessToken: 'a', expiresAt: 7, scopes: [] },
    });
  });

  const numbers = ['issuedAt', 'expiresAt'];
  const notNumbers = [
    'NaN',
    'Infinity',
    '-Infinity',
    '7 ',
    ' 7',
    '+7',
    '07',
    '7.0',
    '0x7',
    '7e0',
    '9'.repeat(400),
  ];
  it.each(
    [...notNumbers, '1e999', 'yesterday', '7,5', 'true', 'null', '7\n'].flatMap((text) =>
      numbers.map((field) => [field, text]),
    ),
  )('is none with %s: %j', (field, text) => {
    expect(read({ [String(field)]: text })).toBeUndefined();
  });

  it.each<[field: string, what: string, value: unknown]>([
    ['v', '2 and its secrets open', 2],
    ['v', '0', 0],
    ['v', '3', 3],
    ['v', '11', 11],
    ['v', 'a word', 'one'],
    ['loginId', 'a number', 7],
    ['loginId', 'of 31 characters', entry.loginId.slice(1)],
    ['loginId', 'of 33 characters', `${entry.loginId}0`],
    ['loginId', 'in upper case', 'A'.repeat(32)],
    ['loginId', 'in base64url', Buffer.alloc(24).toString('base64url')],
    ['loginId', 'with a star', `${entry.loginId.slice(0, -1)}*`],
    ['loginId', 'that leaves its folder', `../${entry.loginId.slice(3)}`],
    ['loginId', 'with a line end', `${entry.loginId}\n`],
    ['loginId', 'with a blank behind', `${entry.loginId} `],
    ['loginId', 'with a blank in front', ` ${entry.loginId}`],
    ['recordKey', 'a number', 7],
    ['recordKey', 'of 31 bytes', Buffer.alloc(31).toString('base64url')],
    ['recordKey', 'of 33 bytes', Buffer.alloc(33).toString('base64url')],
    ['recordKey', 'in base64', `${entry.recordKey.slice(0, -1)}+`],
    ['accessToken', 'that would be two headers', 'a\r\nb: c'],
    ['refreshToken', 'with a character that none has', 'r\u0000'],
  ])('is none with %s %s', (field, _what, value) => {
    expect(read({ [field]: value })).toBeUndefined();
  });

  it('that is sealed is none as one that is open', () => {
    expect(read({ v: 1 }, sealed)).toBeUndefined();
  });

  it.each([...fields, ...optional])('is none with two of %s, be they the same or not', (field) => {
    const text = entryText(entry);
    for (const value of [fieldsOf(text)[field], 'another', '']) {
      expect(parseEntryText(`${text}&${textOf({ [field]: value })}`)).toBeUndefined();
      expect(parseEntryText(`${textOf({ [field]: value })}&${text}`)).toBeUndefined();
    }
  });

  it('is none where login and version do not come first, where an entry is found by them', () => {
    const { v, loginId, ...rest } = fieldsOf(entryText(entry));
    expect(parseEntryText(textOf({ v, loginId, ...rest }))).toEqual(entry);
    for (const other of [
      { loginId, v, ...rest },
      { ...rest, v, loginId },
      { v, ...rest, loginId },
    ])
      expect(parseEntryText(textOf(other))).toBeUndefined();
  });

  it.each<[unknown]>([
    [undefined],
    [null],
    [''],
    ['text'],
    ['polar_at_u_1'],
    [7],
    [true],
    [[]],
    [[entryText(entry)]],
    [{}],
    [entry],
    [new String(entryText(entry))],
    [JSON.stringify(entry)],
    [`?${entryText(entry)}`],
    [` ${entryText(entry)}`],
  ])('is none at all: %p', (value) => {
    expect(parseEntryText(value)).toBeUndefined();
  });
});

describe('an entry that waits for its user', () => {
  const waits: SessionEntry = { ...entry, waiting };

  it('has a test for each field', () => {
    const others = Object.keys(fieldsOf(entryText(entry)));
    const own = Object.keys(fieldsOf(entryText(waits))).filter((field) => !others.includes(field));
    expect(own.sort()).toEqual(['isLeftToApp', 'returnTo', 'waitingFor']);
  });

  it.each<[string, unknown]>([
    ['waitingFor', undefined],
    ['waitingFor', ''],
    ['isLeftToApp', undefined],
    ['isLeftToApp', ''],
    ['isLeftToApp', 'yes'],
    ['isLeftToApp', 1],
    ['isLeftToApp', 'TRUE'],
    ['isLeftToApp', 'true '],
  ])('waits no more with %s: %j', (field, value) => {
    expect(read({ [field]: value }, waits)).toEqual(entry);
  });

  it('waits without a page to return to, too', () => {
    const { returnTo: _page, ...without } = waiting;
    expect(read({ returnTo: undefined }, waits)).toEqual({ ...entry, waiting: without });
  });

  it('does not wait because of a page to return to', () => {
    expect(read({ returnTo: '/page', isLeftToApp: true })).toEqual(entry);
  });
});
