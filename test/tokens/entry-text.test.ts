import { describe, expect, it } from '@jest/globals';
import { sealerWithKeys } from '../../src/sealing/sealer.js';
import { entryText, loginIdIn, parseEntryText } from '../../src/tokens/entry-text.js';
import {
  newSessionEntry,
  openSessionEntry,
  type SealedEntry,
  type SessionEntry,
  sealSessionEntry,
} from '../../src/tokens/session-entry.js';
import { fieldsOf, textOf } from '../support/entry-fields.js';
import { grantedLogin } from './granted-login.js';

const entry = newSessionEntry(grantedLogin(), 'the hash of a user');
const { askedOrganization: _organization, attempt: _attempt, ...leastEntry } = entry;
const { refreshToken: _refresh, expiresAt: _expiry, ...leastTokens } = entry.tokens;
const least: SessionEntry = { ...leastEntry, tokens: leastTokens };

const { subject: _subject, nonce: _nonce, recordKey: _key, tokens: _tokens, ...outside } = entry;
const sealed: SealedEntry = { ...outside, v: 2, scopes: entry.tokens.scopes, sealed: 'e30..a.b.c' };

const waiting = { cookieHash: 'the hash of a cookie', isLeftToApp: false, returnTo: '/reports?week=3&a=b#c' };

/** Parses the entry with these changes to its fields. */
const read = (changes: Readonly<Record<string, unknown>>, of: SessionEntry = entry) =>
  parseEntryText(textOf({ ...fieldsOf(entryText(of)), ...changes }));

describe('the text of an entry', () => {
  it.each<[string, SessionEntry]>([
    ['all fields', entry],
    ['only the required fields', least],
    ['its secrets sealed', sealed],
    ['no scopes granted or asked for', { ...sealed, scopes: [], askedScopes: [] }],
    ['a user to wait for', { ...entry, waiting }],
    ['a user to wait for and its secrets sealed', { ...sealed, waiting }],
    [
      'a user to wait for and tokens that belong to the app',
      { ...entry, waiting: { ...waiting, isLeftToApp: true } },
    ],
    [
      'a user to wait for and no page to return to',
      { ...entry, waiting: { cookieHash: 'h', isLeftToApp: true } },
    ],
  ])('is parsed as it was written, with %s', (_what, written) => {
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
  ])('is parsed as it was written, with the odd value %j', (odd) => {
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
    'is parsed as it was written, with the time %p',
    (time) => {
      const written = { ...entry, issuedAt: time, tokens: { ...entry.tokens, expiresAt: time } };
      expect(parseEntryText(entryText(written))).toEqual(written);
    },
  );

  it('has no character that the JSON of a session escapes, and is one string', () => {
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

describe('the text of an entry in a session', () => {
  it.each<[string, SessionEntry]>([
    ['open', entry],
    ['sealed', sealed],
  ])('is parsed without unknown fields if it is %s', (_what, written) => {
    expect(read({ more: 1, __proto: 'x', constructor: 'y' }, written)).toEqual(written);
    expect(parseEntryText(`${entryText(written)}&__proto__=x&toString`)).toEqual(written);
  });

  const outsideFields = ['v', 'loginId', 'user', 'clientID', 'server', 'issuedAt', 'scopes', 'askedScopes'];
  const fields = [...outsideFields, 'subject', 'nonce', 'recordKey', 'accessToken'];
  const sealedFields = [...outsideFields, 'sealed'];
  // Fields that may be missing; for either case there is a test below.
  const optional = ['askedOrganization', 'attempt', 'refreshToken', 'expiresAt'];

  it('is tested without each of its fields', () => {
    expect(Object.keys(fieldsOf(entryText(entry))).sort()).toEqual([...fields, ...optional].sort());
    expect(Object.keys(fieldsOf(entryText(least))).sort()).toEqual([...fields].sort());
    const ofSealed = [...sealedFields, 'askedOrganization', 'attempt'].sort();
    expect(Object.keys(fieldsOf(entryText(sealed))).sort()).toEqual(ofSealed);
  });

  it.each(fields)('is invalid without %s', (field) => {
    expect(read({ [field]: undefined })).toBeUndefined();
  });

  it.each(sealedFields)('is invalid without %s if it is sealed', (field) => {
    expect(read({ [field]: undefined }, sealed)).toBeUndefined();
  });

  // An empty list of scopes is valid.
  const notEmpty = (field: string): boolean => !['scopes', 'askedScopes'].includes(field);

  it.each([...fields, 'askedOrganization', 'attempt', 'expiresAt'].filter(notEmpty))(
    'is invalid with an empty %s',
    (field) => {
      expect(read({ [field]: '' })).toBeUndefined();
    },
  );

  it.each([...sealedFields, 'askedOrganization', 'attempt'].filter(notEmpty))(
    'is invalid with an empty %s if it is sealed',
    (field) => {
      expect(read({ [field]: '' }, sealed)).toBeUndefined();
    },
  );

  it('may have empty scopes and an empty refresh token, which mean none', () => {
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
  )('is invalid with %s: %j', (field, text) => {
    expect(read({ [String(field)]: text })).toBeUndefined();
  });

  it.each<[field: string, what: string, value: unknown]>([
    ['v', '2 and secrets that are not sealed', 2],
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
    ['loginId', 'with a trailing blank', `${entry.loginId} `],
    ['loginId', 'with a leading blank', ` ${entry.loginId}`],
    ['recordKey', 'a number', 7],
    ['recordKey', 'of 31 bytes', Buffer.alloc(31).toString('base64url')],
    ['recordKey', 'of 33 bytes', Buffer.alloc(33).toString('base64url')],
    ['recordKey', 'in base64', `${entry.recordKey.slice(0, -1)}+`],
    ['accessToken', 'that would be two headers', 'a\r\nb: c'],
    ['refreshToken', 'with a character that no token has', 'r\u0000'],
  ])('is invalid with %s %s', (field, _what, value) => {
    expect(read({ [field]: value })).toBeUndefined();
  });

  it('is invalid if a sealed entry claims to be open', () => {
    expect(read({ v: 1 }, sealed)).toBeUndefined();
  });

  it.each([...fields, ...optional])('is invalid with two values for %s, equal or not', (field) => {
    const text = entryText(entry);
    for (const value of [fieldsOf(text)[field], 'another', '']) {
      expect(parseEntryText(`${text}&${textOf({ [field]: value })}`)).toBeUndefined();
      expect(parseEntryText(`${textOf({ [field]: value })}&${text}`)).toBeUndefined();
    }
  });

  it('is invalid if version and login do not come first, where they are searched for', () => {
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
  ])('is invalid if it is %p', (value) => {
    expect(parseEntryText(value)).toBeUndefined();
  });
});

describe('an entry that waits for its user', () => {
  const waits: SessionEntry = { ...entry, waiting };

  it('is tested without each of its fields', () => {
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
  ])('does not wait with %s: %j', (field, value) => {
    expect(read({ [field]: value }, waits)).toEqual(entry);
  });

  it('can wait without a page to return to', () => {
    const { returnTo: _page, ...without } = waiting;
    expect(read({ returnTo: undefined }, waits)).toEqual({ ...entry, waiting: without });
  });

  it('does not wait because of a page to return to', () => {
    expect(read({ returnTo: '/page', isLeftToApp: true })).toEqual(entry);
  });
});
