import { invalidOption, type OAuthErrorCode, PolarResponseError } from '../errors.js';
import { createHttp, type Http, type HttpRequest } from '../http/http.js';
import { checkObject } from '../options/option-checks.js';
import { rejectUnknown } from '../options/option-names.js';
import { isAccessToken } from '../text/token-characters.js';
import { type CallOptions, limitsOf } from './call-options.js';
import {
  type ClientMetadata,
  type ClientRegistration,
  parseClientRegistration,
  toWire,
} from './client-metadata.js';
import { type PolarClientOptions, resolveConnection } from './client-options.js';
import { type EndpointSource, endpointsOf } from './discovery.js';
import { oauthError } from './oauth-error.js';

/**
 * Credentials for managing a registration. {@link Registrations.register} returns them, so its result can be passed as
 * it is.
 *
 * @group OAuth client
 */
export interface RegistrationAccess {
  /** Id of the client, `polar_ci_...`. */
  readonly clientID: string;
  /** The token that {@link Registrations.register} returned, `polar_crt_...`. */
  readonly registrationAccessToken?: string | undefined;
}

// Polar responds to a wrong registration access token as it does to an unknown client.
const managementAdvice: Partial<Record<OAuthErrorCode, string>> = {
  invalid_client:
    'Check that the client still exists, and that the registration access token belongs to this client and server.',
  invalid_token: 'Use the registration access token (polar_crt_...), not an access token.',
};

/**
 * The calls of dynamic client registration: `client.registrations` of a {@link PolarOAuthClient} or, without a client, a
 * {@link PolarRegistrationClient}.
 *
 * @example
 * ```ts
 * const { redirectURIs } =
 *   await polar.client.registrations.readRegistration(registration);
 * ```
 *
 * @group OAuth client
 */
export class Registrations {
  readonly #http: Http;
  readonly #endpoints: EndpointSource;

  /** @internal */
  constructor(http: Http, endpoints: EndpointSource) {
    this.#http = http;
    this.#endpoints = endpoints;
  }

  /**
   * Registers a client: `POST /v1/oauth2/register`. Needs no account.
   *
   * @param metadata sent as `redirect_uris`, `client_name` (both required), `scope`, `token_endpoint_auth_method`,
   *   `grant_types`, `response_types`, `default_sub_type`, `client_uri`, `logo_uri`, `tos_uri`, `policy_uri`, and the fields
   *   of `extra`
   * @param options `signal` and `timeoutMs` of this call
   * @returns the client with its id, secret and registration access token: store them, they cannot be retrieved again
   * @throws {@link PolarOAuthError} `invalid_request` for a field that Polar rejects as malformed (status 422; `errorDescription`
   *   names the field and the reason), `invalid_client_metadata` for a scope or URI that it does not accept
   * @throws {@link PolarTransientError}, {@link PolarResponseError}: see {@link PolarRegistrationClient}
   * @example
   * ```ts
   * const registration = await registrations.register({
   *   clientName: 'My app',
   *   redirectURIs: ['https://app.example/auth/polar/callback'],
   *   scope: ['openid', 'email'],
   * });
   * ```
   * @see {@link https://www.rfc-editor.org/rfc/rfc7591#section-3 RFC 7591 section 3}
   */
  async register(metadata: ClientMetadata, options?: CallOptions): Promise<ClientRegistration> {
    checkObject(metadata, 'The metadata of a client');
    const request = { method: 'POST', url: await this.#url(options), json: toWire(metadata) } as const;
    return parseClientRegistration(await this.#send('registration', request, [], options));
  }

  /**
   * Reads a registration: `GET /v1/oauth2/register/{client_id}`.
   *
   * @param access the result of {@link register}: `clientID` and `registrationAccessToken`
   * @param options `signal` and `timeoutMs` of this call
   * @throws {@link PolarOAuthError} `invalid_client` when the token is wrong or of another client, or the client has been deleted
   * @throws {@link PolarConfigurationError} `invalid_option` when the token is missing or malformed; nothing is sent
   * @throws {@link PolarTransientError}, {@link PolarResponseError}: see {@link PolarRegistrationClient}
   * @example
   * ```ts
   * const { redirectURIs } = await registrations.readRegistration(registration);
   * ```
   * @see {@link https://www.rfc-editor.org/rfc/rfc7592#section-2.1 RFC 7592 section 2.1}
   */
  async readRegistration(access: RegistrationAccess, options?: CallOptions): Promise<ClientRegistration> {
    return parseClientRegistration(
      await this.#manage('request to read the registration', 'GET', access, {}, options),
    );
  }

  /**
   * Replaces the metadata of a client: `PUT /v1/oauth2/register/{client_id}`. Fields that are left out
   * revert to Polar's defaults; only the optional URIs are kept.
   *
   * @param access the result of {@link register}: `clientID` and `registrationAccessToken`
   * @param metadata as for {@link register}; `client_id` is added
   * @param options `signal` and `timeoutMs` of this call
   * @throws {@link PolarOAuthError} `invalid_request`, `invalid_client_metadata`, `invalid_client`, as {@link register} and
   *   {@link readRegistration} do
   * @throws {@link PolarConfigurationError} `invalid_option` when the token is missing or malformed; nothing is sent
   * @throws {@link PolarTransientError}, {@link PolarResponseError}: see {@link PolarRegistrationClient}
   * @example
   * ```ts
   * await registrations.updateRegistration(registration, {
   *   clientName: 'My app',
   *   redirectURIs: ['https://app.example/'],
   * });
   * ```
   * @see {@link https://www.rfc-editor.org/rfc/rfc7592#section-2.2 RFC 7592 section 2.2}
   */
  async updateRegistration(
    access: RegistrationAccess,
    metadata: ClientMetadata,
    options?: CallOptions,
  ): Promise<ClientRegistration> {
    checkObject(access, 'The registration');
    checkObject(metadata, 'The metadata of a client');
    const json = { ...toWire(metadata), client_id: access.clientID };
    const body = await this.#manage('update of the registration', 'PUT', access, { json }, options);
    return parseClientRegistration(body);
  }

  /**
   * Deletes a client: `DELETE /v1/oauth2/register/{client_id}`. Its tokens keep working at Polar,
   * and can no longer be revoked: revoke them first, as docs/oauth-api.md shows.
   *
   * @param access the result of {@link register}: `clientID` and `registrationAccessToken`
   * @param options `signal` and `timeoutMs` of this call
   * @throws {@link PolarOAuthError} `invalid_client` as {@link readRegistration} does, even when the client was already deleted
   * @throws {@link PolarConfigurationError} `invalid_option` when the token is missing or malformed; nothing is sent
   * @throws {@link PolarTransientError}, {@link PolarResponseError}: see {@link PolarRegistrationClient}
   * @example
   * ```ts
   * await registrations.deleteRegistration(registration);
   * ```
   * @see {@link https://www.rfc-editor.org/rfc/rfc7592#section-2.3 RFC 7592 section 2.3}
   */
  async deleteRegistration(access: RegistrationAccess, options?: CallOptions): Promise<void> {
    await this.#manage('deletion of the registration', 'DELETE', access, { ignoreBody: true }, options);
  }

  async #manage(
    what: string,
    method: HttpRequest['method'],
    access: RegistrationAccess,
    request: Pick<HttpRequest, 'json' | 'ignoreBody'>,
    options?: CallOptions,
  ): Promise<unknown> {
    checkObject(access, 'The registration');
    const { clientID, registrationAccessToken: token } = access;
    if (!isAccessToken(token)) {
      throw invalidOption(
        'registrationAccessToken is missing or has invalid characters. Use the one from the registration response.',
      );
    }
    // As a path segment, dots would send the token to another endpoint.
    if (typeof clientID !== 'string' || /^\.{0,2}$/.test(clientID)) {
      throw invalidOption('clientID must be the id of the registered client (polar_ci_...).');
    }
    const url = `${await this.#url(options)}/${encodeURIComponent(clientID)}`;
    const headers = { authorization: `Bearer ${token}` };
    return this.#send(what, { ...request, method, url, headers }, [token], options, managementAdvice);
  }

  async #send(
    what: string,
    request: HttpRequest,
    secrets: string[],
    options: CallOptions | undefined,
    advice?: Partial<Record<OAuthErrorCode, string>>,
  ): Promise<unknown> {
    const response = await this.#http({ ...request, ...limitsOf(options) });
    if (response.status >= 400) throw oauthError(response, what, secrets, false, advice);
    return response.body;
  }

