import {
  optionalBoolean,
  optionalString,
  requiredString,
  type WireObject,
  wireObject,
} from './wire-fields.js';

/** The user to whom a token belongs (OpenID Connect Core 5.3, `/v1/oauth2/userinfo`). */
export interface UserInfo {
  /** Id of the user, or of the organization for a legacy token. */
  readonly subject: string;
  readonly email?: string;
  readonly emailVerified?: boolean;
  readonly name?: string;
  /** The raw response. */
  readonly raw: WireObject;
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
