import { organizationsOf } from '../client/introspection.js';
import { PolarLoginRequiredError } from '../errors.js';
import type { LoginHandle } from '../refresh/login-handle.js';
import type { IntrospectionCache } from './introspection-cache.js';
import { fetchFromPolar, type PolarApiParts } from './polar-fetch.js';

/**
 * An access token with its expiry and scopes. The refresh token is left out on purpose: using it outside of this package
 * would end the login.
 */
export interface PolarAccessToken {
  /** Bearer token for the Polar API, `polar_at_u_...`. */
  readonly accessToken: string;
  /** When the access token expires, in milliseconds since the epoch; absent where the provider did not say. */
  readonly expiresAt?: number;
  /** Scopes that were granted, which may be fewer than were asked for. */
  readonly scopes: readonly string[];
}

/** One person's login with Polar: tokens that are valid when they are asked for, and the API behind them. */
export interface PolarAccess {
  /**
   * An access token that is valid now, refreshed if need be. Does no I/O while the token is valid.
   *
   * @param options `forceRefresh: true` gets a new one in any case, and ends the old one
   * @throws PolarLoginRequiredError (status 401) `not_logged_in`, `login_expired`, `logged_out`
   * @throws PolarTransientError (status 503) when Polar cannot be asked now; the login is not lost
   *
   * @example
   * ```ts
   * socket.send(JSON.stringify({ accessToken: await req.polar.getAccessToken() }));
   * ```
   */
  getAccessToken(options?: { readonly forceRefresh?: boolean }): Promise<string>;
  /**
   * As {@link getAccessToken}, with expiry and scopes.
   *
   * @throws what {@link getAccessToken} throws
   *
   * @example
   * ```ts
   * const { accessToken, expiresAt, scopes } = await req.polar.getTokens();
   * ```
   */
  getTokens(options?: { readonly forceRefresh?: boolean }): Promise<PolarAccessToken>;
  /**
   * `fetch` against the Polar API: a path is completed with the API's address, the access token is added, and one
   * 401 is answered by a fresh token. `Polar-Version` is the strategy's `apiVersion`, unless given. Goes nowhere but to the Polar API, and follows no redirect.
   *
   * @throws what {@link getAccessToken} throws, PolarTransientError `timeout`, `network_error`,
   * PolarConfigurationError `origin_not_allowed`, PolarResponseError `unexpected_redirect`,
   * PolarInsufficientScopeError (status 403), PolarAPIVersionError `api_version_unknown`
   *
   * @example
   * ```ts
   * const answer = await req.polar.fetch('/v1/organizations/');
   * res.json(await answer.json());
   * ```
   */
  fetch(input: string | URL | Request, init?: RequestInit): Promise<Response>;
  /**
   * Ids of the organizations to which the tokens are limited, from `POST /v1/oauth2/introspect`; empty means all of the
   * user's. Remembered for 30 seconds. Not for public clients, which Polar lets introspect nothing.
   *
   * @throws what {@link getAccessToken} throws, and PolarConfigurationError `invalid_option` for a public client
   *
   * @example
   * ```ts
   * const [organization] = await req.polar.organizations();
   * ```
   */
  organizations(): Promise<readonly string[]>;
  /** True when somebody is logged in and that login is not known to have ended. */
  isLoggedIn(): Promise<boolean>;
}

/**
 * Access with the tokens of one login.
 *
 * @param findLogin asked at each use: a login may begin or end meanwhile; throws PolarLoginRequiredError for none
 */
export function polarAccess(
  parts: PolarApiParts & { readonly introspections: IntrospectionCache },
  findLogin: () => LoginHandle | Promise<LoginHandle>,
): PolarAccess {
  const { introspections, keeper } = parts;
  const access: PolarAccess = {
    async getTokens(options) {
      const login = await findLogin();
      const { accessToken, expiresAt, scopes } = await (options?.forceRefresh === true
        ? keeper.newTokens(login)
        : keeper.validTokens(login));
      // Copies: what the app does to them must not reach the tokens that the next request gets.
      return { accessToken, ...(expiresAt !== undefined && { expiresAt }), scopes: [...scopes] };
    },
    async getAccessToken(options) {
      return (await access.getTokens(options)).accessToken;
    },
    async fetch(input, init) {
      return fetchFromPolar(parts, await findLogin(), input, init);
    },
    async organizations() {
      const login = await findLogin();
      const { accessToken } = await keeper.validTokens(login);
      const first = await introspections.introspect(accessToken);
      if (first.active) return organizationsOf(first);
      const newer = await keeper.tokensAfterRefusal(login, accessToken);
      const second = newer && (await introspections.introspect(newer.accessToken));
      if (second?.active) return organizationsOf(second);
      if (newer !== undefined) keeper.noteSecondRefusal(login, newer.accessToken);
      throw new PolarLoginRequiredError(
        'login_expired',
        'Polar no longer knows the access token of this login. Log in with Polar again.',
      );
    },
    async isLoggedIn() {
      try {
        return await keeper.isAlive(await findLogin());
      } catch (error) {
        if (error instanceof PolarLoginRequiredError) return false;
        throw error;
      }
    },
  };
  return access;
}
