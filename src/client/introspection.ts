import {
  optionalNumber,
  optionalString,
  optionalStringOrStrings,
  optionalStrings,
  requiredBoolean,
  wireObject,
} from './wire-fields.js';

/**
 * What Polar says about a token (RFC 7662 section 2.2, with Polar's `sub_type` and `organizations`).
 *
 * @group OAuth client
 */
export interface Introspection {
  /** False for tokens that are revoked, expired, unknown or of another client; the other fields are then absent. */
  readonly active: boolean;
  /** Id of the client that the token was issued to. */
  readonly clientID?: string;
  /** `Bearer`. */
  readonly tokenType?: string;
  /** Granted scopes. */
  readonly scopes?: readonly string[];
  /** `organization` for legacy tokens only. */
  readonly subType?: string;
  /** Id of the user, or of the organization for a legacy token. */
  readonly subject?: string;
  /** Ids of the organizations to which the token is limited; if empty, it reaches all of the user's. */
  readonly organizations?: readonly string[];
  /** The `aud` of the response: the id of the client. */
  readonly audience?: string | readonly string[];
  /** The issuer, `https://polar.sh`. */
  readonly issuer?: string;
  /** When the token expires, in milliseconds since the epoch. */
  readonly expiresAt?: number;
  /** When the token was issued, in milliseconds since the epoch. */
  readonly issuedAt?: number;
  /** The raw response, including fields that this package does not know. */
  readonly raw: Readonly<Record<string, unknown>>;
}

/** Returns the ids of the organizations to which a token is limited; if empty, it reaches all of the user's. */
export function organizationsOf({ organizations = [], subject, subType }: Introspection): readonly string[] {
  // A legacy token belongs to one organization.
  return subType === 'organization' && subject !== undefined ? [subject] : organizations;
}

/**
 * Parses an introspection response.
 *
 * @throws PolarResponseError `malformed_response` with the name of the field
 */
export function parseIntrospection(body: unknown): Introspection {
  const what = 'The introspection response';
  const wire = wireObject(body, what);
  const scope = optionalString(wire, 'scope', what);
  const expiresAt = optionalNumber(wire, 'exp', what);
  const issuedAt = optionalNumber(wire, 'iat', what);
  const known = {
    clientID: optionalString(wire, 'client_id', what),
    tokenType: optionalString(wire, 'token_type', what),
    scopes: scope?.split(' ').filter(Boolean),
    subType: optionalString(wire, 'sub_type', what),
    subject: optionalString(wire, 'sub', what),
    organizations: optionalStrings(wire, 'organizations', what),
    audience: optionalStringOrStrings(wire, 'aud', what),
    issuer: optionalString(wire, 'iss', what),
    expiresAt: expiresAt === undefined ? undefined : expiresAt * 1000,
    issuedAt: issuedAt === undefined ? undefined : issuedAt * 1000,
  };
  const present = Object.fromEntries(Object.entries(known).filter(([, value]) => value !== undefined));
  return { active: requiredBoolean(wire, 'active', what), ...present, raw: wire };
}
