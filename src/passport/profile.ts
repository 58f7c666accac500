import type { IdTokenClaims } from '../id-token/check-claims.js';

/**
 * The user who logged in, by Passport's profile convention.
 *
 * @group Strategy
 */
export interface PolarProfile {
  /** Tells profiles of several strategies apart. */
  readonly provider: 'polar';
  /** Polar's id of the user (the claim `sub`), a UUID that never changes. Identify users by this, not by e-mail. */
  readonly id: string;
  /** The user's name if Polar sends one, otherwise the e-mail address, otherwise the id. */
  readonly displayName: string;
  /** Requires the scope `email`. Trust an address only if `verified` is true. */
  readonly emails?: readonly {
    /** The address. */
    readonly value: string;
    /** True if Polar has verified the address. */
    readonly verified: boolean;
  }[];
  /** The claims as Polar sent them. */
  readonly _json: Readonly<Record<string, unknown>>;
}

/** Builds the profile from verified claims, or from a response of the userinfo endpoint. */
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
