import type { PolarEmulatorAPIVersion } from './http/api-version.js';

/** An organization that a user of the emulator belongs to. */
export interface PolarEmulatorOrganization {
  /** UUID. @default a random one */
  readonly id?: string | undefined;
  /** Short name in URLs. Two users who name the same slug are members of the same organization. */
  readonly slug: string;
  /** What people read. @default the slug */
  readonly name?: string | undefined;
  /**
   * Its members must sign in through its SSO, which the emulator does not have: a token that is not limited to it does
   * not show it, and a login cannot be limited to it. @default false
   */
  readonly ssoEnforced?: boolean | undefined;
  /** What it sells, oldest first. @default nothing */
  readonly products?: readonly PolarEmulatorProduct[] | undefined;
}

/** A product of an organization, with one fixed price. */
export interface PolarEmulatorProduct {
  /** UUID. @default a random one */
  readonly id?: string | undefined;
  readonly name: string;
  /** The price in cents of US dollars. @default 1000 */
  readonly priceAmount?: number | undefined;
  /** Makes it a subscription. @default none: it is bought once */
  readonly recurringInterval?: 'day' | 'week' | 'month' | 'year' | undefined;
}

/** Somebody with an account at the emulator. */
export interface PolarEmulatorUser {
  /** UUID, the `sub` of the user's id_tokens. @default a random one */
  readonly id?: string | undefined;
  readonly email: string;
  /** @default true */
  readonly emailVerified?: boolean | undefined;
  /** What people read. @default the e-mail address */
  readonly name?: string | undefined;
  /** @default none */
  readonly organizations?: readonly PolarEmulatorOrganization[] | undefined;
}

/** How a client proves to the token endpoint who it is. Polar wants exactly the method that was registered. */
export type PolarEmulatorAuthMethod = 'client_secret_post' | 'client_secret_basic' | 'none';

/** What can be said about a client (an app) when it is registered. */
export interface PolarEmulatorClientMetadata {
  /** Where users may be sent back to: `https:`, or `http:` on localhost, `*.localhost` or a private IPv4 address. */
  readonly redirectURIs: readonly string[];
  /** A list, or text with spaces between them. @default every scope Polar knows */
  readonly scope?: string | readonly string[] | undefined;
  /** `none` makes a public client, which has no secret. @default 'client_secret_post', as in Polar's dashboard */
  readonly tokenEndpointAuthMethod?: PolarEmulatorAuthMethod | undefined;
  /** Shown on the consent page. @default 'Example app' */
  readonly name?: string | undefined;
  /**
   * What a login is for that sends no `sub_type`. Only Polar itself can set it: registrations that name one get `user`.
   * @default 'user'
   */
  readonly defaultSubType?: 'user' | 'organization' | undefined;
  /** Add `web` for Polar's session-token grant. @default ['authorization_code', 'refresh_token'] */
  readonly grantTypes?: readonly ('authorization_code' | 'refresh_token' | 'web')[] | undefined;
  /** One of Polar's own apps: users are never asked for consent. @default false */
  readonly firstParty?: boolean | undefined;
  /** @default a random `polar_ci_…` */
  readonly clientID?: string | undefined;
  /** Ignored for a public client. @default a random `polar_cs_…` */
  readonly clientSecret?: string | undefined;
}

/** A registered client. `clientID` and `clientSecret` are for whatever logs in with it. */
export interface PolarEmulatorClient {
  readonly clientID: string;
  /** Absent for a public client. */
  readonly clientSecret?: string;
  readonly redirectURIs: readonly string[];
  readonly scope: string;
  readonly tokenEndpointAuthMethod: PolarEmulatorAuthMethod;
  /** Bearer token for GET, PUT and DELETE on `registrationClientURI`. */
  readonly registrationAccessToken: string;
  readonly registrationClientURI: string;
}

/**
 * What happens when a browser comes to log in.
 * - `ask`: the consent page is shown; the form on it is posted by a person or a test.
 * - `auto`: consent is given at once; the answer is the 302 back to the app. (`prompt=login` gets Polar's bare 401:
 *   there is nobody to sign in again.)
 * - `deny`: the answer is the 302 with `error=access_denied`.
 */
export type PolarEmulatorConsent = (typeof CONSENTS)[number];

export const CONSENTS = ['ask', 'auto', 'deny'] as const;

