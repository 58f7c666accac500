import { createHttp } from '../http.js';
import { type PolarClientOptions, resolveConnection } from './client-options.js';
import { endpointsOf } from './discovery.js';
import { Registrations } from './registrations.js';

/** Where to register; no client is needed yet. */
export type RegistrationClientOptions = Pick<PolarClientOptions, 'server' | 'timeoutMs' | 'fetch'>;

/**
 * Dynamic client registration (RFC 7591 and 7592): at Polar, apps can register without an account. `strategy.client`
 * has the same methods.
 *
 * Every method throws {@link PolarOAuthError} when Polar refuses, {@link PolarTransientError} (`timeout`,
 * `network_error`, `rate_limited` with `retryAfterSeconds`, `server_error`) when it cannot be reached or is busy, and
 * {@link PolarResponseError} (`malformed_response` with the `field`, `unexpected_redirect`, `response_too_large`;
 * `discovery_failed` where the provider has no such endpoint) when its response makes no sense.
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
export class PolarRegistrationClient extends Registrations {
  /** @throws TypeError when an option is wrong */
  constructor(options: RegistrationClientOptions = {}) {
    const { fetch, server, timeoutMs } = resolveConnection(options);
    const http = createHttp({ fetch, timeoutMs });
    super(http, endpointsOf(server, http));
  }
}
