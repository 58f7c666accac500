import { invalidOption, PolarResponseError } from '../errors.js';
import { createHttp, type Http, type HttpRequest, type HttpResponse } from '../http/http.js';
import { checkObject, checkString } from '../options/option-checks.js';
import type { ServerEndpoints } from '../options/server.js';
import { isAccessToken, isRefreshToken } from '../text/token-characters.js';
import { type AuthorizationParameters, buildAuthorizationURL } from './authorization-url.js';
import { type CallOptions, limitsOf } from './call-options.js';
import { authenticate, type ClientCredentials } from './client-authentication.js';
import {
  type PolarClientOptions,
  type ResolvedClientOptions,
  resolveClientOptions,
} from './client-options.js';
import { type EndpointSource, endpointsOf } from './discovery.js';
import { type Introspection, parseIntrospection } from './introspection.js';
import { oauthError } from './oauth-error.js';
import { type PolarScopes, scopeParameter } from './polar-scope.js';
import { Registrations } from './registrations.js';
import { parseRefreshedTokens, parseTokenResponse, type TokenResponse } from './token-response.js';
import { parseUserInfo, type UserInfo } from './user-info.js';
import { type WebSessionGrant, webSessionForm } from './web-session-grant.js';

// Kept off the client, which apps log: the options contain the secret.
const resolvedOptions = new WeakMap<PolarOAuthClient, ResolvedClientOptions>();

/** The options of a client, as it checked them. */
export function optionsOf(client: PolarOAuthClient): ResolvedClientOptions {
  return resolvedOptions.get(client) as ResolvedClientOptions;
}

type RequestOptions = CallOptions & Pick<HttpRequest, 'ignoreBody'>;

/**
 * Typed client for Polar's OAuth endpoints; `strategy.client` is one. docs/oauth-api.md maps Polar's API reference to it.
 *
 * @remarks
 * Every method throws {@link PolarOAuthError}, with `error`, `errorDescription` and `httpStatus`, when Polar refuses the
 * request; {@link PolarTransientError} (`timeout`, `network_error`, `rate_limited` with `retryAfterSeconds`,
 * `server_error`) when Polar is unreachable or busy; and {@link PolarResponseError} (`malformed_response` with the
 * `field`, `unexpected_redirect`, `response_too_large`, `discovery_failed`) when the response is invalid. The reason of
 * an aborted `signal` is thrown as it is.
 *
 * @example
 * ```ts
 * const client = new PolarOAuthClient({
 *   clientID: 'polar_ci_...',
 *   clientSecret: 'polar_cs_...',
 *   server: 'sandbox',
 * });
 * const { active, organizations } = await client.introspect(accessToken);
 * ```
 *
 * @group OAuth client
 */
export class PolarOAuthClient {
  /**
   * Dynamic client registration at this server, `/v1/oauth2/register`: see {@link PolarRegistrationClient}.
   *
   * @example
   * ```ts
   * const registration = await client.registrations.register({
   *   clientName: 'My app',
   *   redirectURIs: ['https://app.example/callback'],
   * });
   * ```
   */
  readonly registrations: Registrations;
  readonly #http: Http;
  readonly #credentials: ClientCredentials;
  readonly #endpoints: EndpointSource;
  readonly #now: () => number;