/** Lifetimes of what the emulator issues. */
export interface PolarEmulatorLifetimes {
  /** @default 300 */
  readonly authorizationCodeSeconds?: number | undefined;
  /** Access tokens of a login (`grant_type=authorization_code`). @default 864000 (10 days) */
  readonly loginAccessTokenSeconds?: number | undefined;
  /** Access tokens of a refresh or of the web grant. @default 3600 (1 hour) */
  readonly refreshedAccessTokenSeconds?: number | undefined;
}

/** Options of `startPolarEmulator`. */
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
  /** @default 'ask' */
  readonly consent?: PolarEmulatorConsent | undefined;
  /** Who has an account. @default ada, grace, katherine and unverified, all `@example.com` */
  readonly users?: readonly PolarEmulatorUser[] | undefined;
  /** E-mail address of the user who is signed in at Polar; empty for nobody. @default the first of `users` */
  readonly user?: string | undefined;
  /** `iss` of the id_tokens; Polar's is not the address it is reached at. @default 'https://polar.sh' */
  readonly issuer?: string | undefined;
  readonly lifetimes?: PolarEmulatorLifetimes | undefined;
  /** Clients to register at the start. */
  readonly clients?: readonly PolarEmulatorClientMetadata[] | undefined;
  /** Version of the API that a request without the header `Polar-Version` gets. @default '2026-10' */
  readonly defaultAPIVersion?: PolarEmulatorAPIVersion | undefined;
  /** Versions of the API that Polar no longer has: requests for them get its 404. @default none */
  readonly retiredAPIVersions?: readonly PolarEmulatorAPIVersion[] | undefined;
  /**
   * Polar under load, as it is, instead of one that is tidy: for the question whether an app survives a bad day.
   * `true` is all of it; an object is what it names. Requests can take half a minute then.
   *
   * @default false
   * @example
   * ```ts
   * const polar = await startPolarEmulator({ realistic: { commitLagMs: [0, 900], rateLimit: 'production' } });
   * ```
   */
  readonly realistic?: boolean | PolarEmulatorRealism | undefined;
}

/** What is not tidy about Polar. Times are milliseconds of real time: always the same, or between two limits. */
export interface PolarEmulatorRealism {
  /**
   * Time between a response and its commit. Until then other requests do not see what the response says: a new code or
   * token is unknown, and a code that was exchanged or a token that was refreshed or revoked still works. Polar, when it
   * was measured, took hardly any time in two cases of three, and up to 917 ms in the others; here, every change takes
   * its time.
   * @default 0; `[0, 900]` with `realistic: true`
   */
  readonly commitLagMs?: number | readonly [least: number, most: number] | undefined;
  /**
   * What happens when a refresh token is sent twice at the same time, or a code, or a token is refreshed and revoked:
   * both requests may succeed and both pairs of tokens live, or one waits for half a minute and gets a 500, and
   * everything else that the same process of Polar serves waits with it. Without it, one of them is the first.
   * @default false
   */
  readonly refreshRaces?: boolean | PolarEmulatorRefreshRaces | undefined;
  /**
   * After 500 requests in a minute of {@link PolarEmulator.now} (sandbox: 100), Polar responds 429. Those to the token
   * endpoint, revoke, introspect and register count together, per IP address; API calls per client; those with a token
   * that is no good per token, of which 60 are allowed.
   * @default no limit; `'production'` with `realistic: true`
   */
  readonly rateLimit?: 'production' | 'sandbox' | undefined;
  /** A whole number for other random choices. The same one makes the same choices. @default 1 */
  readonly seed?: number | undefined;
}

/** The circumstances of simultaneous requests. */
export interface PolarEmulatorRefreshRaces {
  /**
   * How many processes Polar runs; each request goes to a random one. With 1, of two refreshes at the same time one
   * waits in vain; with many, both succeed. @default 2
   */
  readonly workers?: number | undefined;
  /** For how long Polar waits in vain. @default 30000 */
  readonly lockTimeoutMs?: number | undefined;
  /** Time between decision and response, which a process that freezes meanwhile holds back. @default [0, 30] */
  readonly latencyMs?: number | readonly [least: number, most: number] | undefined;
}

/** Where apps are called back that do not say otherwise. */
export const DEFAULT_CALLBACK_URL = 'http://localhost:3000/auth/polar/callback';
