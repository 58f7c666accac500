import { PolarConfigurationError, PolarResponseError } from '../errors.js';
import { createHttp, type Http, type HttpRequest } from '../http.js';
import type { ServerEndpoints } from '../server.js';
import type { CallOptions } from './call-options.js';
import {
  type ClientMetadata,
  type ClientRegistration,
  parseClientRegistration,
  toWire,
} from './client-metadata.js';
import { type PolarClientOptions, resolveConnection } from './client-options.js';
import { endpointsOf } from './discovery.js';
import { oauthError } from './oauth-error.js';
import { isToken } from './wire-fields.js';

/** What manages a registration: it came with the registration. */
export interface RegistrationAccess {
  readonly clientID: string;
  readonly registrationAccessToken: string;
}

/** Where to register; no client is needed yet. */
export type RegistrationClientOptions = Pick<PolarClientOptions, 'server' | 'timeoutMs' | 'fetch'>;

/**
 * Dynamic client registration (RFC 7591 and 7592): at Polar, apps can register without an account.
 *
 * Every method throws {@link PolarOAuthError} when Polar refuses (`invalid_client_metadata`, `invalid_request` for a
 * field it cannot take, `unauthorized_client` and `access_denied` for a wrong or missing registration access token),
 * {@link PolarTransientError} and {@link PolarResponseError}.
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
 */
export class PolarRegistrationClient {
  readonly #http: Http;
  readonly #endpoints: () => Promise<ServerEndpoints>;

  /** @throws TypeError when an option is wrong */
  constructor(options: RegistrationClientOptions = {}) {
    const { fetch, server, timeoutMs } = resolveConnection(options);
    this.#http = createHttp({ fetch, timeoutMs });
    this.#endpoints = endpointsOf(server, this.#http);
  }

  /** Registers a client (`POST /v1/oauth2/register`, RFC 7591 section 3). */
  async register(metadata: ClientMetadata, options?: CallOptions): Promise<ClientRegistration> {
    const request = { method: 'POST', url: await this.#url(), json: toWire(metadata) } as const;
    return parseClientRegistration(await this.#send('registration', request, [], options));
  }

  /** Reads a registration (`GET /v1/oauth2/register/{client_id}`, RFC 7592 section 2.1). */
  async readRegistration(access: RegistrationAccess, options?: CallOptions): Promise<ClientRegistration> {
    return parseClientRegistration(
      await this.#manage('reading the registration', 'GET', access, {}, options),
    );
  }

  /**
   * Replaces what was said of a client (`PUT /v1/oauth2/register/{client_id}`, RFC 7592 section 2.2). What is left out
   * goes back to Polar's default; only the optional addresses stay.
   */
  async updateRegistration(
    access: RegistrationAccess,
    metadata: ClientMetadata,
    options?: CallOptions,
  ): Promise<ClientRegistration> {
    const json = { ...toWire(metadata), client_id: access.clientID };
    const body = await this.#manage('change of the registration', 'PUT', access, { json }, options);
    return parseClientRegistration(body);
  }

  /** Deletes a client, and its tokens with it (`DELETE /v1/oauth2/register/{client_id}`, RFC 7592 section 2.3). */
  async deleteRegistration(access: RegistrationAccess, options?: CallOptions): Promise<void> {
    await this.#manage('deletion of the registration', 'DELETE', access, { ignoreBody: true }, options);
  }

  async #manage(
    what: string,
    method: HttpRequest['method'],
    { clientID, registrationAccessToken: token }: RegistrationAccess,
    request: Pick<HttpRequest, 'json' | 'ignoreBody'>,
    options?: CallOptions,
  ): Promise<unknown> {
    if (!isToken(token)) {
      throw new PolarConfigurationError(
        'invalid_option',
        'registrationAccessToken is missing or has characters that no token has. It came with the registration.',
      );
    }
    const url = `${await this.#url()}/${encodeURIComponent(clientID)}`;
    const headers = { authorization: `Bearer ${token}` };
    return this.#send(what, { ...request, method, url, headers }, [token], options);
  }

  async #send(
    what: string,
    request: HttpRequest,
    secrets: string[],
    options?: CallOptions,
  ): Promise<unknown> {
    const answer = await this.#http({ ...request, ...options });
    if (answer.status >= 400) throw oauthError(answer, what, secrets);
    return answer.body;
  }

  async #url(): Promise<string> {
    const { registrationEndpoint } = await this.#endpoints();
    if (registrationEndpoint !== undefined) return registrationEndpoint;
    throw new PolarResponseError(
      'discovery_failed',
      "The provider's metadata names no endpoint for registration.",
    );
  }
}
