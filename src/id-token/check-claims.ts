import { hash } from 'node:crypto';
import { type IdTokenErrorCode, PolarIdTokenError } from '../errors.js';

/**
 * The claims of a verified id_token.
 *
 * @see {@link https://openid.net/specs/openid-connect-core-1_0.html#IDToken OpenID Connect Core section 2}
 *
 * @group Tokens
 */
export interface IdTokenClaims {
  /** The issuer, `https://polar.sh`. */
  readonly iss: string;
  /** Polar's id of the user, a UUID. Identify users by this claim alone. */
  readonly sub: string;
  /** The audience: the id of the client. */
  readonly aud: string | readonly string[];
  /** When the id_token expires, in seconds since the epoch. */
  readonly exp: number;
  /** When the id_token was issued, in seconds since the epoch. */
  readonly iat: number;
  /** When the user logged in at Polar, in seconds since the epoch. */
  readonly auth_time?: number;
  /** The nonce of the login. */
  readonly nonce?: string | null;
  /** The authorized party: the client that the id_token was issued to. */
  readonly azp?: string;
  /** Hash of the access token that was issued with the id_token. */
  readonly at_hash?: string;
  /** E-mail address; requires the scope `email`. Trust it only if `email_verified` is true. */
  readonly email?: string;
  /** True if Polar has verified the address. */
  readonly email_verified?: boolean;
  /** Display name, if Polar sends one. */
  readonly name?: string;
  /** Any other claim. */
  readonly [claim: string]: unknown;
}

/** Values against which the claims are checked. */
export interface ExpectedClaims {
  readonly issuer: string;
  readonly clientID: string;
  /** The nonce of the login; undefined only if none was sent. */
  readonly nonce?: string | undefined;
  /** The access token issued with the id_token; its hash is checked if the id_token has one. */
  readonly accessToken?: string | undefined;
  /** After a refresh: the user whom the id_token must still identify. */
  readonly subject?: string | undefined;
  readonly clockToleranceSeconds: number;
  /** Current time, in milliseconds since the epoch. */
  readonly now: number;
}

type Claims = Readonly<Record<string, unknown>>;
type Check = readonly [
  IdTokenErrorCode,
  problem: string | ((expected: ExpectedClaims) => string),
  passes: (claims: Claims, expected: ExpectedClaims) => boolean,
];

// Polar's id_tokens are valid for an hour. One issued long ago is a replay, whatever its exp.
const maxAgeSeconds = 24 * 60 * 60;

// The types of the claims that need not be there: an app may take a text "false" in email_verified for true.
const optionalClaims = {
  auth_time: 'number',
  nonce: 'string',
  azp: 'string',
  at_hash: 'string',
  email: 'string',
  email_verified: 'boolean',
  name: 'string',
} as const;

/** The rules of OpenID Connect Core 3.1.3.7, one per row. The signature is verified first. */
const checks: readonly Check[] = [
  [
    'id_token_issuer',
    // Not the issuer that the token names: nothing from a rejected token is shown.
    ({ issuer }) => `was not issued by ${issuer}; check the server option`,
    (c, e) => c['iss'] === e.issuer,
  ],
  ['id_token_subject', 'has no valid sub', (c) => isText(c['sub']) && c['sub'].length <= 255],
  [
    'id_token_subject',
    'identifies a different user than before',
    (c, e) => e.subject === undefined || c['sub'] === e.subject,
  ],
  ['id_token_audience', 'has no aud', (c) => !absent(c['aud'])],
  ['id_token_audience', 'is intended for another client', (c, e) => audiences(c).includes(e.clientID)],
  [
    'id_token_authorized_party',
    'has several audiences but no azp',
    (c) => audiences(c).length === 1 || isText(c['azp']),
  ],
  [
    'id_token_authorized_party',
    'was issued to another client',
    (c, e) => absent(c['azp']) || c['azp'] === e.clientID,
  ],
  ['id_token_expired', 'has no exp', (c) => isTime(c['exp'])],
  ['id_token_expired', 'has expired', (c, e) => seconds(c['exp']) > nowSeconds(e) - e.clockToleranceSeconds],
  ['id_token_issued_at', 'has no iat', (c) => isTime(c['iat'])],
  [
    'id_token_issued_at',
    'was issued in the future; check the clock of this machine',
    (c, e) => seconds(c['iat']) <= nowSeconds(e) + e.clockToleranceSeconds,
  ],
  [
    'id_token_issued_at',
    'was issued too long ago',
    (c, e) => seconds(c['iat']) > nowSeconds(e) - maxAgeSeconds - e.clockToleranceSeconds,
  ],
  [
    'id_token_issued_at',
    'is not valid yet',
    (c, e) => absent(c['nbf']) || (isTime(c['nbf']) && c['nbf'] <= nowSeconds(e) + e.clockToleranceSeconds),
  ],
  [
    'id_token_nonce',
    'does not have the nonce of this login',
    (c, e) => e.nonce === undefined || c['nonce'] === e.nonce || mayOmitNonce(c, e),
  ],
  [
    'id_token_access_token_hash',
    'was issued with another access token',
    (c, e) => absent(c['at_hash']) || e.accessToken === undefined || c['at_hash'] === halfHash(e.accessToken),
  ],
  [
    'id_token_malformed',
    'has a claim of the wrong type',
    (c) =>
      audiences(c).every((each) => typeof each === 'string') &&
      Object.entries(optionalClaims).every(([name, type]) => absent(c[name]) || typeof c[name] === type),
  ],
];

/**
 * Checks the claims of an id_token whose signature has been verified.
 *
 * @throws PolarIdTokenError with the code of the first check that fails
 */
export function checkClaims(claims: Claims, expected: ExpectedClaims): IdTokenClaims {
  for (const [code, problem, passes] of checks) {
    if (passes(claims, expected)) continue;
    const said = typeof problem === 'string' ? problem : problem(expected);
    throw new PolarIdTokenError(code, `The id_token ${said}.`);
  }
  return claims as IdTokenClaims; // the checks above establish this type
}

/** Returns the left half of the SHA-256 hash, the `at_hash` for RS256 (OpenID Connect Core 3.1.3.6). */
function halfHash(accessToken: string): string {
  return hash('sha256', accessToken, 'buffer').subarray(0, 16).toString('base64url');
}

function audiences(claims: Claims): unknown[] {
  const { aud } = claims as { aud?: unknown };
  return Array.isArray(aud) ? aud : [aud];
}

// OpenID Connect Core 12.2: a refreshed id_token may omit the nonce, but must not have a different one.
const mayOmitNonce = (claims: Claims, expected: ExpectedClaims): boolean =>
  expected.subject !== undefined && absent(claims['nonce']);
const isText = (value: unknown): value is string => typeof value === 'string' && value !== '';
const isTime = (value: unknown): value is number => typeof value === 'number' && Number.isFinite(value);
const seconds = (value: unknown): number => (isTime(value) ? value : Number.NaN);
const absent = (value: unknown): boolean => value === undefined || value === null;
const nowSeconds = (expected: ExpectedClaims): number => expected.now / 1000;
