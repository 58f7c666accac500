import { createHmac, hash, hkdfSync, randomBytes } from 'node:crypto';
import { decryptJWE, encodeHeader, encryptJWE, keyIdIn } from './jwe.js';

/** Encrypts and decrypts JSON values (JWE, A256GCM). */
export interface Sealer {
  /** Encrypts a value. `purpose` is authenticated with it, so that a value sealed for one place cannot be moved to another. */
  seal(value: unknown, purpose: string): string;
  /** Decrypts a sealed value; returns undefined if it is malformed, or sealed with another key or for another purpose. */
  unseal(sealed: string, purpose: string): unknown;
  /** True if the value names a key that this sealer lacks. A process that has the key can open it. */
  lacksKeyOf(sealed: string): boolean;
}

/** A key of 32 bytes. If there are several, the id tells which one sealed a value. */
interface SealingKey {
  readonly bytes: Uint8Array;
  readonly id?: string;
}

/** Creates a random key for {@link sealerWithKey}, base64url. */
export function newSealingKey(): string {
  return randomBytes(32).toString('base64url');
}

/** Creates a sealer with one key: 32 bytes, base64url. */
export function sealerWithKey(key: string): Sealer {
  return sealer([{ bytes: Buffer.from(key, 'base64url') }]);
}

/**
 * Creates a sealer with a key that is derived (HKDF, RFC 5869) from a random secret.
 *
 * @param secret at least 32 random bytes, so that HKDF-Extract can be skipped (section 3.3)
 * @param use a value that was sealed for one use opens for no other
 */
export function sealerDerivedFrom(secret: string | Uint8Array, use: string): Sealer {
  // The one block of HKDF-Expand (section 2.3).
  const bytes = createHmac('sha256', secret)
    .update(`${infoOf(use)}\x01`)
    .digest();
  return sealer([{ bytes }]);
}

/**
 * Creates a sealer that seals with the first of the app's keys and opens with all of them.
 *
 * @param use keys are derived for their use (HKDF, RFC 5869), so a value that was sealed for one use opens for no other
 */
export function sealerWithKeys(keys: readonly [string, ...string[]], use: string): Sealer {
  const named = (key: string): SealingKey => ({ bytes: derive(key, use), id: keyId(key) });
  const [current, ...others] = keys;
  return sealer([named(current), ...others.map(named)]);
}

/** Creates a sealer that seals with the first sealer and opens with all of them. */
export function firstOf(sealers: readonly [Sealer, ...Sealer[]]): Sealer {
  return {
    seal: (value, purpose) => sealers[0].seal(value, purpose),
    unseal(sealed, purpose) {
      for (const each of sealers) {
        const value = each.unseal(sealed, purpose);
        if (value !== undefined) return value;
      }
      return undefined;
    },
    lacksKeyOf: (sealed) => sealers.every((each) => each.lacksKeyOf(sealed)),
  };
}

function sealer(keys: readonly [SealingKey, ...SealingKey[]]): Sealer {
  return {
    seal: (value, purpose) =>
      encryptJWE(JSON.stringify(value), keys[0].bytes, headerOf(keys[0], hashOf(purpose))),
    unseal(sealed, purpose) {
      const purposeHash = hashOf(purpose);
      for (const key of keys) {
        const text = decryptJWE(sealed, key.bytes, headerOf(key, purposeHash));
        if (text !== undefined) return JSON.parse(text);
      }
      return undefined;
    },
    lacksKeyOf(sealed) {
      const named = keyIdIn(sealed);
      return named !== undefined && keys.every(({ id }) => id !== named);
    },
  };
}

function headerOf({ id }: SealingKey, purpose: string): string {
  return encodeHeader(id === undefined ? { purpose } : { purpose, kid: id });
}

const infoOf = (use: string): string => `passport-polar-sh ${use}`;

function derive(key: string, use: string): Uint8Array {
  return new Uint8Array(hkdfSync('sha256', key, '', infoOf(use), 32));
}

// A purpose lists everything that a value is bound to, which would make each row that much longer.
const hashOf = (purpose: string): string => hash('sha256', purpose, 'base64url');

/** Returns a name for a key that reveals nothing about it. */
function keyId(key: string): string {
  return hash('sha256', derive(key, 'key id'), 'base64url').slice(0, 11);
}
