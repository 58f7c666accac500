/** Which characters tokens are made of; whatever has others, or none at all, is no token. */

/**
 * True for an access token that a header can carry (RFC 6750 section 2.1): RFC 6749 appendix A.12 without its space, at
 * which the token would end there.
 */
export function isAccessToken(value: unknown): value is string {
  return typeof value === 'string' && /^[\x21-\x7e]+$/.test(value);
}

/** True for a refresh token (RFC 6749 appendix A.17). It travels in forms, which carry its spaces too. */
export function isRefreshToken(value: unknown): value is string {
  return typeof value === 'string' && /^[\x20-\x7e]+$/.test(value);
}
