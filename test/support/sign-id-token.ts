/** Keys and id_tokens as Polar makes them, and as an attacker might; everything is generated at test time. */
import { createHmac, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import type { JWK } from 'jose';

/** A key pair of the "issuer", and its public half as a JWKS has it. */
export interface SigningKey {
  readonly privateKey: KeyObject;
  readonly publicKey: KeyObject;
  /** As Polar publishes it: `kty`, `n`, `e`, and `kid` when one was asked for. */
  readonly jwk: JWK;
}

/** A new RSA key pair. */
export function rsaKey(kid?: string, modulusLength = 2048): SigningKey {
  return withJWK(generateKeyPairSync('rsa', { modulusLength }), kid);
}

/** A new P-256 key pair. */
export function ecKey(kid?: string): SigningKey {
  return withJWK(generateKeyPairSync('ec', { namedCurve: 'P-256' }), kid);
}

/** A new Ed25519 key pair. */
export function ed25519Key(kid?: string): SigningKey {
  return withJWK(generateKeyPairSync('ed25519'), kid);
}

function withJWK(pair: { privateKey: KeyObject; publicKey: KeyObject }, kid: string | undefined): SigningKey {
  return { ...pair, jwk: { ...(pair.publicKey.export({ format: 'jwk' }) as JWK), ...(kid && { kid }) } };
}

/** The header of Polar's id_tokens: no `kid`. */
export const polarHeader = { typ: 'JWT', alg: 'RS256' } as const;

/** The parts of a token, before base64url; strings are taken as they are. */
export interface TokenParts {
  readonly header?: unknown;
  readonly payload: unknown;
}

/** A JWS in compact form, signed as RS256 whatever the header claims. */
export function signIdToken(key: SigningKey, { header = polarHeader, payload }: TokenParts): string {
  return assemble({ header, payload }, (input) => sign('RSA-SHA256', Buffer.from(input), key.privateKey));
}

/** A JWS in compact form with a signature of the caller's choice. */
export function assemble(
  { header = polarHeader, payload }: TokenParts,
  signatureOf: (input: string) => Buffer,
): string {
  const input = `${encodePart(header)}.${encodePart(payload)}`;
  return `${input}.${signatureOf(input).toString('base64url')}`;
}

/** HS256 over the signing input, with whatever secret. */
export function hs256(secret: string | Buffer): (input: string) => Buffer {
  return (input) => createHmac('sha256', secret).update(input).digest();
}

/** The same token with another byte at `index` of its `part` (0 header, 1 payload, 2 signature). */
export function flipByte(token: string, part: 0 | 1 | 2, index: number): string {
  const parts = token.split('.');
  const bytes = Buffer.from(parts[part] ?? '', 'base64url');
  bytes[index] = (bytes[index] ?? 0) ^ 0x5a;
  parts[part] = bytes.toString('base64url');
  return parts.join('.');
}

function encodePart(part: unknown): string {
  return Buffer.from(typeof part === 'string' ? part : JSON.stringify(part)).toString('base64url');
}
