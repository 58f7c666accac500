// What people write by hand where a package keeps no tokens: they go into the session.
const leewayMs = 5000;

/**
 * @typedef {{ accessToken: string, refreshToken: string, expiresAt: number }} SessionTokens
 */

/**
 * Puts the tokens of a login, or of a refresh, into the session.
 *
 * @param {any} req
 * @param {Record<string, any>} response of the token endpoint
 * @returns {string} the access token
 */
export function keepTokens(req, { access_token, refresh_token, expires_in }) {
  /** @type {SessionTokens} */
  const tokens = {
    accessToken: access_token,
    refreshToken: refresh_token,
    expiresAt: Date.now() + expires_in * 1000,
  };
  req.session.tokens = tokens;
  return access_token;
}

/**
 * The access token of the session, refreshed where it has expired.
 *
 * @param {(refreshToken: string) => Promise<Record<string, any>>} refresh
 * @returns {(req: any) => Promise<string | undefined>}
 */
export function tokenFromSession(refresh) {
  return async (req) => {
    /** @type {SessionTokens | undefined} */
    const tokens = req.session.tokens;
    if (req.user === undefined || tokens === undefined) return undefined;
    if (tokens.expiresAt - leewayMs > Date.now()) return tokens.accessToken;
    return keepTokens(req, await refresh(tokens.refreshToken));
  };
}
