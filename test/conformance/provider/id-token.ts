/** The provider's id_tokens, and ways in which their signatures can be wrong. */
import { createHash, createHmac, sign } from 'node:crypto';
import { type JWTHeaderParameters, SignJWT } from 'jose';
import type { ProviderKey } from './keys.js';

/** Claims of an id_token. */
export type Claims = Readonly<Record<string, unknown>>;

/** Signs claims with the provider's key. */
export type Signer = (claims: Claims, key: ProviderKey) => Promise<string> | string;

/** Signs honestly; `header` adds to `alg` and `kid`. */
export function signedWith(
  alg: 'RS256' | 'ES256' = 'RS256',
  header: Partial<JWTHeaderParameters> = {},
): Signer {
  return (claims, { privateKey, jwk }) =>
    new SignJWT({ ...claims })
      .setProtectedHeader({ alg, ...(jwk.kid !== undefined && { kid: jwk.kid }), ...header })
      .sign(privateKey);
}

/** `{"alg":"none"}` and an empty signature. */
export const unsigned: Signer = (claims) => assemble({ alg: 'none' }, claims, Buffer.alloc(0));

/** Signs honestly, then changes every byte of the signature. */
export function withBadSignature(signer: Signer): Signer {
  return async (claims, key) => {
    const [header, payload, signature = ''] = (await signer(claims, key)).split('.');
    const bytes = Buffer.from(signature, 'base64url').map((byte) => byte ^ 0x5a);
    return `${header}.${payload}.${Buffer.from(bytes).toString('base64url')}`;
  };
}

/** HS256 with the provider's public key as the secret, which a verifier that trusts the header would accept. */
export const hs256WithPublicKey: Signer = (claims, { publicKey, jwk }) =>
  hs256(claims, publicKey.export({ type: 'spki', format: 'pem' }) as string, jwk.kid);

/** HS256 with a secret. */
export function hs256(claims: Claims, secret: string, kid?: string): string {
  const header = { alg: 'HS256', ...(kid !== undefined && { kid }) };
  const input = assemble(header, claims, Buffer.alloc(0)).slice(0, -1);
  return `${input}.${createHmac('sha256', secret).update(input).digest('base64url')}`;
}

/** RS256 with a key that is not the provider's, under a header of the attacker's choice. */
export function forgedWith(key: ProviderKey, header: Readonly<Record<string, unknown>>): Signer {
  return (claims) => {
    const input = assemble({ alg: 'RS256', ...header }, claims, Buffer.alloc(0)).slice(0, -1);
    return `${input}.${sign('RSA-SHA256', Buffer.from(input), key.privateKey).toString('base64url')}`;
  };
}

/** `at_hash` of OpenID Connect Core 3.1.3.6 for SHA-256. */
export function halfHash(accessToken: string): string {
  return createHash('sha256').update(accessToken).digest().subarray(0, 16).toString('base64url');
}

function assemble(header: object, claims: Claims, signature: Buffer): string {
  const encode = (part: object): string => Buffer.from(JSON.stringify(part)).toString('base64url');
  return `${encode(header)}.${encode(claims)}.${signature.toString('base64url')}`;
}
