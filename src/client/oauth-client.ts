import { PolarConfigurationError, PolarResponseError } from '../errors.js';
import { createHttp, type Http, type HttpAnswer, type HttpRequest } from '../http.js';
import type { ServerEndpoints } from '../server.js';
import { type AuthorizationParameters, buildAuthorizationURL } from './authorization-url.js';
import type { CallOptions } from './call-options.js';
import { authenticate, type ClientCredentials } from './client-authentication.js';
import type { ClientMetadata, ClientRegistration } from './client-metadata.js';
import { type PolarClientOptions, resolveClientOptions } from './client-options.js';
import { endpointsOf } from './discovery.js';
import { type Introspection, parseIntrospection } from './introspection.js';
import { oauthError } from './oauth-error.js';
import type { PolarScope } from './polar-scope.js';
import { PolarRegistrationClient, type RegistrationAccess } from './registration-client.js';
import { parseTokenResponse, type TokenResponse } from './token-response.js';
import { parseUserInfo, type UserInfo } from './user-info.js';
import { type WebSessionGrant, webSessionForm } from './web-session-grant.js';
import { isToken } from './wire-fields.js';

type RequestOptions = Pick<HttpRequest, 'signal' | 'timeoutMs' | 'ignoreBody'>;

/**
 * Polar's OAuth endpoints, typed. `strategy.client` is one.
 *
 * Every method throws {@link PolarOAuthError} when Polar refuses, {@link PolarTransientError} when it cannot
 * be reached or is busy, and {@link PolarResponseError} when its answer makes no sense.
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
  readonly #endpoints: () => Promise<ServerEndpoints>;
  readonly #registrations: PolarRegistrationClient;

  /** @throws TypeError when an option is missing or wrong */
  constructor(options: PolarClientOptions) {
    const { credentials, fetch, server, timeoutMs } = resolveClientOptions(options);
    this.#http = createHttp({ fetch, timeoutMs });
    this.#credentials = credentials;
    this.#endpoints = endpointsOf(server, this.#http);
    this.#registrations = new PolarRegistrationClient({ server: options.server, timeoutMs, fetch });
  }

  /** True for a client without a secret. At Polar such a client can neither revoke nor introspect. */
  get isPublic(): boolean {
    return this.#credentials.method === 'none';
  }

  /** The server's issuer and endpoints; with `server: { discoveryURL }` from its metadata, fetched on first use. */
  discover(): Promise<ServerEndpoints> {
    return this.#endpoints();
  }

  /** The address to which the browser is sent to log in (`GET /oauth2/authorize`). */
  async authorizationURL(parameters: AuthorizationParameters): Promise<string> {
    const { authorizationEndpoint } = await this.#endpoints();
    return buildAuthorizationURL(authorizationEndpoint, this.#credentials.clientID, parameters);
  }

  /** Exchanges an authorization code for tokens (`POST /v1/oauth2/token`, RFC 6749 section 4.1.3). */
  async exchangeCode(
    grant: {
      code: string;
      redirectURI: string;
      codeVerifier: string;
      extra?: Readonly<Record<string, string>> | undefined;
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
   * Exchanges a refresh token for new tokens (RFC 6749 section 6). The old refresh token **and** the old access
   * token are dead the moment Polar answers; the new response has no id_token.
   */
  async refresh(
    grant: { refreshToken: string; scope?: readonly PolarScope[] },
    options?: CallOptions,
  ): Promise<TokenResponse> {
    const form = {
      grant_type: 'refresh_token',
      refresh_token: grant.refreshToken,
      ...(grant.scope !== undefined && { scope: grant.scope.join(' ') }),
    };
    return this.#token('refresh', form, [grant.refreshToken], options);
  }

  /**
   * Exchanges a session of Polar's web app for an access token (`grant_type=web`): for confidential clients that Polar
   * has registered for it. The answer has neither a refresh token nor an id_token.
   */
  async exchangeWebSession(grant: WebSessionGrant, options?: CallOptions): Promise<TokenResponse> {
    return this.#token('exchange of the web session', webSessionForm(grant), [grant.sessionToken], options);
  }

  /** Ends a token and its sibling (`POST /v1/oauth2/revoke`, RFC 7009). No hint is sent: at Polar a wrong one finds nothing. */
  async revoke(token: string, options?: CallOptions): Promise<void> {
    // RFC 7009 section 2.2: the status says all. Polar sends {}, others send nothing.
    await this.#asConfidentialClient('revocation', 'revocationEndpoint', token, {
      ...options,
      ignoreBody: true,
    });
  }

  /** Asks what a token of this client is good for (`POST /v1/oauth2/introspect`, RFC 7662). */
  async introspect(token: string, options?: CallOptions): Promise<Introspection> {
    const answer = await this.#asConfidentialClient('introspection', 'introspectionEndpoint', token, options);
    return parseIntrospection(answer.body);
  }

  /** Asks to whom an access token belongs (`GET /v1/oauth2/userinfo`, OpenID Connect Core 5.3). */
  async userInfo(accessToken: string, options?: CallOptions): Promise<UserInfo> {
    requireToken(accessToken, 'userinfo');
    const url = await this.#endpoint('userinfoEndpoint', 'userinfo');
    const headers = { authorization: `Bearer ${accessToken}` };
    const answer = await this.#http({ method: 'GET', url, headers, ...options });
    return parseUserInfo(this.#accepted(answer, 'userinfo request', [accessToken]).body);
  }

  /** Registers another client: {@link PolarRegistrationClient.register}. */
  register(metadata: ClientMetadata, options?: CallOptions): Promise<ClientRegistration> {
    return this.#registrations.register(metadata, options);
  }

  /** Reads a registration: {@link PolarRegistrationClient.readRegistration}. */
  readRegistration(access: RegistrationAccess, options?: CallOptions): Promise<ClientRegistration> {
    return this.#registrations.readRegistration(access, options);
  }

  /** Replaces what was said of a client: {@link PolarRegistrationClient.updateRegistration}. */
  updateRegistration(
    access: RegistrationAccess,
    metadata: ClientMetadata,
    options?: CallOptions,
  ): Promise<ClientRegistration> {
    return this.#registrations.updateRegistration(access, metadata, options);
  }

  /** Deletes a client: {@link PolarRegistrationClient.deleteRegistration}. */
  deleteRegistration(access: RegistrationAccess, options?: CallOptions): Promise<void> {
    return this.#registrations.deleteRegistration(access, options);
  }

  async #token(
    what: string,
    form: Record<string, string>,
    secrets: string[],
    options?: CallOptions,
  ): Promise<TokenResponse> {
    const { tokenEndpoint } = await this.#endpoints();
    return parseTokenResponse((await this.#post(what, tokenEndpoint, form, secrets, options)).body);
  }

  async #asConfidentialClient(
    what: string,
    endpoint: 'revocationEndpoint' | 'introspectionEndpoint',
    token: string,
    options?: RequestOptions,
  ): Promise<HttpAnswer> {
    requireToken(token, what);
    if (this.isPublic) {
      throw new PolarConfigurationError(
        'invalid_option',
        `Polar allows ${what} only to clients with a clientSecret; this one has none.`,
      );
    }
    return this.#post(what, await this.#endpoint(endpoint, what), { token }, [token], options);
  }

  async #post(
    what: string,
    url: string,
    form: Record<string, string>,
    secrets: string[],
    options?: RequestOptions,
  ): Promise<HttpAnswer> {
    const proven = authenticate(this.#credentials, form);
    const answer = await this.#http({ method: 'POST', url, ...proven, ...options });
    const basic = proven.headers['authorization']?.replace('Basic ', '');
    return this.#accepted(answer, what, [...secrets, this.#credentials.clientSecret, basic]);
  }

  #accepted(answer: HttpAnswer, what: string, secrets: (string | undefined)[]): HttpAnswer {
    if (answer.status < 400) return answer;
    throw oauthError(answer, what, secrets, this.isPublic);
  }

  async #endpoint(
    name: 'userinfoEndpoint' | 'revocationEndpoint' | 'introspectionEndpoint',
    what: string,
  ): Promise<string> {
    const url = (await this.#endpoints())[name];
    if (url === undefined)
      throw new PolarResponseError(
        'discovery_failed',
        `The provider's metadata names no endpoint for ${what}.`,
      );
    return url;
  }
}

// Sent on, it would come back in fetch's own complaint, which quotes the header.
function requireToken(token: string, what: string): void {
  if (isToken(token)) return;
  throw new PolarConfigurationError(
    'invalid_option',
    `The token for ${what} has characters that no token has, or is empty. Nothing was sent; check where it comes from.`,
  );
}
