/**
 * Compact JWE (RFC 7516) with `dir` and `A256GCM`, interchangeable with jose's. Node's own cipher takes a tenth of the time of
 * Web Crypto, and a login seals and opens several values.
 */
import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { isBase64url } from '../text/base64url.js';

// RFC 7518 section 5.3: 96 and 128 bits.
const ivBytes = 12;
const tagBytes = 16;
const cipher = 'aes-256-gcm';

/** Encodes a protected header. */
export function encodeHeader(parameters: Readonly<Record<string, string>>): string {
  return Buffer.from(JSON.stringify({ alg: 'dir', enc: 'A256GCM', ...parameters })).toString('base64url');
}

/** Returns the `kid` in the header of a JWE. */
export function keyIdIn(jwe: string): string | undefined {
  try {
    const [header = ''] = jwe.split('.');
    return (JSON.parse(Buffer.from(header, 'base64url').toString()) as { kid?: string }).kid;
  } catch {
    return undefined;
  }
}

/** @param key 32 bytes */
export function encryptJWE(plaintext: string, key: Uint8Array, header: string): string {
  const iv = randomBytes(ivBytes);
  const encryption = createCipheriv(cipher, key, iv, { authTagLength: tagBytes }).setAAD(Buffer.from(header));
  const ciphertext = Buffer.concat([encryption.update(plaintext), encryption.final()]);
  return [
    header,
    '',
    ...[iv, ciphertext, encryption.getAuthTag()].map((each) => each.toString('base64url')),
  ].join('.');
}

/**
 * Decrypts a JWE; returns undefined if it was not encrypted with this key and this header.
 *
 * @param key 32 bytes
 */
export function decryptJWE(jwe: string, key: Uint8Array, header: string): string | undefined {
  try {
    const [sentHeader, encryptedKey, ...parts] = jwe.split('.');
    if (sentHeader !== header || encryptedKey !== '' || !parts.every(isBase64url)) return undefined;
    const [iv, ciphertext, tag, more] = parts.map((part) => Buffer.from(part, 'base64url'));
    if (iv?.length !== ivBytes || ciphertext === undefined || tag === undefined || more) return undefined;
    const decryption = createDecipheriv(cipher, key, iv, { authTagLength: tagBytes })
      .setAAD(Buffer.from(header))
      .setAuthTag(tag);
    return Buffer.concat([decryption.update(ciphertext), decryption.final()]).toString();
  } catch {
    return undefined;
  }
}
