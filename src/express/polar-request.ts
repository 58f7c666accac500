import type { TokenSet } from '../tokens/token-set.js';

/** `req.polar`: the Polar login of the person who is logged in on this request. Nothing happens until it is used. */
export interface PolarRequest {
  /**
   * An access token that is valid now, refreshed if need be. Does no I/O while the token is valid.
   *
   * @param options `forceRefresh: true` gets a new one in any case, and ends the old one
   * @throws PolarLoginRequiredError (status 401) `not_logged_in`, `login_expired`, `logged_out`
   * @throws PolarTransientError (status 503) when Polar cannot be asked now; the login is not lost
   *
   * @example
   * ```ts
   * const api = new Polar({ accessToken: () => req.polar.getAccessToken() }); // @polar-sh/sdk
   * ```
   */
  getAccessToken(options?: { readonly forceRefresh?: boolean }): Promise<string>;
  /** As {@link getAccessToken}, with expiry and scopes. */
  getTokens(options?: { readonly forceRefresh?: boolean }): Promise<TokenSet>;
  /**
   * `fetch` against the Polar API: a path is completed with the API's address, the access token is added, and one
   * 401 is answered by a fresh token. Goes nowhere but to the Polar API, and follows no redirect.
   *
   * @throws what {@link getAccessToken} throws, PolarTransientError `timeout`, `network_error`,
   * PolarConfigurationError `origin_not_allowed`, PolarResponseError `unexpected_redirect`,
   * PolarInsufficientScopeError (status 403)
   *
   * @example
   * ```ts
   * const answer = await req.polar.fetch('/v1/organizations/');
   * res.json(await answer.json());
   * ```
   */
  fetch(input: string | URL | Request, init?: RequestInit): Promise<Response>;
  /** Scopes of the newest tokens known; empty when nobody is logged in with Polar. */
  readonly scopes: readonly string[];
  /** True when somebody is logged in and that login is not known to have ended. */
  isLoggedIn(): Promise<boolean>;
}

declare global {
  namespace Express {
    interface Request {
      /** Added by `polarTokens(strategy)`. */
      polar: PolarRequest;
    }
  }
}