  async #url(options: CallOptions | undefined): Promise<string> {
    const { registrationEndpoint } = await this.#endpoints(options);
    if (registrationEndpoint !== undefined) return registrationEndpoint;
    throw new PolarResponseError(
      'discovery_failed',
      "The provider's metadata has no endpoint for registration.",
    );
  }
}

/**
 * Options for reaching Polar; no client is needed yet.
 *
 * @group OAuth client
 */
export type RegistrationClientOptions = Pick<PolarClientOptions, 'server' | 'timeoutMs' | 'fetch'>;

/**
 * Dynamic client registration: at Polar, apps can register without an account. `strategy.client.registrations` has the
 * same methods.
 *
 * @remarks
 * Every method throws {@link PolarOAuthError} when Polar refuses the request, {@link PolarTransientError} (`timeout`,
 * `network_error`, `rate_limited` with `retryAfterSeconds`, `server_error`) when Polar is unreachable or busy, and
 * {@link PolarResponseError} (`malformed_response` with the `field`, `unexpected_redirect`, `response_too_large`;
 * `discovery_failed` if the provider has no registration endpoint) when the response is invalid.
 *
 * @example
 * ```ts
 * const registrations = new PolarRegistrationClient({ server: 'sandbox' });
 * const { clientID, clientSecret } = await registrations.register({
 *   clientName: 'My app',
 *   redirectURIs: ['http://localhost:3000/auth/polar/callback'],
 *   scope: ['openid', 'email'],
 * });
 * ```
 * @see {@link https://www.rfc-editor.org/rfc/rfc7591 RFC 7591} and {@link https://www.rfc-editor.org/rfc/rfc7592 RFC 7592}
 *
 * @group OAuth client
 */
export class PolarRegistrationClient extends Registrations {
  /**
   * Checks the options and sends no request.
   *
   * @param options `server`, `timeoutMs` in milliseconds, `fetch`
   * @throws {@link PolarConfigurationError} `invalid_option` that names the option which is unknown or invalid
   */
  constructor(options: RegistrationClientOptions = {}) {
    rejectUnknown(options, ['server', 'timeoutMs', 'fetch'], 'PolarRegistrationClient');
    const { fetch, server, timeoutMs } = resolveConnection(options);
    const http = createHttp({ fetch, timeoutMs });
    super(http, endpointsOf(server, http));
  }
}
