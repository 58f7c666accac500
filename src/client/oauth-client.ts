import { PolarConfigurationError, PolarResponseError } from '../errors.js';
import { createHttp, type Http, type HttpRequest, type HttpResponse } from '../http.js';
import type { ServerEndpoints } from '../server.js';
import { isAccessToken, isRefreshToken } from '../token-characters.js';
import { type AuthorizationParameters, buildAuthorizationURL } from './authorization-url.js';
import { type CallOptions, limitsOf } from './call-options.js';
import { authenticate, type ClientCredentials } from './client-authentication.js';
import type { ClientMetadata, ClientRegistration } from './client-metadata.js';
import { type PolarClientOptions, resolveClientOptions } from './client-options.js';
import { type EndpointSource, endpointsOf } from './discovery.js';
import { type Introspection, parseIntrospection } from './introspection.js';
import { oauthError } from './oauth-error.js';
import { type PolarScopes, scopeParameter } from './polar-scope.js';
import { type RegistrationAccess, Registrations } from './registrations.js';
import { parseRefreshedTokens, parseTokenResponse, type TokenResponse } from './token-response.js';
import { parseUserInfo, type UserInfo } from './user-info.js';
import { type WebSessionGrant, webSessionForm } from './web-session-grant.js';

type RequestOptions = CallOptions & Pick<HttpRequest, 'ignoreBody'>;

/**
 * Polar's OAuth endpoints, typed. `strategy.client` is one. docs/oauth-api.md maps Polar's API reference to it.
 *
 * Every method throws {@link PolarOAuthError} when Polar refuses, with `error`, `errorDescription` and `httpStatus`;
 * {@link PolarTransientError} (`timeout`, `network_error`, `rate_limited` with `retryAfterSeconds`, `server_error`) when
 * it cannot be reached or is busy; and {@link PolarResponseError} (`malformed_response` with the `field`,
 * `unexpected_redirect`, `response_too_large`, `discovery_failed`) when its response makes no sense. The reason of an
 * aborted `signal` is thrown as it is.
 *
 * @example
 * ```ts
 * const client = new PolarOAuthClient({ clientID: 'polar_ci_...', clientSecret: 'polar_cs_...', server: 'sandbox' });
 * const { active, organizations } = await client.introspect(accessToken);
 * ```
 */
export class PolarOAuthClient {
  readonly #http: Http;
  readonly #credentials: ClientCredentials;
  readonly #endpoints: EndpointSource;
  readonly #registrations: Registrations;

  /** @throws TypeError when an option is missing or wrong */
  constructor(options: PolarClientOptions) {
    const { credentials, fetch, server, timeoutMs } = resolveClientOptions(options);
    this.#http = createHttp({ fetch, timeoutMs });
    this.#credentials = credentials;
    this.#endpoints = endpointsOf(server, this.#http);
    this.#registrations = new Registrations(this.#http, this.#endpoints);
  }

  /** True for a client without a secret. At Polar such a client can neither revoke nor introspect. */
  get isPublic(): boolean {
    return this.#credentials.method === 'none';
  }

  /**
   * The server's issuer and endpoints (OpenID Connect Discovery 1.0 section 4). With `server: { discoveryURL }` they
   * come from the metadata, `GET /.well-known/openid-configuration`, which is read once, on first use; else they are
   * known, and nothing is sent.
   *
   * @param options `signal` and `timeoutMs` of this call
   * @throws PolarResponseError `discovery_failed`, with the `field`: a status of 4xx, an endpoint that is missing or not
   *   https, another issuer than expected
   * @throws PolarTransientError: see {@link PolarOAuthClient}
   * @example
   * ```ts
   * const { issuer, tokenEndpoint } = await client.discover();
   * ```
   */
  async discover(options?: CallOptions): Promise<ServerEndpoints> {
    return this.#endpoints(options);
  }

