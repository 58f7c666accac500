import { PolarResponseError } from '../errors.js';
import {
  optionalNumber,
  optionalRefreshToken,
  optionalString,
  requiredAccessToken,
  requiredString,
  wireObject,
} from './wire-fields.js';

/**
 * A successful response of the token endpoint (RFC 6749 section 5.1, OpenID Connect Core 3.1.3.3).
 *
 * @group OAuth client
 */
export interface TokenResponse {
  /** Bearer token for the Polar API, `polar_at_u_...`. */
  readonly accessToken: string;
  /** Always `Bearer`; any other type is an error. */
  readonly tokenType: 'Bearer';
  /**
   * When the access token expires, in milliseconds since the epoch; absent if the server did not say. At Polar: ten days after
   * a login, an hour after a refresh.
   */
  readonly expiresAt?: number;
  /** Valid for one refresh, `polar_rt_u_...`; absent for the `web` grant. */
  readonly refreshToken?: string;
  /** Granted scopes; absent if they are those that were requested (RFC 6749 section 5.1). */
  readonly scopes?: readonly string[];
  /** Signed statement about the user; only with the authorization_code grant and the scope `openid`. */
  readonly idToken?: string;
  /** The raw response, including fields that this package does not know. Holds tokens: do not log it. */
  readonly raw: Readonly<Record<string, unknown>>;
}

/**
 * Parses the body of a token response.
 *
 * @param sentAt when the request was sent, in milliseconds since the epoch. Polar counts the lifetime from a later moment, so a
 *   token that counts as valid here has not expired there
 * @throws PolarResponseError `malformed_response` with the name of the field
 */
export function parseTokenResponse(body: unknown, sentAt: number): TokenResponse {
  const what = 'The token response';
  const wire = wireObject(body, what);
  const tokenType = requiredString(wire, 'token_type', what);
  if (tokenType.toLowerCase() !== 'bearer') {
    throw new PolarResponseError('malformed_response', `${what}: token_type is not Bearer.`, {
      field: 'token_type',
    });
  }
  const accessToken = requiredAccessToken(wire, 'access_token', what);
  const expiresInSeconds = optionalNumber(wire, 'expires_in', what);
  if (expiresInSeconds !== undefined && expiresInSeconds < 0) {
    throw new PolarResponseError('malformed_response', `${what}: expires_in is negative.`, {
      field: 'expires_in',
    });
  }
  const refreshToken = optionalRefreshToken(wire, 'refresh_token', what);
  const scope = optionalString(wire, 'scope', what);
  const idToken = optionalString(wire, 'id_token', what);
  const response: TokenResponse = {
    accessToken,
    tokenType: 'Bearer',
    ...(expiresInSeconds !== undefined && { expiresAt: sentAt + expiresInSeconds * 1000 }),
    ...(refreshToken !== undefined && { refreshToken }),
    ...(scope !== undefined && { scopes: scope.split(' ').filter(Boolean) }),
    ...(idToken !== undefined && { idToken }),
    raw: wire,
  };
  // Not enumerable: callers can read it, but a careless log statement does not print it.
  Object.defineProperty(response, 'raw', { enumerable: false });
  return response;
}

/**
 * Parses the response to a refresh. The old tokens are already dead, so invalid fields beside valid tokens are ignored.
 *
 * @throws PolarResponseError `malformed_response` if there are no valid tokens
 */
export function parseRefreshedTokens(body: unknown, sentAt: number): TokenResponse {
  const wire = wireObject(body, 'The token response');
  const { expires_in: lifetime, scope, id_token: idToken, token_type: tokenType, ...tokens } = wire;
  const seconds = typeof lifetime === 'string' ? Number(lifetime) : lifetime;
  const isLifetime =
    typeof seconds === 'number' && Number.isFinite(seconds) && seconds >= 0 && lifetime !== '';
  const scopes = Array.isArray(scope) ? scope.filter((item) => typeof item === 'string').join(' ') : scope;
  const fields = {
    ...tokens,
    token_type: tokenType ?? 'Bearer',
    ...(isLifetime && { expires_in: seconds }),
    ...(typeof scopes === 'string' && { scope: scopes }),
    ...(typeof idToken === 'string' && { id_token: idToken }),
  };
  return parseTokenResponse(fields, sentAt);
}
