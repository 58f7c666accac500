import { createHash } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { CompactEncrypt } from 'jose';
import {
  firstOf,
  newSealingKey,
  type Sealer,
  sealerWithKey,
  sealerWithKeys,
} from '../../src/tokens/sealing.js';

const seal = (value: unknown, key: string, purpose: string) => sealerWithKey(key).seal(value, purpose);
const unseal = (sealed: string, key: string, purpose: string) => sealerWithKey(key).unseal(sealed, purpose);
/** A purpose as it stands in the header. */
const hashOf = (purpose: string) => createHash('sha256').update(purpose).digest('base64url');

const key = newSealingKey();
const value = { tokens: { accessToken: 'polar_at_u_1' }, list: [1, null, 'ü'] };

describe('what is sealed', () => {
  it('can be opened with the same key for the same purpose', async () => {
    expect(await unseal(await seal(value, key, 'p'), key, 'p')).toEqual(value);
  });

  it.each([[null], [0], [''], ['text'], [[]], [{}]])('may be any JSON: %j', async (any) => {
    expect(await unseal(await seal(any, key, 'p'), key, 'p')).toEqual(any);
  });

  it('shows neither the value nor the key', async () => {
    const sealed = await seal(value, key, 'p');
    const shown = sealed.split('.').map((part) => Buffer.from(part, 'base64url').toString());
    expect([sealed, ...shown].join(' ')).not.toMatch(/polar_at|accessToken/);
    expect(sealed).not.toContain(key);
  });

  it('is different each time, so that nobody sees what is the same', async () => {
    expect(await seal(value, key, 'p')).not.toBe(await seal(value, key, 'p'));
  });

  it('stays closed to another key', async () => {
    expect(await unseal(await seal(value, key, 'p'), newSealingKey(), 'p')).toBeUndefined();
  });

  it.each(['', 'q', 'p1', 'P'])('stays closed for another purpose: %j', async (purpose) => {
    expect(await unseal(await seal(value, key, 'p'), key, purpose)).toBeUndefined();
  });

  it('does not open for what stands in its header', async () => {
    const sealed = await seal(value, key, 'p');
    expect(await unseal(sealed, key, hashOf('p'))).toBeUndefined();
    const made = (purpose: string) =>
      new CompactEncrypt(new TextEncoder().encode('1'))
        .setProtectedHeader({ alg: 'dir', enc: 'A256GCM', purpose })
        .encrypt(Buffer.from(key, 'base64url'));
    expect(await unseal(await made(hashOf('p')), key, 'p')).toBe(1);
    expect(await unseal(await made('p'), key, 'p')).toBeUndefined();
  });

  it('does not grow with its purpose, and does not show it', async () => {
    const [short, long] = ['p', 'a long purpose '.repeat(100)];
    const sealed = await seal(value, key, long);
    expect(sealed).toHaveLength((await seal(value, key, short)).length);
    expect(Buffer.from(sealed.split('.')[0] ?? '', 'base64url').toString()).not.toContain('a long purpose');
    expect(await unseal(sealed, key, long)).toEqual(value);
    expect(await unseal(sealed, key, `${long} `)).toBeUndefined();
  });

  it('stays closed when it was changed anywhere', async () => {
    const sealed = await seal(value, key, 'p');
    for (let part = 0; part < 5; part++) {
      const parts = sealed.split('.').map((text) => Buffer.from(text, 'base64url'));
      const bytes = parts[part] ?? Buffer.alloc(0);
      if (bytes.length > 0) bytes[0] = (bytes[0] ?? 0) ^ 1;
      else parts[part] = Buffer.from([1]);
      expect(
        await unseal(parts.map((other) => other.toString('base64url')).join('.'), key, 'p'),
      ).toBeUndefined();
    }
  });

  it('stays closed when it breaks off anywhere', async () => {
    const sealed = await seal(value, key, 'p');
    for (let length = 0; length < sealed.length; length += 7) {
      expect(await unseal(sealed.slice(0, length), key, 'p')).toBeUndefined();
    }
    expect(await unseal(sealed.slice(0, -1), key, 'p')).toBeUndefined();
  });

  it('stays closed to another encryption that takes the same key', async () => {
    const made = await new CompactEncrypt(new TextEncoder().encode('1'))
      .setProtectedHeader({ alg: 'dir', enc: 'A128CBC-HS256', purpose: hashOf('p') })
      .encrypt(Buffer.from(key, 'base64url'));
    expect(await unseal(made, key, 'p')).toBeUndefined();
  });

  it('tells whose key is missing', async () => {
    const [one, two] = ['one', 'two'].map((name) => sealerWithKeys([name], 'a use')) as [Sealer, Sealer];
    const byOne = await one.seal(value, 'p');
    const byKey = await seal(value, key, 'p');
    const lack = (sealer: Sealer) => [byOne, byKey, 'nonsense'].map((sealed) => sealer.lacksKeyOf(sealed));
    expect(lack(one)).toEqual([false, false, false]);
    expect(lack(two)).toEqual([true, false, false]);
    expect(lack(sealerWithKey(key))).toEqual([true, false, false]);
    expect(lack(firstOf([two, sealerWithKey(key)]))).toEqual([true, false, false]);
    expect(lack(firstOf([one, sealerWithKey(key)]))).toEqual([false, false, false]);
  });

  it('stays closed to a header that names another algorithm', async () => {
    const [, ...rest] = (await seal(value, key, 'p')).split('.');
    for (const header of [
      { alg: 'dir', enc: 'A128GCM', purpose: hashOf('p') },
      { alg: 'A256KW', enc: 'A256GCM', purpose: hashOf('p') },
      { alg: 'none' },
    ]) {
      const forged = [Buffer.from(JSON.stringify(header)).toString('base64url'), ...rest].join('.');
      expect(await unseal(forged, key, 'p')).toBeUndefined();
    }
  });

  it.each([[''], ['text'], ['....'], ['a.b.c.d.e'], [undefined], [null], [7], [{}]])(
    'is not %p, and that is no crash',
    async (sealed) => {
      expect(await unseal(sealed as string, key, 'p')).toBeUndefined();
    },
  );

  it.each(['', 'short', Buffer.alloc(16).toString('base64url'), Buffer.alloc(64).toString('base64url')])(
    'is not opened with a key of another length',
    async (other) => {
      expect(await unseal(await seal(value, key, 'p'), other, 'p')).toBeUndefined();
    },
  );
});