  /**
   * The address to which the browser is sent to log in: `GET /oauth2/authorize` (RFC 6749 section 4.1.1, RFC 7636
   * section 4.3, OpenID Connect Core 3.1.2.1).
   *
   * @param parameters sent as `redirect_uri`, `scope`, `state`, `nonce`, `code_challenge`, `sub_type`, `prompt`; added
   *   are `response_type=code`, `client_id`, `code_challenge_method=S256`, and `prompt=consent` with
   *   `subType: 'organization'`, without which people who agreed before end on an error page of Polar
   * @param options `signal` and `timeoutMs` of this call, for a server whose metadata are still to be read
   * @throws PolarResponseError `discovery_failed`. What Polar has against the request comes back to `redirectURI` as
   *   `error`, or stays on Polar's own page (unknown client, redirect URI that is not registered)
   * @example
   * ```ts
   * const codeChallenge = createHash('sha256').update(codeVerifier).digest('base64url');
   * const url = await client.authorizationURL({ redirectURI, scope: ['openid', 'email'], state, nonce, codeChallenge });
   * ```
   */
  async authorizationURL(parameters: AuthorizationParameters, options?: CallOptions): Promise<string> {
    const { authorizationEndpoint } = await this.#endpoints(options);
    return buildAuthorizationURL(authorizationEndpoint, this.#credentials.clientID, parameters);
  }

  /**
   * Exchanges an authorization code for tokens: `POST /v1/oauth2/token` with `grant_type=authorization_code` (RFC 6749
   * section 4.1.3, RFC 7636 section 4.5). Verify the id_token before anything else is done with the tokens:
   * {@link verifyIdToken}.
   *
   * @param grant `code`, `redirectURI` as in the authorization request, `codeVerifier` of PKCE; `extra` parameters,
   *   none of which replaces ours
   * @param options `signal` and `timeoutMs` of this call
   * @throws PolarOAuthError `invalid_grant` (code unknown, used, older than five minutes or of another client; other
   *   `redirectURI`; wrong verifier), `invalid_request`, `invalid_client`, `unauthorized_client`. A code that was issued
   *   less than a second ago may be unknown for a moment: try again. The strategy does so by itself
   * @throws PolarTransientError, PolarResponseError: see {@link PolarOAuthClient}
   * @example
   * ```ts
   * const { accessToken, idToken } = await client.exchangeCode({ code, redirectURI, codeVerifier });
   * ```
   */
  async exchangeCode(
    grant: {
      readonly code: string;
      readonly redirectURI: string;
      readonly codeVerifier: string;
      readonly extra?: Readonly<Record<string, string>> | undefined;
    },
    options?: CallOptions,
  ): Promise<TokenResponse> {
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
   * Exchanges a refresh token for new tokens: `POST /v1/oauth2/token` with `grant_type=refresh_token` (RFC 6749 section
   * 6). The old refresh token **and** the old access token are dead the moment Polar responds, so a response with new tokens counts even
   * where the rest of it is odd. It has no id_token.
   *
   * @param grant `refreshToken`; `scope` narrows the tokens for good
   * @param options `signal` and `timeoutMs` of this call. A refresh that is ended early may have happened all the same
   * @throws PolarOAuthError `invalid_grant` (unknown, used, revoked or of another client), `invalid_scope` (wider than
   *   granted), `invalid_client`
   * @throws PolarConfigurationError `invalid_option` for what cannot be a token; nothing is sent
   * @throws PolarTransientError, PolarResponseError: see {@link PolarOAuthClient}
   * @example
   * ```ts
   * const { accessToken, refreshToken } = await client.refresh({ refreshToken: old.refreshToken });
   * ```
   */
  async refresh(
    grant: { readonly refreshToken: string; readonly scope?: PolarScopes | undefined },
    options?: CallOptions,
  ): Promise<TokenResponse> {
    requireToken(grant.refreshToken, 'refresh');
    const form = {
      grant_type: 'refresh_token',
      refresh_token: grant.refreshToken,
      ...(grant.scope !== undefined && { scope: scopeParameter(grant.scope) }),
    };
    return this.#token('refresh', form, [grant.refreshToken], options, parseRefreshedTokens);
  }

  /**
   * Exchanges a session of Polar's web app for an access token: `POST /v1/oauth2/token` with `grant_type=web`, a grant
   * of Polar's own (RFC 6749 section 4.5), for confidential clients that Polar has registered for it. The response has
   * neither a refresh token nor an id_token.
   *
   * @param grant `sessionToken`; `subType: 'organization'` with `sub`, the organization's id, limits the token to it;
   *   `scope`
   * @param options `signal` and `timeoutMs` of this call
   * @throws PolarOAuthError `invalid_grant` (no such session, or the person is not in that organization),
   *   `invalid_request` (`sub` missing, or given for a user), `invalid_scope`, `unauthorized_client` (not registered for
   *   this grant), `invalid_client`
   * @throws PolarConfigurationError `invalid_option` for a public client, and for what cannot be a token; nothing is sent
   * @throws PolarTransientError, PolarResponseError: see {@link PolarOAuthClient}
   * @example
   * ```ts
   * const { accessToken } = await client.exchangeWebSession({ sessionToken, subType: 'organization', sub: organizationID });
   * ```
   */
  async exchangeWebSession(grant: WebSessionGrant, options?: CallOptions): Promise<TokenResponse> {
    this.#requireConfidential('the web grant');
    requireToken(grant.sessionToken, 'exchange of the web session');
    return this.#token('exchange of the web session', webSessionForm(grant), [grant.sessionToken], options);
  }

  /**
   * Ends a token and its sibling, whichever of the two is given: `POST /v1/oauth2/revoke` (RFC 7009 section 2). Done,
   * too, when the token is unknown or dead already. No `token_type_hint` is sent: at Polar a wrong one finds nothing.
   *
   * @param token access or refresh token of this client
   * @param options `signal` and `timeoutMs` of this call
   * @throws PolarOAuthError `invalid_grant` for another client's token, `invalid_client`
   * @throws PolarConfigurationError `invalid_option` for a public client, which Polar lets revoke nothing, and for what
   *   cannot be a token; nothing is sent
   * @throws PolarTransientError, PolarResponseError: see {@link PolarOAuthClient}
   * @example
   * ```ts
   * await client.revoke(refreshToken);
   * ```
   */
  async revoke(token: string, options?: CallOptions): Promise<void> {
    // RFC 7009 section 2.2: the status says all. Polar sends {}, others send nothing.
    await this.#aboutToken('revocation', 'revocationEndpoint', token, { ...options, ignoreBody: true });
  }

  /**
   * Asks what a token of this client is good for: `POST /v1/oauth2/introspect` (RFC 7662 section 2). Inactive are
   * expired, revoked and unknown tokens, those of another client, and a refresh token whose access token has expired.
   *
   * @param token access or refresh token of this client
   * @param options `signal` and `timeoutMs` of this call
   * @throws PolarOAuthError `invalid_client`
   * @throws PolarConfigurationError `invalid_option` for a public client, which Polar lets introspect nothing, and for
   *   what cannot be a token; nothing is sent
   * @throws PolarTransientError, PolarResponseError: see {@link PolarOAuthClient}
   * @example
   * ```ts
   * const { active, scopes, organizations, expiresAt } = await client.introspect(accessToken);
   * ```
   */
  async introspect(token: string, options?: CallOptions): Promise<Introspection> {
    const response = await this.#aboutToken('introspection', 'introspectionEndpoint', token, options);
    return parseIntrospection(response.body);
  }

  /**
   * Asks to whom an access token belongs: `GET /v1/oauth2/userinfo` (OpenID Connect Core 5.3, RFC 6750 section 2.1).
   * Answers for the tokens of **any** app: it does not tell whether a token was issued to yours.
   *
   * @param accessToken sent in the `Authorization` header
   * @param options `signal` and `timeoutMs` of this call
   * @throws PolarOAuthError `invalid_token` (expired, revoked, unknown)
   * @throws PolarConfigurationError `invalid_option` for what cannot be a token; nothing is sent
   * @throws PolarTransientError, PolarResponseError: see {@link PolarOAuthClient}
   * @example
   * ```ts
   * const { subject, email, emailVerified } = await client.userInfo(accessToken);
   * ```
   */
  async userInfo(accessToken: string, options?: CallOptions): Promise<UserInfo> {
    requireToken(accessToken, 'userinfo', isAccessToken);
    const url = await this.#endpoint('userinfoEndpoint', 'userinfo', options);
    const headers = { authorization: `Bearer ${accessToken}` };
    const response = await this.#http({ method: 'GET', url, headers, ...limitsOf(options) });
    return parseUserInfo(this.#accepted(response, 'userinfo request', [accessToken]).body);
  }

  /**
   * Registers another client: `POST /v1/oauth2/register` (RFC 7591 section 3).
   *
   * @param metadata what to say of it
   * @param options `signal` and `timeoutMs` of this call
   * @throws PolarOAuthError `invalid_request` with the field in `errorDescription`, `invalid_client_metadata`; all of it
   *   at {@link PolarRegistrationClient.register}
   * @example
   * ```ts
   * const registration = await client.register({ clientName: 'My app', redirectURIs: ['https://app.example/callback'] });
   * ```
   */
  register(metadata: ClientMetadata, options?: CallOptions): Promise<ClientRegistration> {
    return this.#registrations.register(metadata, options);
  }

  /**
   * Reads a registration: `GET /v1/oauth2/register/{client_id}` (RFC 7592 section 2.1).
   *
   * @param access what {@link register} answered
   * @param options `signal` and `timeoutMs` of this call
   * @throws PolarOAuthError `invalid_client` for a wrong token or a client that is gone; all of it at
   *   {@link PolarRegistrationClient.readRegistration}
   * @example
   * ```ts
   * const { redirectURIs } = await client.readRegistration(registration);
   * ```
   */
  readRegistration(access: RegistrationAccess, options?: CallOptions): Promise<ClientRegistration> {
    return this.#registrations.readRegistration(access, options);
  }

  /**
   * Replaces what was said of a client: `PUT /v1/oauth2/register/{client_id}` (RFC 7592 section 2.2).
   *
   * @param access what {@link register} answered
   * @param metadata all of it: what is left out goes back to Polar's default
   * @param options `signal` and `timeoutMs` of this call
   * @throws PolarOAuthError `invalid_request`, `invalid_client_metadata`, `invalid_client`; all of it at
   *   {@link PolarRegistrationClient.updateRegistration}
   * @example
   * ```ts
   * await client.updateRegistration(registration, { clientName: 'My app', redirectURIs: ['https://app.example/'] });
   * ```
   */
  updateRegistration(
    access: RegistrationAccess,
    metadata: ClientMetadata,
    options?: CallOptions,
  ): Promise<ClientRegistration> {
    return this.#registrations.updateRegistration(access, metadata, options);
  }

  /**
   * Deletes a client: `DELETE /v1/oauth2/register/{client_id}` (RFC 7592 section 2.3). Its tokens go on working at Polar, and
   * nothing can revoke them any more: {@link revoke} them first, as docs/oauth-api.md shows.
   *
   * @param access what {@link register} answered
   * @param options `signal` and `timeoutMs` of this call
   * @throws PolarOAuthError `invalid_client` for a wrong token or a client that is gone; all of it at
   *   {@link PolarRegistrationClient.deleteRegistration}
   * @example
   * ```ts
   * await client.deleteRegistration(registration);
   * ```
   */
  deleteRegistration(access: RegistrationAccess, options?: CallOptions): Promise<void> {
    return this.#registrations.deleteRegistration(access, options);
  }

  async #token(
    what: string,
    form: Record<string, string>,
    secrets: string[],
    options?: CallOptions,
    parse = parseTokenResponse,
  ): Promise<TokenResponse> {
    const { tokenEndpoint } = await this.#endpoints(options);
    return parse((await this.#post(what, tokenEndpoint, form, secrets, options)).body);
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

  // Polar would answer 401 invalid_client, which reads as if id or secret were wrong.
  #requireConfidential(what: string): void {
    if (!this.isPublic) return;
    throw new PolarConfigurationError(
      'invalid_option',
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
        `The provider's metadata names no endpoint for ${what}.`,
      );
    return url;
  }
}

/**
 * In a form any token may have the characters of a refresh token. In a header it may not: sent on, it would come back in
 * fetch's own complaint, which quotes the header.
 */
function requireToken(
  token: string,
  what: string,
  isToken: (value: unknown) => boolean = isRefreshToken,
): void {
  if (isToken(token)) return;
  throw new PolarConfigurationError(
    'invalid_option',
    `The token for ${what} has characters that no token has, or is empty. Nothing was sent; check where it comes from.`,
  );
}
