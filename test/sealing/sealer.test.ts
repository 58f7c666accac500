import { createHash, createHmac, hkdfSync, randomBytes } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { CompactEncrypt, compactDecrypt } from 'jose';
import {
  firstOf,
  newSealingKey,
  type Sealer,
  sealerDerivedFrom,
  sealerWithKey,
  sealerWithKeys,
} from '../../src/sealing/sealer.js';

const seal = (value: unknown, key: string, purpose: string) => sealerWithKey(key).seal(value, purpose);
const unseal = (sealed: string, key: string, purpose: string) => sealerWithKey(key).unseal(sealed, purpose);
/** The purpose as the header contains it. */
const hashOf = (purpose: string) => createHash('sha256').update(purpose).digest('base64url');

/** Another text of the same 16 bytes, since four bits of the last character mean nothing. */
function sameBytes(tag: string): string {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
  const last = alphabet.indexOf(tag.at(-1) ?? '');
  return tag.slice(0, -1) + alphabet[last + 1];
}

const key = newSealingKey();
const value = { tokens: { accessToken: 'polar_at_u_1' }, list: [1, null, 'ü'] };

describe('a sealed value', () => {
  it('opens with the same key for the same purpose', () => {
    expect(unseal(seal(value, key, 'p'), key, 'p')).toEqual(value);
  });

  it.each([[null], [0], [''], ['text'], [[]], [{}]])('may be any JSON: %j', (any) => {
    expect(unseal(seal(any, key, 'p'), key, 'p')).toEqual(any);
  });

  it('shows neither its content nor its key', () => {
    const sealed = seal(value, key, 'p');
    const shown = sealed.split('.').map((part) => Buffer.from(part, 'base64url').toString());
    expect([sealed, ...shown].join(' ')).not.toMatch(/polar_at|accessToken/);
    expect(sealed).not.toContain(key);
  });

  it('differs each time, so that equal values are not recognized', () => {
    expect(seal(value, key, 'p')).not.toBe(seal(value, key, 'p'));
  });

  it('stays closed for another key', () => {
    expect(unseal(seal(value, key, 'p'), newSealingKey(), 'p')).toBeUndefined();
  });

  it.each(['', 'q', 'p1', 'P'])('stays closed for another purpose: %j', (purpose) => {
    expect(unseal(seal(value, key, 'p'), key, purpose)).toBeUndefined();
  });

  it('does not open for the purpose as its header contains it', async () => {
    const sealed = seal(value, key, 'p');
    expect(unseal(sealed, key, hashOf('p'))).toBeUndefined();
    const made = (purpose: string) =>
      new CompactEncrypt(new TextEncoder().encode('1'))
        .setProtectedHeader({ alg: 'dir', enc: 'A256GCM', purpose })
        .encrypt(Buffer.from(key, 'base64url'));
    expect(unseal(await made(hashOf('p')), key, 'p')).toBe(1);
    expect(unseal(await made('p'), key, 'p')).toBeUndefined();
  });

  it('does not grow with its purpose, and does not show it', () => {
    const [short, long] = ['p', 'a long purpose '.repeat(100)];
    const sealed = seal(value, key, long);
    expect(sealed).toHaveLength(seal(value, key, short).length);
    expect(Buffer.from(sealed.split('.')[0] ?? '', 'base64url').toString()).not.toContain('a long purpose');
    expect(unseal(sealed, key, long)).toEqual(value);
    expect(unseal(sealed, key, `${long} `)).toBeUndefined();
  });

  it('stays closed if any part of it was changed', () => {
    const sealed = seal(value, key, 'p');
    for (let part = 0; part < 5; part++) {
      const parts = sealed.split('.').map((text) => Buffer.from(text, 'base64url'));
      const bytes = parts[part] ?? Buffer.alloc(0);
      if (bytes.length > 0) bytes[0] = (bytes[0] ?? 0) ^ 1;
      else parts[part] = Buffer.from([1]);
      expect(unseal(parts.map((other) => other.toString('base64url')).join('.'), key, 'p')).toBeUndefined();
    }
  });

  it('stays closed if it is truncated anywhere', () => {
    const sealed = seal(value, key, 'p');
    for (let length = 0; length < sealed.length; length += 7) {
      expect(unseal(sealed.slice(0, length), key, 'p')).toBeUndefined();
    }
    expect(unseal(sealed.slice(0, -1), key, 'p')).toBeUndefined();
  });

  it('stays closed if it was encrypted by another algorithm with the same key', async () => {
    const made = await new CompactEncrypt(new TextEncoder().encode('1'))
      .setProtectedHeader({ alg: 'dir', enc: 'A128CBC-HS256', purpose: hashOf('p') })
      .encrypt(Buffer.from(key, 'base64url'));
    expect(unseal(made, key, 'p')).toBeUndefined();
  });

  it('is a JWE that jose can open, and a JWE by jose opens as well', async () => {
    const bytes = Buffer.from(key, 'base64url');
    const { plaintext, protectedHeader } = await compactDecrypt(seal(value, key, 'p'), bytes);
    expect(JSON.parse(new TextDecoder().decode(plaintext))).toEqual(value);
    expect(protectedHeader).toEqual({ alg: 'dir', enc: 'A256GCM', purpose: hashOf('p') });
    const made = await new CompactEncrypt(new TextEncoder().encode(JSON.stringify(value)))
      .setProtectedHeader(protectedHeader)
      .encrypt(bytes);
    expect(unseal(made, key, 'p')).toEqual(value);
  });

  it.each([
    ['a shorter tag', (parts: string[]) => parts.with(4, parts[4]?.slice(0, 16) ?? '')],
    ['an empty tag', (parts: string[]) => parts.with(4, '')],
    ['a longer vector', (parts: string[]) => parts.with(2, `${parts[2]}AAAA`)],
    ['no vector', (parts: string[]) => parts.with(2, '')],
    ['an encrypted key', (parts: string[]) => parts.with(1, 'AAAA')],
    ['a sixth part', (parts: string[]) => [...parts, 'AAAA']],
    ['blanks', (parts: string[]) => parts.map((part) => ` ${part}`)],
    ['padding', (parts: string[]) => parts.with(4, `${parts[4]}==`)],
    ['other characters of the same bytes', (parts: string[]) => parts.with(4, sameBytes(parts[4] ?? ''))],
  ])('stays closed with %s', (_what, change) => {
    expect(unseal(change(seal(value, key, 'p').split('.')).join('.'), key, 'p')).toBeUndefined();
  });

  it('tells whether a key for it is missing', () => {
    const [one, two] = ['one', 'two'].map((name) => sealerWithKeys([name], 'a use')) as [Sealer, Sealer];
    const byOne = one.seal(value, 'p');
    const byKey = seal(value, key, 'p');
    const lack = (sealer: Sealer) => [byOne, byKey, 'nonsense'].map((sealed) => sealer.lacksKeyOf(sealed));
    expect(lack(one)).toEqual([false, false, false]);
    expect(lack(two)).toEqual([true, false, false]);
    expect(lack(sealerWithKey(key))).toEqual([true, false, false]);
    expect(lack(firstOf([two, sealerWithKey(key)]))).toEqual([true, false, false]);
    expect(lack(firstOf([one, sealerWithKey(key)]))).toEqual([false, false, false]);
  });

  it('stays closed if its header names another algorithm', () => {
    const [, ...rest] = seal(value, key, 'p').split('.');
    for (const header of [
      { alg: 'dir', enc: 'A128GCM', purpose: hashOf('p') },
      { alg: 'A256KW', enc: 'A256GCM', purpose: hashOf('p') },
      { alg: 'none' },
    ]) {
      const forged = [Buffer.from(JSON.stringify(header)).toString('base64url'), ...rest].join('.');
      expect(unseal(forged, key, 'p')).toBeUndefined();
    }
  });

  it.each([[''], ['text'], ['....'], ['a.b.c.d.e'], [undefined], [null], [7], [{}]])(
    'is never %p, which causes no exception',
    (sealed) => {
      expect(unseal(sealed as string, key, 'p')).toBeUndefined();
    },
  );

  it.each(['', 'short', Buffer.alloc(16).toString('base64url'), Buffer.alloc(64).toString('base64url')])(
    'stays closed for a key of another length',
    (other) => {
      expect(unseal(seal(value, key, 'p'), other, 'p')).toBeUndefined();
    },
  );
});

