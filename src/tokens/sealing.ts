import { createHash, hkdfSync, randomBytes } from 'node:crypto';
import { CompactEncrypt, compactDecrypt, decodeProtectedHeader } from 'jose';

/** Encrypts JSON values (JWE, A256GCM) and opens them again. */
export interface Sealer {
  /** `purpose` is authenticated with the value, so that what was sealed for one place cannot be put in another. */
  seal(value: unknown, purpose: string): Promise<string>;
  /** Opens what {@link seal} made; undefined for anything else, another key or another purpose. */
  unseal(sealed: string, purpose: string): Promise<unknown>;
  /** True for what names a key that is not here: whoever has it can open it. */
  lacksKeyOf(sealed: string): boolean;
}

/** A new random key for {@link sealerWithKey}, base64url. */
export function newSealingKey(): string {
  return randomBytes(32).toString('base64url');
}

/** Seals with one key: 32 bytes, base64url. */
export function sealerWithKey(key: string): Sealer {
  const bytes = Buffer.from(key, 'base64url');
  return {
    seal: (value, purpose) => encrypt(value, bytes, { purpose }),
    unseal: (sealed, purpose) => decrypt(sealed, purpose, () => bytes),
    lacksKeyOf: (sealed) => keyNamedIn(sealed) !== undefined,
  };
}

/**
 * Seals with the first of the app's keys, and opens what any of them sealed.
 *
 * @param use what the keys are for: they are derived (HKDF, RFC 5869), so that what was sealed for one use opens
 * nothing of another
 */
export function sealerWithKeys(keys: readonly string[], use: string): Sealer {
  const derived = new Map(keys.map((key) => [keyId(key), derive(key, use)]));
  const [[kid, current] = ['', Buffer.alloc(0)]] = derived;
  return {
    seal: (value, purpose) => encrypt(value, current, { purpose, kid }),
    unseal: (sealed, purpose) => decrypt(sealed, purpose, (named) => derived.get(named ?? '')),
    lacksKeyOf(sealed) {
      const named = keyNamedIn(sealed);
      return named !== undefined && !derived.has(named);
    },
  };
}

/** Seals with the first of some sealers, and opens what any of them sealed. */
export function firstOf(sealers: readonly [Sealer, ...Sealer[]]): Sealer {
  return {
    seal: (value, purpose) => sealers[0].seal(value, purpose),
    async unseal(sealed, purpose) {
      for (const sealer of sealers) {
        const value = await sealer.unseal(sealed, purpose);
        if (value !== undefined) return value;
      }
      return undefined;
    },
    lacksKeyOf: (sealed) => sealers.every((sealer) => sealer.lacksKeyOf(sealed)),
  };
}

async function encrypt(
  value: unknown,
  key: Uint8Array,
  header: { purpose: string; kid?: string },
): Promise<string> {
  return new CompactEncrypt(new TextEncoder().encode(JSON.stringify(value)))
    .setProtectedHeader({ alg: 'dir', enc: 'A256GCM', ...header, purpose: hashOf(header.purpose) })
    .encrypt(key);
}

async function decrypt(
  sealed: string,
  purpose: string,
  keyOf: (kid: string | undefined) => Uint8Array | undefined,
): Promise<unknown> {
  try {
    const key = keyOf(keyNamedIn(sealed));
    if (key === undefined) return undefined;
    const { plaintext, protectedHeader } = await compactDecrypt(sealed, key, {
      keyManagementAlgorithms: ['dir'],
      contentEncryptionAlgorithms: ['A256GCM'],
    });
    return protectedHeader['purpose'] === hashOf(purpose)
      ? JSON.parse(new TextDecoder().decode(plaintext))
      : undefined;
  } catch {
    return undefined;
  }
}

function keyNamedIn(sealed: string): string | undefined {
  try {
    return decodeProtectedHeader(sealed).kid;
  } catch {
    return undefined;
  }
}

function derive(key: string, use: string): Buffer {
  return Buffer.from(hkdfSync('sha256', key, '', `passport-polar-sh ${use}`, 32));
}

// A purpose names all that a value is bound to, which would make each row longer by as much.
const hashOf = (purpose: string): string => createHash('sha256').update(purpose).digest('base64url');

/** Names a key without telling anything of it. */
function keyId(key: string): string {
  return createHash('sha256').update(derive(key, 'key id')).digest('base64url').slice(0, 11);
}