  /**
   * Checks the options and sends no request.
   *
   * @param options `clientID`, `clientSecret` and `server`, and others that have defaults
   * @throws {@link PolarConfigurationError} `invalid_option` that names the option which is missing, unknown or invalid
   */
  constructor(options: PolarClientOptions) {
    const resolved = resolveClientOptions(options);
    const { credentials, fetch, now, server, timeoutMs } = resolved;
    this.#now = now;
    resolvedOptions.set(this, resolved);
    this.#http = createHttp({ fetch, timeoutMs });
    this.#credentials = credentials;
    this.#endpoints = endpointsOf(server, this.#http);
    this.registrations = new Registrations(this.#http, this.#endpoints);
  }

  /** True for a client without a secret. At Polar such a client can neither revoke nor introspect. */
  get isPublic(): boolean {
    return this.#credentials.method === 'none';
  }

  /**
   * Returns the server's issuer and endpoints. With `server: { discoveryURL }`,
   * they come from the metadata, `GET /.well-known/openid-configuration`, fetched once, on first use. Otherwise they are
   * built in, and no request is sent.
   *
   * @param options `signal` and `timeoutMs` of this call
   * @throws {@link PolarResponseError} `discovery_failed`, with the `field`: a 4xx status, an endpoint that is missing or not
   *   https, an unexpected issuer
   * @throws {@link PolarTransientError}: see {@link PolarOAuthClient}
   * @example
   * ```ts
   * const { issuer, tokenEndpoint } = await client.discover();
   * ```
   * @see {@link https://openid.net/specs/openid-connect-discovery-1_0.html#ProviderConfig OpenID Connect Discovery 1.0 section 4}
   */
  async discover(options?: CallOptions): Promise<ServerEndpoints> {
    return this.#endpoints(options);
  }

  /**
   * Returns the URL to which the browser is sent to log in: `GET /oauth2/authorize`.
   *
   * @param parameters sent as `redirect_uri`, `scope`, `state`, `nonce`, `code_challenge`, `sub_type`, `prompt`. The
   *   client adds `response_type=code`, `client_id`, `code_challenge_method=S256` and, with `subType: 'organization'`,
   *   `prompt=consent`: without it, users who have consented before end up on an error page of Polar
   * @param options `signal` and `timeoutMs` of this call, for a server whose metadata is still to be fetched
   * @throws {@link PolarConfigurationError} `invalid_option` for a parameter that is missing or no string, and for a
   *   reserved one in `extra`
   * @throws {@link PolarResponseError} `discovery_failed`. If Polar rejects the request, it redirects to `redirectURI` with
   *   `error`, or shows its own error page (unknown client, redirect URI that is not registered)
   * @example
   * ```ts
   * const codeChallenge = createHash('sha256')
   *   .update(codeVerifier)
   *   .digest('base64url');
   * const url = await client.authorizationURL({
   *   redirectURI,
   *   scope: ['openid', 'email'],
   *   state,
   *   nonce,
   *   codeChallenge,
   * });
   * ```
   * @see {@link https://www.rfc-editor.org/rfc/rfc6749#section-4.1.1 RFC 6749 section 4.1.1}
   * @see {@link https://www.rfc-editor.org/rfc/rfc7636#section-4.3 RFC 7636 section 4.3}
   * @see {@link https://openid.net/specs/openid-connect-core-1_0.html#AuthRequest OpenID Connect Core 3.1.2.1}
   */
  async authorizationURL(parameters: AuthorizationParameters, options?: CallOptions): Promise<string> {
    const { authorizationEndpoint } = await this.#endpoints(options);
    return buildAuthorizationURL(authorizationEndpoint, this.#credentials.clientID, parameters);
  }

  /**
   * Exchanges an authorization code for tokens: `POST /v1/oauth2/token` with `grant_type=authorization_code`. Verify the
   * id_token with {@link verifyIdToken} before using the tokens in any other way.
   *
   * @param grant `code`, `redirectURI` as in the authorization request, `codeVerifier` of PKCE; `extra` parameters,
   *   which cannot replace these
   * @param options `signal` and `timeoutMs` of this call
   * @throws {@link PolarOAuthError} `invalid_grant` (code unknown, used, older than five minutes or of another client; different
   *   `redirectURI`; wrong verifier), `invalid_request`, `invalid_client`, `unauthorized_client`. Polar may not know a
   *   code in the first second after issuing it: try again. The strategy does so automatically
   * @throws {@link PolarConfigurationError} `invalid_option` for a parameter that is missing or no string; nothing is sent
   * @throws {@link PolarTransientError}, {@link PolarResponseError}: see {@link PolarOAuthClient}
   * @example
   * ```ts
   * const { accessToken, idToken } = await client.exchangeCode({
   *   code,
   *   redirectURI,
   *   codeVerifier,
   * });
   * ```
   * @see {@link https://www.rfc-editor.org/rfc/rfc6749#section-4.1.3 RFC 6749 section 4.1.3}
   * @see {@link https://www.rfc-editor.org/rfc/rfc7636#section-4.5 RFC 7636 section 4.5}
   */
  async exchangeCode(
    grant: {
      /** The `code` of the response to the authorization request. */
      readonly code: string;
      /** The same as in the authorization request. */
      readonly redirectURI: string;
      /** The PKCE code verifier, whose challenge was sent. */
      readonly codeVerifier: string;
      /** Additional parameters; they cannot replace those above. */
      readonly extra?: Readonly<Record<string, string>> | undefined;
    },
    options?: CallOptions,
  ): Promise<TokenResponse> {
    checkObject(grant, 'The parameters of exchangeCode');
    for (const name of ['code', 'redirectURI', 'codeVerifier'] as const) checkString(grant[name], name);
    for (const [name, value] of Object.entries(grant.extra ?? {})) checkString(value, `extra.${name}`);
    const form = {
      ...grant.extra,
      grant_type: 'authorization_code',
      code: grant.code,
      redirect_uri: grant.redirectURI,
      code_verifier: grant.codeVerifier,
    };
    return this.#token('exchange of the authorization code', form, [grant.code, grant.codeVerifier], options);
  }

  /**
   * Exchanges a refresh token for new tokens: `POST /v1/oauth2/token` with `grant_type=refresh_token`. The old refresh token
   * **and** the old access token are dead the moment Polar responds, so a response with new tokens is accepted even if the
   * rest of it is malformed. It has no id_token.
   *
   * @param grant `refreshToken`; `scope` permanently narrows the tokens
   * @param options `signal` and `timeoutMs` of this call. Polar may have made a refresh that was aborted
   * @throws {@link PolarOAuthError} `invalid_grant` (unknown, used, revoked or of another client), `invalid_scope` (wider than
   *   granted), `invalid_client`
   * @throws {@link PolarConfigurationError} `invalid_option` for a malformed token; nothing is sent
   * @throws {@link PolarTransientError}, {@link PolarResponseError}: see {@link PolarOAuthClient}
   * @example
   * ```ts
   * const { accessToken, refreshToken } = await client.refresh({
   *   refreshToken: old.refreshToken,
   * });
   * ```
   * @see {@link https://www.rfc-editor.org/rfc/rfc6749#section-6 RFC 6749 section 6}
   */
  async refresh(
    grant: {
      /** The newest refresh token of the login. */
      readonly refreshToken: string;
      /** Fewer scopes than before, for good. @default the same scopes */
      readonly scope?: PolarScopes | undefined;
    },
    options?: CallOptions,
  ): Promise<TokenResponse> {
    checkObject(grant, 'The parameters of refresh');
    requireToken(grant.refreshToken, 'refresh');
    const form = {
      grant_type: 'refresh_token',
      refresh_token: grant.refreshToken,
      ...(grant.scope !== undefined && { scope: scopeParameter(grant.scope) }),
    };
    return this.#token('refresh', form, [grant.refreshToken], options, parseRefreshedTokens);
  }

  /**
   * Exchanges a session of Polar's web app for an access token: `POST /v1/oauth2/token` with `grant_type=web`, an
   * extension grant of Polar for confidential clients that Polar has registered for it. The response has neither a refresh
   * token nor an id_token.
   *
   * @param grant `sessionToken`; `subType: 'organization'` with `sub`, the organization's id, limits the token to it;
   *   `scope`
   * @param options `signal` and `timeoutMs` of this call
   * @throws {@link PolarOAuthError} `invalid_grant` (no such session, or the user is not in that organization),
   *   `invalid_request` (`sub` missing, or given for a user), `invalid_scope`, `unauthorized_client` (not registered for
   *   this grant), `invalid_client`
   * @throws {@link PolarConfigurationError} `invalid_option` for a public client or a malformed token; nothing is sent
   * @throws {@link PolarTransientError}, {@link PolarResponseError}: see {@link PolarOAuthClient}
   * @example
   * ```ts
   * const { accessToken } = await client.exchangeWebSession({
   *   sessionToken,
   *   subType: 'organization',
   *   sub: organizationID,
   * });
   * ```
   * @see {@link https://www.rfc-editor.org/rfc/rfc6749#section-4.5 RFC 6749 section 4.5}
   */
  async exchangeWebSession(grant: WebSessionGrant, options?: CallOptions): Promise<TokenResponse> {
    this.#requireConfidential('the web grant');
    checkObject(grant, 'The parameters of exchangeWebSession');
    requireToken(grant.sessionToken, 'exchange of the web session');
    return this.#token('exchange of the web session', webSessionForm(grant), [grant.sessionToken], options);
  }

  /**
   * Revokes both tokens of a pair, given either of them: `POST /v1/oauth2/revoke`. Also succeeds when the token
   * is unknown or already dead. Sends no `token_type_hint`: with a wrong one, Polar finds nothing.
   *
   * @param token access or refresh token of this client
   * @param options `signal` and `timeoutMs` of this call
   * @throws {@link PolarOAuthError} `invalid_grant` for another client's token, `invalid_client`
   * @throws {@link PolarConfigurationError} `invalid_option` for a public client, which Polar does not allow to revoke, or
   *   for a malformed token; nothing is sent
   * @throws {@link PolarTransientError}, {@link PolarResponseError}: see {@link PolarOAuthClient}
   * @example
   * ```ts
   * await client.revoke(refreshToken);
   * ```
   * @see {@link https://www.rfc-editor.org/rfc/rfc7009#section-2 RFC 7009 section 2}
   */
  async revoke(token: string, options?: CallOptions): Promise<void> {
    // RFC 7009 section 2.2: only the status counts. Polar sends {}, other servers send nothing.
    await this.#aboutToken('revocation', 'revocationEndpoint', token, { ...options, ignoreBody: true });
  }

  /**
   * Introspects a token of this client: `POST /v1/oauth2/introspect` (RFC 7662 section 2). A token is inactive if it is
   * expired, revoked, unknown or of another client, or if it is a refresh token whose access token has expired.
   *
   * @param token access or refresh token of this client
   * @param options `signal` and `timeoutMs` of this call
   * @throws {@link PolarOAuthError} `invalid_client`
   * @throws {@link PolarConfigurationError} `invalid_option` for a public client, which Polar does not allow to introspect,
   *   or for a malformed token; nothing is sent
   * @throws {@link PolarTransientError}, {@link PolarResponseError}: see {@link PolarOAuthClient}
   * @example
   * ```ts
   * const { active, scopes, organizations, expiresAt } =
   *   await client.introspect(accessToken);
   * ```
   * @see {@link https://www.rfc-editor.org/rfc/rfc7662#section-2 RFC 7662 section 2}
   */
  async introspect(token: string, options?: CallOptions): Promise<Introspection> {
    const response = await this.#aboutToken('introspection', 'introspectionEndpoint', token, options);
    return parseIntrospection(response.body);
  }

  /**
   * Returns the user to whom an access token belongs: `GET /v1/oauth2/userinfo`. Polar accepts the tokens
   * of **any** app here: success does not mean that a token was issued to yours.
   *
   * @param accessToken sent in the `Authorization` header
   * @param options `signal` and `timeoutMs` of this call
   * @throws {@link PolarOAuthError} `invalid_token` (expired, revoked, unknown)
   * @throws {@link PolarConfigurationError} `invalid_option` for a malformed token; nothing is sent
   * @throws {@link PolarTransientError}, {@link PolarResponseError}: see {@link PolarOAuthClient}
   * @example
   * ```ts
   * const { subject, email, emailVerified } = await client.userInfo(accessToken);
   * ```
   * @see {@link https://openid.net/specs/openid-connect-core-1_0.html#UserInfo OpenID Connect Core 5.3}
   * @see {@link https://www.rfc-editor.org/rfc/rfc6750#section-2.1 RFC 6750 section 2.1}
   */
  async userInfo(accessToken: string, options?: CallOptions): Promise<UserInfo> {
    requireToken(accessToken, 'userinfo', isAccessToken);
    const url = await this.#endpoint('userinfoEndpoint', 'userinfo', options);
    const headers = { authorization: `Bearer ${accessToken}` };
    const response = await this.#http({ method: 'GET', url, headers, ...limitsOf(options) });
    return parseUserInfo(this.#accepted(response, 'userinfo request', [accessToken]).body);
  }

  async #token(
    what: string,
    form: Record<string, string>,
    secrets: string[],
    options?: CallOptions,
    parse = parseTokenResponse,
  ): Promise<TokenResponse> {
    const { tokenEndpoint } = await this.#endpoints(options);
    const sentAt = this.#now();
    return parse((await this.#post(what, tokenEndpoint, form, secrets, options)).body, sentAt);
  }

  async #aboutToken(
    what: string,
    endpoint: 'revocationEndpoint' | 'introspectionEndpoint',
    token: string,
    options?: RequestOptions,
  ): Promise<HttpResponse> {
    this.#requireConfidential(what);
    requireToken(token, what);
    const url = await this.#endpoint(endpoint, what, options);
    return this.#post(what, url, { token }, [token], options);
  }

  // Polar would respond with 401 invalid_client, as if the id or secret were wrong.
  #requireConfidential(what: string): void {
    if (!this.isPublic) return;
    throw invalidOption(
      `Polar allows ${what} only to clients with a clientSecret; this one has none. Nothing was sent.`,
    );
  }

  async #post(
    what: string,
    url: string,
    form: Record<string, string>,
    secrets: string[],
    options?: RequestOptions,
  ): Promise<HttpResponse> {
    const proven = authenticate(this.#credentials, form);
    const { ignoreBody } = options ?? {};
    const response = await this.#http({ method: 'POST', url, ...proven, ...limitsOf(options), ignoreBody });
    const basic = proven.headers['authorization']?.replace('Basic ', '');
    return this.#accepted(response, what, [...secrets, this.#credentials.clientSecret, basic]);
  }

  #accepted(response: HttpResponse, what: string, secrets: (string | undefined)[]): HttpResponse {
    if (response.status < 400) return response;
    throw oauthError(response, what, secrets, this.isPublic);
  }

  async #endpoint(
    name: 'userinfoEndpoint' | 'revocationEndpoint' | 'introspectionEndpoint',
    what: string,
    options: CallOptions | undefined,
  ): Promise<string> {
    const url = (await this.#endpoints(options))[name];
    if (url === undefined)
      throw new PolarResponseError(
        'discovery_failed',
        `The provider's metadata has no endpoint for ${what}.`,
      );
    return url;
  }
}

/**
 * A form can carry any token made of the characters of a refresh token. A header cannot: fetch would reject the token
 * with an error that quotes it.
 */
function requireToken(
  token: string,
  what: string,
  isToken: (value: unknown) => boolean = isRefreshToken,
): void {
  if (isToken(token)) return;
  throw invalidOption(
    `The token for ${what} is empty or has invalid characters. Nothing was sent; check where the token comes from.`,
  );
}
