import type { IdTokenClaims } from '../id-token/claims.js';

/** Who logged in, by Passport's profile convention. */
export interface PolarProfile {
  readonly provider: 'polar';
  /** Polar's id of the user (the claim `sub`), a UUID that never changes. Know users by this, not by e-mail. */
  readonly id: string;
  /** The name where Polar tells one, else the e-mail address, else the id. */
  readonly displayName: string;
  /** With the scope `email`. Trust an address only where `verified` is true. */
  readonly emails?: readonly { readonly value: string; readonly verified: boolean }[];
  /** The claims as Polar sent them. */
  readonly _json: Readonly<Record<string, unknown>>;
}

/** The profile that verified claims, or a response of the userinfo endpoint, describe. */
export function profileFromClaims(
  claims: Pick<IdTokenClaims, 'sub'> & Readonly<Record<string, unknown>>,
): PolarProfile {
  const {
    sub,
    email,
    email_verified: verified,
    name,
  } = claims as Readonly<Record<string, unknown>> & { sub: string };
  const address = typeof email === 'string' && email !== '' ? email : undefined;
  return {
    provider: 'polar',
    id: sub,
    displayName: typeof name === 'string' && name !== '' ? name : (address ?? sub),
    ...(address !== undefined && { emails: [{ value: address, verified: verified === true }] }),
    _json: claims,
  };
}
