import type { PolarEmulatorAPIVersion } from './http/api-version.js';

/** An organization that a user of the emulator belongs to. */
export interface PolarEmulatorOrganization {
  /** UUID. @default a random one */
  readonly id?: string | undefined;
  /** Short name in URLs. Two users who name the same slug are members of the same organization. */
  readonly slug: string;
  /** Display name. @default the slug */
  readonly name?: string | undefined;
  /**
   * Requires members to sign in through its SSO, which the emulator does not have: tokens that are not limited to it do not
   * show it, and a login cannot be limited to it. @default false
   */
  readonly ssoEnforced?: boolean | undefined;
  /** The products it sells, oldest first. @default none */
  readonly products?: readonly PolarEmulatorProduct[] | undefined;
}

/** A product of an organization, with one fixed price. */
export interface PolarEmulatorProduct {
  /** UUID. @default a random one */
  readonly id?: string | undefined;
  /** Display name. */
  readonly name: string;
  /** The price in cents of US dollars. @default 1000 */
  readonly priceAmount?: number | undefined;
  /** Makes it a subscription. @default none: a one-time purchase */
  readonly recurringInterval?: 'day' | 'week' | 'month' | 'year' | undefined;
}

/** A user with an account at the emulator. */
export interface PolarEmulatorUser {
  /** UUID, the `sub` of the user's id_tokens. @default a random one */
  readonly id?: string | undefined;
  /** E-mail address, which also identifies the user in tests. */
  readonly email: string;
  /** Whether Polar has verified the address. @default true */
  readonly emailVerified?: boolean | undefined;
  /** Display name. @default the e-mail address */
  readonly name?: string | undefined;
  /** The organizations that the user belongs to. @default none */
  readonly organizations?: readonly PolarEmulatorOrganization[] | undefined;
}

/** How a client authenticates to the token endpoint. Polar accepts only the method that was registered. */
export type PolarEmulatorAuthMethod = 'client_secret_post' | 'client_secret_basic' | 'none';

/** Metadata of a client (an app) to register. */
export interface PolarEmulatorClientMetadata {
  /** Allowed redirect URIs: `https:`, or `http:` on localhost, `*.localhost` or a private IPv4 address. */
  readonly redirectURIs: readonly string[];
  /** Scopes, as a list or separated by spaces. @default every scope Polar knows */
  readonly scope?: string | readonly string[] | undefined;
  /** `none` makes a public client, which has no secret. @default 'client_secret_post', as in Polar's dashboard */
  readonly tokenEndpointAuthMethod?: PolarEmulatorAuthMethod | undefined;
  /** Shown on the consent page. @default 'Example app' */
  readonly name?: string | undefined;
  /**
   * `sub_type` of a login that does not send one. Only Polar itself can set it: registrations that name one get `user`.
   * @default 'user'
   */
  readonly defaultSubType?: 'user' | 'organization' | undefined;
  /** Add `web` for Polar's session-token grant. @default ['authorization_code', 'refresh_token'] */
  readonly grantTypes?: readonly ('authorization_code' | 'refresh_token' | 'web')[] | undefined;
  /** One of Polar's own apps: users are never asked for consent. @default false */
  readonly firstParty?: boolean | undefined;
  /** Id of the client. @default a random `polar_ci_…` */
  readonly clientID?: string | undefined;
  /** Secret of the client; ignored for a public client. @default a random `polar_cs_…` */
  readonly clientSecret?: string | undefined;
}

/** A registered client. Pass `clientID` and `clientSecret` to the app that logs in with it. */
export interface PolarEmulatorClient {
  /** Id of the client, `polar_ci_...`. */
  readonly clientID: string;
  /** Secret of the client, `polar_cs_...`; absent for a public client. */
  readonly clientSecret?: string;
  /** Allowed redirect URIs. */
  readonly redirectURIs: readonly string[];
  /** The scopes that the client may ask for at most, separated by spaces. */
  readonly scope: string;
  /** How the client authenticates. */
  readonly tokenEndpointAuthMethod: PolarEmulatorAuthMethod;
  /** Bearer token for GET, PUT and DELETE on `registrationClientURI`. */
  readonly registrationAccessToken: string;
  /** URL for reading, changing and deleting the registration (RFC 7592). */
  readonly registrationClientURI: string;
}

/** How the emulator handles a browser that logs in. */
export type PolarEmulatorConsent =
  /** Shows the consent page; a user or a test posts its form. */
  | 'ask'
  /**
   * Consents at once; the response is the 302 back to the app. (`prompt=login` gets Polar's bare 401, because no user can sign in
   * again.)
   */
  | 'auto'
  /** The response is the 302 with `error=access_denied`. */
  | 'deny';

export const CONSENTS: readonly PolarEmulatorConsent[] = ['ask', 'auto', 'deny'];

