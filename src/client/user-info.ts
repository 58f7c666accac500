import { optionalBoolean, optionalString, requiredString, wireObject } from './wire-fields.js';

/**
 * The user to whom a token belongs (OpenID Connect Core 5.3, `GET /v1/oauth2/userinfo`).
 *
 * @group OAuth client
 */
export interface UserInfo {
  /** Id of the user, or of the organization for a legacy token. */
  readonly subject: string;
  /** E-mail address; requires the scope `email`. Trust it only if `emailVerified` is true. */
  readonly email?: string;
  /** True if Polar has verified the address. */
  readonly emailVerified?: boolean;
  /** Name. Polar sends it only for a legacy token of an organization, and it is the slug of the organization. */
  readonly name?: string;
  /** The raw response, including fields that this package does not know. */
  readonly raw: Readonly<Record<string, unknown>>;
}

/**
 * Parses a userinfo response.
 *
 * @throws PolarResponseError `malformed_response` with the name of the field
 */
export function parseUserInfo(body: unknown): UserInfo {
  const what = 'The userinfo response';
  const wire = wireObject(body, what);
  const email = optionalString(wire, 'email', what);
  const emailVerified = optionalBoolean(wire, 'email_verified', what);
  const name = optionalString(wire, 'name', what);
  return {
    subject: requiredString(wire, 'sub', what),
    ...(email !== undefined && { email }),
    ...(emailVerified !== undefined && { emailVerified }),
    ...(name !== undefined && { name }),
    raw: wire,
  };
}
