/** The characters that tokens consist of. An empty string is not a token. */

/**
 * True for an access token that fits into a header (RFC 6750 section 2.1): the characters of RFC 6749 appendix A.12 without the
 * space, which would end the token there.
 */
export function isAccessToken(value: unknown): value is string {
  return typeof value === 'string' && /^[\x21-\x7e]+$/.test(value);
}

/** True for a refresh token (RFC 6749 appendix A.17). It is sent in forms, so it may contain spaces. */
export function isRefreshToken(value: unknown): value is string {
  return typeof value === 'string' && /^[\x20-\x7e]+$/.test(value);
}
