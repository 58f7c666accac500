/** The client that every app logs in with. */
export const clientID = 'polar_ci_bench';
export const clientSecret = 'polar_cs_bench_bench_bench_bench_bench';
export const sessionSecret = 'a secret of the bench, of 40 characters.';

/**
 * The user that every app keeps in its session: what `PolarStrategy` makes of the claims.
 *
 * @param {Record<string, any>} claims
 */
export function userOf(claims) {
  const { sub, name, email, email_verified } = claims;
  return {
    provider: 'polar',
    id: sub,
    displayName: name,
    emails: [{ value: email, verified: email_verified }],
    _json: claims,
  };
}