/** Lifetimes of codes and tokens. */
export interface PolarEmulatorLifetimes {
  /** Seconds that an authorization code is valid. @default 300 */
  readonly authorizationCodeSeconds?: number | undefined;
  /** Seconds that an access token of a login is valid (`grant_type=authorization_code`). @default 864000 (10 days) */
  readonly loginAccessTokenSeconds?: number | undefined;
  /** Seconds that an access token of a refresh or of the web grant is valid. @default 3600 (1 hour) */
  readonly refreshedAccessTokenSeconds?: number | undefined;
}

/** Options of {@link startPolarEmulator}. */
export interface PolarEmulatorOptions {
  /** TCP port; 0 lets the system pick a free one. @default 0 */
  readonly port?: number | undefined;
  /**
   * Address to listen on, and host of the published URLs. `127.0.0.1` rather than `localhost`, because `localhost` may
   * resolve to `::1` first, and because browsers then keep the cookies of an app on `http://localhost:3000` apart from
   * those of this Polar (cookies ignore ports, not hosts).
   * @default '127.0.0.1'
   */
  readonly host?: string | undefined;
  /** How the emulator handles a browser that logs in. @default 'ask' */
  readonly consent?: PolarEmulatorConsent | undefined;
  /** Users with an account. @default ada, grace, katherine and unverified, all `@example.com` */
  readonly users?: readonly PolarEmulatorUser[] | undefined;
  /** E-mail address of the user who is signed in at Polar; empty for no user. @default the first of `users` */
  readonly user?: string | undefined;
  /** `iss` of the id_tokens, which at Polar is not the address of the server. @default 'https://polar.sh' */
  readonly issuer?: string | undefined;
  /** Lifetimes of codes and tokens. @default Polar's */
  readonly lifetimes?: PolarEmulatorLifetimes | undefined;
  /** Clients to register at the start. @default none */
  readonly clients?: readonly PolarEmulatorClientMetadata[] | undefined;
  /** Version of the API that a request without the header `Polar-Version` gets. @default '2026-10' */
  readonly defaultAPIVersion?: PolarEmulatorAPIVersion | undefined;
  /** Versions of the API that Polar has removed: requests for them get its 404. @default none */
  readonly retiredAPIVersions?: readonly PolarEmulatorAPIVersion[] | undefined;
  /**
   * Simulates Polar under load, to test whether an app survives it. `true` enables everything; an object enables what it names.
   * Requests can then take half a minute.
   *
   * @default false
   * @example
   * ```ts
   * const polar = await startPolarEmulator({
   *   realistic: { commitLagMs: [0, 900], rateLimit: 'production' },
   * });
   * ```
   */
  readonly realistic?: boolean | PolarEmulatorRealism | undefined;
}

/** The behaviour of Polar under load. Times are milliseconds of real time: one value, or a range. */
export interface PolarEmulatorRealism {
  /**
   * Time between a response and its commit. Until then other requests do not see the change: a new code or token is unknown,
   * and a code that was exchanged or a token that was refreshed or revoked still works. When measured, Polar took hardly any
   * time in two cases of three, and up to 917 ms in the others; the emulator delays every change.
   * @default 0; `[0, 900]` with `realistic: true`
   */
  readonly commitLagMs?: number | readonly [least: number, most: number] | undefined;
  /**
   * Simulates races: a refresh token or code that is sent twice at the same time, or a token that is refreshed and revoked at
   * the same time. Both requests may succeed, and both pairs of tokens are valid; or one waits for half a minute and gets a
   * 500, and all other requests to the same process of Polar wait with it. Without this option, one request comes first.
   * @default false
   */
  readonly refreshRaces?: boolean | PolarEmulatorRefreshRaces | undefined;
  /**
   * After 500 requests in a minute of {@link PolarEmulator.now} (sandbox: 100), Polar responds with a 429. Requests to the
   * token endpoint, revoke, introspect and register count together, per IP address; API calls count per client; requests with
   * an invalid token count per token, with a limit of 60.
   * @default no limit; `'production'` with `realistic: true`
   */
  readonly rateLimit?: 'production' | 'sandbox' | undefined;
  /** Seed of the random choices, a whole number. The same seed makes the same choices. @default 1 */
  readonly seed?: number | undefined;
}

/** Settings of the simulated races. */
export interface PolarEmulatorRefreshRaces {
  /**
   * How many processes Polar runs; each request goes to a random one. With 1, one of two concurrent refreshes waits in vain;
   * with many, both succeed. @default 2
   */
  readonly workers?: number | undefined;
  /** Milliseconds that a request waits in vain. @default 30000 */
  readonly lockTimeoutMs?: number | undefined;
  /** Milliseconds between decision and response; a process that freezes in this time delays the response. @default [0, 30] */
  readonly latencyMs?: number | readonly [least: number, most: number] | undefined;
}

/** The default redirect URI of a client. */
export const DEFAULT_CALLBACK_URL = 'http://localhost:3000/auth/polar/callback';
