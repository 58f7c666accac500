import { PolarLoginRequiredError } from '../errors.js';
import type { LoginHandle } from '../refresh/login-handle.js';
import type { TokenSet } from '../tokens/token-set.js';
import type { Organizations, PolarOrganizations } from './organizations.js';
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
   * The organizations that this login reaches, all pages of `GET /v1/organizations/`, and whether the person has limited it to
   * them, which `POST /v1/oauth2/introspect` says (RFC 7662). Cached for 30 seconds, for this login and access token.
   *
   * @throws what {@link fetch} throws; PolarInsufficientScopeError (status 403) without the scope `organizations:read`;
   * PolarResponseError `malformed_response`, `response_too_large`
   *
   * @example
   * ```ts
   * const { organizations, isLimited } = await req.polar.organizations();
   * if (isLimited) res.send(`You are connected to ${organizations.map(({ name }) => name).join(', ')}.`);
   * ```
   */
  organizations(): Promise<PolarOrganizations>;
  /** True when somebody is logged in and that login is not known to have ended. */
  isLoggedIn(): Promise<boolean>;
}

/** What {@link LoginAccess} is given. */
export interface LoginAccessParts extends PolarApiParts {
  readonly organizations: Organizations;
}

/** Access with the tokens of one login. Its methods are bound: apps hand them on by themselves, `fetch` above all. */
export class LoginAccess implements PolarAccess {
  readonly #parts: LoginAccessParts;
  readonly #findLogin: () => LoginHandle | Promise<LoginHandle>;

  /** @param findLogin asked at each use: a login may begin or end meanwhile; throws PolarLoginRequiredError for none */
  constructor(parts: LoginAccessParts, findLogin: () => LoginHandle | Promise<LoginHandle>) {
    this.#parts = parts;
    this.#findLogin = findLogin;
  }

  readonly getAccessToken = async (options?: { readonly forceRefresh?: boolean }): Promise<string> =>
    (await this.#tokens(options)).accessToken;

  readonly getTokens = async (options?: { readonly forceRefresh?: boolean }): Promise<PolarAccessToken> => {
    const { accessToken, expiresAt, scopes } = await this.#tokens(options);
    // Copies: what the app does to them must not reach the tokens that the next request gets.
    return { accessToken, ...(expiresAt !== undefined && { expiresAt }), scopes: [...scopes] };
  };

  readonly fetch = async (input: string | URL | Request, init?: RequestInit): Promise<Response> =>
    fetchFromPolar(this.#parts, await this.#findLogin(), input, init);

  readonly organizations = async (): Promise<PolarOrganizations> =>
    this.#parts.organizations.of(await this.#findLogin());

  readonly isLoggedIn = async (): Promise<boolean> => {
    try {
      return await this.#parts.refresher.isAlive(await this.#findLogin());
    } catch (error) {
      if (error instanceof PolarLoginRequiredError) return false;
      throw error;
    }
  };

  async #tokens(options: { readonly forceRefresh?: boolean } | undefined): Promise<TokenSet> {
    const { refresher } = this.#parts;
    const login = await this.#findLogin();
    return options?.forceRefresh === true ? refresher.newTokens(login) : refresher.validTokens(login);
  }
}
