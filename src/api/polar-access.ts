import { PolarLoginRequiredError } from '../errors.js';
import type { LoginHandle } from '../tokens/token-record.js';
import type { TokenSet } from '../tokens/token-set.js';
import type { Organizations, PolarOrganizations } from './organizations.js';
import { fetchFromPolar, type PolarApiParts } from './polar-fetch.js';

/**
 * An access token with its expiry and scopes. The refresh token is left out on purpose: using it outside this package
 * would end the login.
 *
 * @group Tokens
 */
export interface PolarAccessToken {
  /** Bearer token for the Polar API, `polar_at_u_...`. */
  readonly accessToken: string;
  /** When the access token expires, in milliseconds since the epoch; absent if the provider did not say. */
  readonly expiresAt?: number;
  /** Granted scopes, which may be fewer than were requested. */
  readonly scopes: readonly string[];
}

/**
 * A user's login with Polar: access tokens that are valid when requested, and calls to the Polar API. On a request it is
 * {@link PolarRequest}, `req.polar`; elsewhere, {@link PolarStrategy.tokensFor} returns it.
 *
 * @example
 * ```ts
 * async function countProducts(access: PolarAccess): Promise<number> {
 *   const response = await access.fetch('/v1/products/?limit=1');
 *   const { pagination } = (await response.json()) as {
 *     pagination: { total_count: number };
 *   };
 *   return pagination.total_count;
 * }
 * ```
 *
 * @group Tokens
 */
export interface PolarAccess {
  /**
   * Random id of the login, the same until logout: store it with your user for `polar.tokensFor(loginId)`. It is no credential.
   * With `req.polar`, undefined if the user is not logged in with Polar; with `tokensFor`, the id that it was called with.
   */
  readonly loginId: string | undefined;
  /**
   * Returns an access token that is valid now, refreshed if necessary. Does no I/O while the token is valid.
   *
   * @param options `forceRefresh: true` always fetches a new one, and invalidates the old one
   * @throws {@link PolarLoginRequiredError} (status 401) `not_logged_in`, `login_expired`, `logged_out`
   * @throws {@link PolarTransientError} (status 503) `timeout`, `network_error`, `rate_limited`, `server_error` while Polar or
   *   the storage is unavailable; the login is not lost
   * @throws {@link PolarOAuthError} such as `invalid_client`, {@link PolarResponseError} such as `malformed_response`, if a refresh
   *   fails for another reason; the login is not lost
   *
   * @example
   * ```ts
   * socket.send(JSON.stringify({ accessToken: await req.polar.getAccessToken() }));
   * ```
   * @see {@link https://www.rfc-editor.org/rfc/rfc6749#section-6 RFC 6749 section 6} (`POST /v1/oauth2/token`)
   */
  getAccessToken(options?: {
    /** Refreshes the tokens even if they are valid. @default false */
    readonly forceRefresh?: boolean;
  }): Promise<string>;
  /**
   * Like {@link getAccessToken}, with expiry and scopes.
   *
   * @param options `forceRefresh: true` always fetches a new one, and invalidates the old one
   * @throws what {@link getAccessToken} throws, such as {@link PolarLoginRequiredError} `login_expired`
   *
   * @example
   * ```ts
   * const { accessToken, expiresAt, scopes } = await req.polar.getTokens();
   * ```
   * @see {@link https://www.rfc-editor.org/rfc/rfc6749#section-6 RFC 6749 section 6} (`POST /v1/oauth2/token`)
   */
  getTokens(options?: {
    /** Refreshes the tokens even if they are valid. @default false */
    readonly forceRefresh?: boolean;
  }): Promise<PolarAccessToken>;
  /**
   * `fetch` for the Polar API: resolves a path against the API's URL, adds the access token, and retries once with a fresh
   * token after a 401. `Polar-Version` is the strategy's `apiVersion` unless the request sets it. Sends requests to the
   * Polar API only, and follows no redirect.
   *
   * @param input a path such as `/v1/orders/`, or a URL or Request of the Polar API
   * @param init as of `fetch`; `redirect` is ignored
   * @returns the response, whatever its status, except those below
   * @throws what {@link getAccessToken} throws, such as {@link PolarLoginRequiredError} `login_expired`
   * @throws {@link PolarTransientError} `timeout` (until the headers, `timeoutMs` of the strategy), `network_error`
   * @throws {@link PolarConfigurationError} `origin_not_allowed` for another origin; nothing is sent
   * @throws {@link PolarInsufficientScopeError} (status 403) `insufficient_scope`
   * @throws {@link PolarResponseError} `unexpected_redirect`
   * @throws {@link PolarAPIVersionError} `api_version_unknown`
   *
   * @example
   * ```ts
   * const response = await req.polar.fetch('/v1/organizations/');
   * res.json(await response.json());
   * ```
   * @see {@link https://www.rfc-editor.org/rfc/rfc6750#section-2.1 RFC 6750 section 2.1}
   */
  fetch(input: string | URL | Request, init?: RequestInit): Promise<Response>;
  /**
   * Returns the organizations that this login reaches, and whether the user has limited it to them. Cached for 30 seconds per
   * login and access token.
   *
   * @throws what {@link fetch} throws, such as {@link PolarLoginRequiredError} `login_expired`
   * @throws {@link PolarInsufficientScopeError} (status 403) `insufficient_scope` without the scope `organizations:read`
   * @throws {@link PolarResponseError} `malformed_response`, `response_too_large`
   *
   * @example
   * ```ts
   * const { organizations, isLimited } = await req.polar.organizations();
   * if (isLimited)
   *   res.send(
   *     `You are connected to ${organizations.map(({ name }) => name).join(', ')}.`,
   *   );
   * ```
   * @see `GET /v1/organizations/` of Polar's API, all pages;
   * {@link https://www.rfc-editor.org/rfc/rfc7662#section-2 RFC 7662 section 2}
   * (`POST /v1/oauth2/introspect`)
   */
  organizations(): Promise<PolarOrganizations>;
  /**
   * Resolves with true if the user is logged in and the login is not known to have ended. Sends no request to Polar.
   *
   * @throws {@link PolarTransientError} `server_error` while the storage cannot be read
   *
   * @example
   * ```ts
   * res.render('home', { isConnected: await req.polar.isLoggedIn() });
   * ```
   */
  isLoggedIn(): Promise<boolean>;
}

