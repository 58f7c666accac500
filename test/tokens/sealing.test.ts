import { describe, expect, it } from '@jest/globals';
import { newSealingKey, seal, unseal } from '../../src/tokens/sealing.js';

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

  it('stays closed to a header that names another algorithm', async () => {
    const [, ...rest] = (await seal(value, key, 'p')).split('.');
    for (const header of [
      { alg: 'dir', enc: 'A128GCM', purpose: 'p' },
      { alg: 'A256KW', enc: 'A256GCM', purpose: 'p' },
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