it('a new sealing key has 256 bits and is unique', () => {
  expect(Buffer.from(newSealingKey(), 'base64url')).toHaveLength(32);
  expect(new Set(Array.from({ length: 100 }, newSealingKey)).size).toBe(100);
});

describe('a value sealed with keys of the app', () => {
  const [old, current, other] = ['old', 'current', 'other'].map((name) => name.padEnd(32, '.')) as [
    string,
    string,
    string,
  ];

  it('opens with the current key and previous ones, for the same purpose and use', () => {
    const sealed = sealerWithKeys([old], 'u').seal(value, 'p');
    expect(sealerWithKeys([old], 'u').unseal(sealed, 'p')).toEqual(value);
    expect(sealerWithKeys([current, old], 'u').unseal(sealed, 'p')).toEqual(value);
    expect(sealerWithKeys([current, other], 'u').unseal(sealed, 'p')).toBeUndefined();
    expect(sealerWithKeys([old], 'u').unseal(sealed, 'q')).toBeUndefined();
    expect(sealerWithKeys([old], 'another use').unseal(sealed, 'p')).toBeUndefined();
  });

  it('is sealed with the first key', () => {
    const sealed = sealerWithKeys([current, old], 'u').seal(value, 'p');
    expect(sealerWithKeys([current], 'u').unseal(sealed, 'p')).toEqual(value);
    expect(sealerWithKeys([old], 'u').unseal(sealed, 'p')).toBeUndefined();
  });

  it('names its key without showing it', () => {
    const sealed = sealerWithKeys([current], 'u').seal(value, 'p');
    const header = Buffer.from(sealed.split('.')[0] ?? '', 'base64url').toString();
    expect(JSON.parse(header)).toEqual({
      alg: 'dir',
      enc: 'A256GCM',
      purpose: hashOf('p'),
      kid: expect.stringMatching(/^[\w-]{11}$/),
    });
    expect(header).not.toContain(current);
  });

  it('works beside a sealer with another key', () => {
    const [keys, own] = [sealerWithKeys([current], 'u'), sealerWithKey(newSealingKey())];
    const both = firstOf([keys, own]);
    for (const sealer of [keys, own, both]) expect(both.unseal(sealer.seal(value, 'p'), 'p')).toEqual(value);
    expect(keys.unseal(both.seal(value, 'p'), 'p')).toEqual(value);
    expect(both.unseal(sealerWithKey(newSealingKey()).seal(value, 'p'), 'p')).toBeUndefined();
  });
});

describe('a value sealed with a key derived from a random secret', () => {
  const secret = newSealingKey();

  it('opens with the same secret for the same use only', () => {
    const sealed = sealerDerivedFrom(secret, 'u').seal(value, 'p');
    expect(sealerDerivedFrom(secret, 'u').unseal(sealed, 'p')).toEqual(value);
    expect(sealerDerivedFrom(secret, 'v').unseal(sealed, 'p')).toBeUndefined();
    expect(sealerDerivedFrom(newSealingKey(), 'u').unseal(sealed, 'p')).toBeUndefined();
    expect(sealerWithKey(secret).unseal(sealed, 'p')).toBeUndefined();
  });

  it('uses the key that HKDF expands from the secret', () => {
    const salt = randomBytes(32);
    const extracted = createHmac('sha256', salt).update('a secret of any kind').digest();
    const key = hkdfSync('sha256', 'a secret of any kind', salt, 'passport-polar-sh u', 32);
    const sealed = sealerDerivedFrom(extracted, 'u').seal(value, 'p');
    expect(sealerWithKey(Buffer.from(key).toString('base64url')).unseal(sealed, 'p')).toEqual(value);
  });
});