/** Dependencies of {@link loginAccess}. */
export interface LoginAccessParts extends PolarApiParts {
  readonly organizations: Organizations;
}

/**
 * Access with the tokens of one login. Its methods need no `this`, because apps pass them on by themselves, especially
 * `fetch`.
 *
 * @param findLogin called on each use, since a login may begin or end meanwhile; throws PolarLoginRequiredError if
 *   there is none
 */
export function loginAccess(
  parts: LoginAccessParts,
  findLogin: () => LoginHandle | Promise<LoginHandle>,
): Omit<PolarAccess, 'loginId'> {
  const { organizations, refresher } = parts;
  const validTokens = async (options: { readonly forceRefresh?: boolean } | undefined): Promise<TokenSet> => {
    const login = await findLogin();
    return options?.forceRefresh === true ? refresher.newTokens(login) : refresher.validTokens(login);
  };
  return {
    async getAccessToken(options) {
      return (await validTokens(options)).accessToken;
    },
    async getTokens(options) {
      const { accessToken, expiresAt, scopes } = await validTokens(options);
      // Copies: the app's changes must not affect the tokens of later requests.
      return { accessToken, ...(expiresAt !== undefined && { expiresAt }), scopes: [...scopes] };
    },
    async fetch(input, init) {
      return fetchFromPolar(parts, await findLogin(), input, init);
    },
    async organizations() {
      return organizations.of(await findLogin());
    },
    async isLoggedIn() {
      try {
        return await refresher.isAlive(await findLogin());
      } catch (error) {
        if (error instanceof PolarLoginRequiredError) return false;
        throw error;
      }
    },
  };
}
