import { createHash, type KeyObject, sign } from 'node:crypto';

/** What an id_token says; the names are OpenID Connect's. */
export interface IdTokenClaims {
  readonly issuer: string;
  readonly clientID: string;
  readonly issuedAt: number;
  readonly authTime: number;
  readonly nonce: string | undefined;
  readonly accessToken: string;
  readonly subject: Readonly<Record<string, unknown>>;
}

const LIFETIME_SECONDS = 3600;

const base64url = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');

/** Signs an id_token the way Polar does: RS256, no `kid` in the header, claims in Polar's order. */
export function signIdToken(claims: IdTokenClaims, key: KeyObject): string {
  const payload = {
    iss: claims.issuer,
    exp: claims.issuedAt + LIFETIME_SECONDS,
    iat: claims.issuedAt,
    auth_time: claims.authTime,
    aud: [claims.clientID],
    nonce: claims.nonce ?? null,
    at_hash: accessTokenHash(claims.accessToken),
    ...claims.subject,
  };
  const signed = `${base64url({ typ: 'JWT', alg: 'RS256' })}.${base64url(payload)}`;
  return `${signed}.${sign('sha256', Buffer.from(signed), key).toString('base64url')}`;
}

/** OpenID Connect Core 3.1.3.6: the left half of the hash. */
function accessTokenHash(accessToken: string): string {
  return createHash('sha256').update(accessToken).digest().subarray(0, 16).toString('base64url');
}
