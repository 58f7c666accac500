import { createHttp } from '../http.js';
import { type PolarClientOptions, resolveConnection } from './client-options.js';
import { endpointsOf } from './discovery.js';
import { Registrations } from './registrations.js';

/** Options for reaching Polar; no client is needed yet. */
export type RegistrationClientOptions = Pick<PolarClientOptions, 'server' | 'timeoutMs' | 'fetch'>;

/**
 * Dynamic client registration (RFC 7591 and 7592): at Polar, apps can register without an account. `strategy.client`
 * has the same methods.
 *
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
 */
export class PolarRegistrationClient extends Registrations {
  /** @throws TypeError when an option is invalid */
  constructor(options: RegistrationClientOptions = {}) {
    const { fetch, server, timeoutMs } = resolveConnection(options);
    const http = createHttp({ fetch, timeoutMs });
    super(http, endpointsOf(server, http));
  }
}
