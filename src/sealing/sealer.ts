import { createHmac, hash, hkdfSync, randomBytes } from 'node:crypto';
import { decryptJWE, encodeHeader, encryptJWE, keyIdIn } from './jwe.js';

/** Encrypts JSON values (JWE, A256GCM) and opens them again. */
export interface Sealer {
  /** `purpose` is authenticated with the value, so that what was sealed for one place cannot be put in another. */
  seal(value: unknown, purpose: string): string;
  /** Opens what {@link seal} made; undefined for anything else, another key or another purpose. */
  unseal(sealed: string, purpose: string): unknown;
  /** True for what names a key that is not here: whoever has it can open it. */
  lacksKeyOf(sealed: string): boolean;
}

/** A key of 32 bytes; where there are several, its id says which one sealed a value. */
interface SealingKey {
  readonly bytes: Uint8Array;
  readonly id?: string;
}

/** A new random key for {@link sealerWithKey}, base64url. */
export function newSealingKey(): string {
  return randomBytes(32).toString('base64url');
}

/** Seals with one key: 32 bytes, base64url. */
export function sealerWithKey(key: string): Sealer {
  return sealer([{ bytes: Buffer.from(key, 'base64url') }]);
}

/**
 * Seals with a key that is derived (HKDF, RFC 5869) from a random secret.
 *
 * @param secret at least 32 random bytes, so that nothing has to be extracted from it (section 3.3)
 * @param use what it is for: a value that was sealed for one use opens for no other
 */
export function sealerDerivedFrom(secret: string | Uint8Array, use: string): Sealer {
  // The one block of HKDF-Expand (section 2.3).
  const bytes = createHmac('sha256', secret)
    .update(`${infoOf(use)}\x01`)
    .digest();
  return sealer([{ bytes }]);
}

/**
 * Seals with the first of the app's keys, and opens what any of them sealed.
 *
 * @param use what the keys are for: they are derived (HKDF, RFC 5869), so a value that was sealed for one
 * use opens for no other
 */
export function sealerWithKeys(keys: readonly [string, ...string[]], use: string): Sealer {
  const named = (key: string): SealingKey => ({ bytes: derive(key, use), id: keyId(key) });
  const [current, ...others] = keys;
  return sealer([named(current), ...others.map(named)]);
}

/** Seals with the first of some sealers, and opens what any of them sealed. */
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

// A purpose names all that a value is bound to, which would make each row longer by as much.
const hashOf = (purpose: string): string => hash('sha256', purpose, 'base64url');

/** Names a key without telling anything about it. */
function keyId(key: string): string {
  return hash('sha256', derive(key, 'key id'), 'base64url').slice(0, 11);
}