it('a key has 256 bits, and is another one each time', () => {
  expect(Buffer.from(newSealingKey(), 'base64url')).toHaveLength(32);
  expect(new Set(Array.from({ length: 100 }, newSealingKey)).size).toBe(100);
});

describe('what is sealed with keys of the app', () => {
  const [old, current, other] = ['old', 'current', 'other'].map((name) => name.padEnd(32, '.')) as [
    string,
    string,
    string,
  ];

  it('is opened by the first key and by previous ones, for the same purpose and use', async () => {
    const sealed = await sealerWithKeys([old], 'u').seal(value, 'p');
    expect(await sealerWithKeys([old], 'u').unseal(sealed, 'p')).toEqual(value);
    expect(await sealerWithKeys([current, old], 'u').unseal(sealed, 'p')).toEqual(value);
    expect(await sealerWithKeys([current, other], 'u').unseal(sealed, 'p')).toBeUndefined();
    expect(await sealerWithKeys([old], 'u').unseal(sealed, 'q')).toBeUndefined();
    expect(await sealerWithKeys([old], 'another use').unseal(sealed, 'p')).toBeUndefined();
  });

  it('is sealed with the first key', async () => {
    const sealed = await sealerWithKeys([current, old], 'u').seal(value, 'p');
    expect(await sealerWithKeys([current], 'u').unseal(sealed, 'p')).toEqual(value);
    expect(await sealerWithKeys([old], 'u').unseal(sealed, 'p')).toBeUndefined();
  });

  it('names its key without showing it', async () => {
    const sealed = await sealerWithKeys([current], 'u').seal(value, 'p');
    const header = Buffer.from(sealed.split('.')[0] ?? '', 'base64url').toString();
    expect(JSON.parse(header)).toEqual({
      alg: 'dir',
      enc: 'A256GCM',
      purpose: hashOf('p'),
      kid: expect.stringMatching(/^[\w-]{11}$/),
    });
    expect(header).not.toContain(current);
  });

  it('can stand beside a key of its own', async () => {
    const [keys, own] = [sealerWithKeys([current], 'u'), sealerWithKey(newSealingKey())];
    const both = firstOf([keys, own]);
    for (const sealer of [keys, own, both])
      expect(await both.unseal(await sealer.seal(value, 'p'), 'p')).toEqual(value);
    expect(await keys.unseal(await both.seal(value, 'p'), 'p')).toEqual(value);
    expect(await both.unseal(await sealerWithKey(newSealingKey()).seal(value, 'p'), 'p')).toBeUndefined();
  });
});
