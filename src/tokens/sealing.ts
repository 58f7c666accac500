import { randomBytes } from 'node:crypto';
import { CompactEncrypt, compactDecrypt } from 'jose';

/** A new random key for {@link seal}, base64url. */
export function newSealingKey(): string {
  return randomBytes(32).toString('base64url');
}

/**
 * Encrypts a JSON value (JWE, A256GCM). `purpose` is authenticated with it, so that what was sealed for one
 * place cannot be put in another.
 */
export async function seal(value: unknown, key: string, purpose: string): Promise<string> {
  return new CompactEncrypt(new TextEncoder().encode(JSON.stringify(value)))
    .setProtectedHeader({ alg: 'dir', enc: 'A256GCM', purpose })
    .encrypt(Buffer.from(key, 'base64url'));
}

/** Opens what {@link seal} made; undefined for anything else, another key or another purpose. */
export async function unseal(sealed: string, key: string, purpose: string): Promise<unknown> {
  try {
    const { plaintext, protectedHeader } = await compactDecrypt(sealed, Buffer.from(key, 'base64url'), {
      keyManagementAlgorithms: ['dir'],
      contentEncryptionAlgorithms: ['A256GCM'],
    });
    return protectedHeader['purpose'] === purpose
      ? JSON.parse(new TextDecoder().decode(plaintext))
      : undefined;
  } catch {
    return undefined;
  }
}
