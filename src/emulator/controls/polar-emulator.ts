import type { PolarEmulatorEndpoint, PolarEmulatorFault } from '../faults.js';
import type { PolarEmulatorAPIVersion } from '../http/api-version.js';
import type { PolarEmulatorClient, PolarEmulatorClientMetadata, PolarEmulatorConsent } from '../options.js';
import type { PolarEmulatorRequest } from '../request-log.js';

/** Options of {@link PolarEmulator.issueTokens}. */
export interface PolarEmulatorTokenRequest {
  /** The client that the tokens are issued to. */
  readonly clientID: string;
  /** E-mail address of the user. */
  readonly user: string;
  /** Scopes, as a list or separated by spaces. @default the client's scopes */
  readonly scope?: string | readonly string[] | undefined;
  /** `organization` issues a legacy token of the organization itself. @default 'user' */
  readonly subType?: 'user' | 'organization' | undefined;
  /**
   * Id or slug of the organization that a user's token is limited to, or that a legacy token belongs to.
   * @default no limit; for a legacy token the user's first organization
   */
  readonly organization?: string | undefined;
  /** The access token is already expired; the refresh token works. @default false */
  readonly expired?: boolean | undefined;
}

/** A pair of tokens that exists at the emulator. */
export interface PolarEmulatorToken {
  /** The client that the tokens were issued to. */
  readonly clientID: string;
  /** E-mail address of the user; `undefined` for a legacy organization token. */
  readonly user: string | undefined;
  /** `organization` only for legacy tokens. */
  readonly subType: 'user' | 'organization';
  /** Ids of the organizations that the token is limited to; empty means all of the user's. */
  readonly organizations: readonly string[];
  /** Granted scopes, separated by spaces. */
  readonly scope: string;
  /** Bearer token for the API, `polar_at_u_...`. */
  readonly accessToken: string;
  /** True if the access token has expired. */
  readonly accessTokenExpired: boolean;
  /** Valid for one refresh, `polar_rt_u_...`; `undefined` for the web grant's tokens. */
  readonly refreshToken: string | undefined;
  /** When the access token expires, in emulator time: milliseconds since the epoch. */
  readonly expiresAt: number;
}

/** Changes to a client, including those that only Polar itself can make. */
export type PolarEmulatorClientChanges = Pick<
  PolarEmulatorClientMetadata,
  'scope' | 'name' | 'grantTypes' | 'firstParty' | 'tokenEndpointAuthMethod' | 'defaultSubType'
> & {
  /** Allowed redirect URIs, in place of the old ones. */
  readonly redirectURIs?: readonly string[] | undefined;
};

/** What the user does on the authorize page; see {@link PolarEmulator.authorize}. */
export interface PolarEmulatorVisit {
  /** E-mail address of the user. @default the signed-in user */
  readonly user?: string | undefined;
  /** Ids or slugs of the organizations that the user picks. @default none; with `sub_type=organization` the first one */
  readonly organizations?: readonly string[] | undefined;
  /** The user presses Cancel. @default false */
  readonly deny?: boolean | undefined;
}

/** Options for the strategy of an app under test; see {@link PolarEmulator.strategyOptions}. */
export interface PolarEmulatorStrategyOptions {
  /** Id of the client. */
  readonly clientID: string;
  /** Secret of the client; `undefined` for a public client. */
  readonly clientSecret: string | undefined;
  /** The registered callback URL. */
  readonly callbackURL: string;
  /** The emulator's addresses and issuer. */
  readonly server: PolarEmulator['server'];
  /** The emulator's clock, in milliseconds since the epoch. */
  readonly now: () => number;
}

/**
 * A running local Polar and its controls.
 *
 * @example
 * ```ts
 * const polar: PolarEmulator = await startPolarEmulator({ consent: 'auto' });
 * const strategy = new PolarStrategy(polar.strategyOptions());
 * ```
 */
export interface PolarEmulator {
  /** URL of the emulator, without a trailing slash. */
  readonly url: string;
  /** URL of the web pages: the same as {@link url}. */
  readonly webURL: string;
  /** URL of the API: the same as {@link url}. */
  readonly apiURL: string;
  /** `iss` of the id_tokens. */
  readonly issuer: string;
  /** All three, for `new PolarStrategy({ server })`. */
  readonly server: {
    /** Origin of the web pages. */
    readonly webURL: string;
    /** Origin of the API. */
    readonly apiURL: string;
    /** `iss` of the id_tokens. */
    readonly issuer: string;
  };
  /**
   * How the emulator handles browsers that log in from now on; {@link authorize} ignores it. {@link reset} restores the value
   * of the option.
   */
  consent: PolarEmulatorConsent;
  /**
   * E-mail address of the user signed in at Polar; empty if no user is. Setting it overrides what browsers chose on the consent
   * page, and throws a TypeError if there is no such user.
   */
  user: string;
  /**
   * Version of the API that a request without the header `Polar-Version` gets.
   *
   * @throws TypeError if set to an unknown or retired version
   */
  defaultAPIVersion: PolarEmulatorAPIVersion;
  /**
   * The requests to this Polar since the start or the last {@link reset}, in order: the newest 10,000, or fewer if their bodies
   * exceed 100 million characters in total.
   *
   * @example
   * ```ts
   * const refreshes = polar.requests.filter(
   *   ({ grantType }) => grantType === 'refresh_token',
   * );
   * expect(refreshes.map(({ status }) => status)).toEqual([200]);
   * ```
   */
  readonly requests: readonly PolarEmulatorRequest[];

  /**
   * Registers a client and returns options for its strategy. Each call registers another client.
   *
   * @param callbackURL - absolute; default `http://localhost:3000/auth/polar/callback`. With supertest, no server has to
   *   listen there
   * @param metadata - the other metadata of {@link registerClient}
   * @returns `clientID`, `clientSecret`, `callbackURL`, `server` and `now`
   * @throws TypeError if Polar would refuse the URL or a scope
   * @example
   * ```ts
   * const strategy = new PolarStrategy({
   *   scope: ['openid', 'email'],
   *   ...polar.strategyOptions(),
   * });
   * const publicClient = polar.strategyOptions(undefined, {
   *   tokenEndpointAuthMethod: 'none',
   * });
   * ```
   */
  strategyOptions(
    callbackURL?: string,
    metadata?: Omit<PolarEmulatorClientMetadata, 'redirectURIs'>,
  ): PolarEmulatorStrategyOptions;
  /**
   * Acts as the user on Polar's page: signs in and consents, whatever the value of {@link consent}.
   *
   * @param authorizeURL - the `location` that the app redirected the browser to
   * @param visit - what the user does there; by default, the signed-in user consents
   * @returns path and query of the callback that Polar redirects the browser to, for the test to request
   * @throws Error that says why, if Polar would not redirect the browser to the app; TypeError if the user or an
   *   organization does not exist
   * @example
   * ```ts
   * const { headers } = await browser.get('/auth/polar');
   * await browser.get(
   *   await polar.authorize(headers.location, { user: 'grace@example.com' }),
   * );
   * ```
   * @see `GET /oauth2/authorize`
   */
  authorize(authorizeURL: string | URL | undefined, visit?: PolarEmulatorVisit): Promise<string>;

  /**
   * Registers a client, as Polar's dashboard does. Replaces a client with the same `clientID`.
   *
   * @param metadata - `redirectURIs`, and others that have defaults
   * @returns the client with its id and secret
   * @throws TypeError if Polar would refuse a redirect URI or a scope
   * @example
   * ```ts
   * const { clientID, clientSecret } = polar.registerClient({
   *   redirectURIs: ['http://localhost:3000/auth/polar/callback'],
   * });
   * ```
   */
  registerClient(metadata: PolarEmulatorClientMetadata): PolarEmulatorClient;
  /**
   * Changes a registered client; omitted fields stay. Its tokens keep working.
   *
   * @param clientID - the client to change
   * @param changes - the new values
   * @returns the changed client
   * @throws TypeError if there is no such client, or Polar would refuse the change
   * @example
   * ```ts
   * polar.updateClient(clientID, { scope: 'openid email' }); // the next logins are granted nothing else
   * ```
   */
  updateClient(clientID: string, changes: PolarEmulatorClientChanges): PolarEmulatorClient;
  /**
   * Issues tokens without a login, with the lifetimes of those of a login. Grants even scopes that the client is not registered
   * for.
   *
   * @param request - client and user, and what the tokens are for
   * @returns the pair of tokens
   * @throws TypeError if the client, the user, the organization or a scope does not exist
   * @example
   * ```ts
   * const { refreshToken } = polar.issueTokens({
   *   clientID,
   *   user: 'ada@example.com',
   *   expired: true,
   * });
   * ```
   */
  issueTokens(request: PolarEmulatorTokenRequest): PolarEmulatorToken;
  /**
   * Creates a `session_token` of Polar's web app, valid for 31 days, for a client with the grant type `web`.
   *
   * @param user - e-mail address of the user
   * @returns the `session_token`
   * @throws TypeError if there is no such user
   * @example
   * ```ts
   * const sessionToken = polar.createSession('ada@example.com');
   * const { accessToken } = await client.exchangeWebSession({ sessionToken });
   * ```
   */
  createSession(user: string): string;
  /**
   * Returns the pairs of tokens of which the access token, the refresh token or both still work, oldest first. With `realistic`,
   * uncommitted changes count as committed: after concurrent refreshes, the list has all pairs that will stay valid, even those
   * that no app knows.
   *
   * @returns the pairs of tokens
   * @example
   * ```ts
   * expect(polar.liveTokens()).toEqual([]); // the logout revoked them
   * ```
   */
  liveTokens(): PolarEmulatorToken[];

  /** Emulator time in milliseconds since the epoch. Bound, so that it can be passed as the option `now`. */
  readonly now: () => number;
  /**
   * Advances the emulator's time: codes (300 s) and access tokens (ten days after a login, an hour after a refresh) expire. The
   * app's clock does not advance unless it uses {@link now}, as `strategyOptions` does. Delays of faults and of `realistic` are
   * real time, but changes that wait for their commit are committed once enough time has passed.
   *
   * @param seconds - how far; negative to go back
   * @throws TypeError for anything but a finite number
   * @example
   * ```ts
   * polar.advanceTime(864_000); // the access token of a login has expired
   * ```
   */
  advanceTime(seconds: number): void;
  /**
   * Signs id_tokens with a new key from now on.
   *
   * @param options - `keepOld: true` keeps publishing the old keys, before the new one; otherwise only the new one is published
   * @example
   * ```ts
   * polar.rotateKeys({ keepOld: true }); // in the middle of a rotation: id_tokens name no key, so both must be tried
   * polar.rotateKeys(); // the old keys are gone
   * ```
   */
  rotateKeys(options?: {
    /** Keeps publishing the old keys. @default false */
    readonly keepOld?: boolean | undefined;
  }): void;
  /**
   * Revokes all tokens, or those of one user (e-mail address), as Polar does with leaked tokens; legacy organization tokens
   * belong to no user. Grants stay remembered: the next login needs no new consent.
   *
   * @param user - e-mail address of the user; by default everyone
   * @throws TypeError if there is no such user
   * @example
   * ```ts
   * polar.revokeAll('ada@example.com'); // does the app ask her to log in again?
   * ```
   */
  revokeAll(user?: string): void;
  /**
   * Removes a version of the API, until {@link reset}: requests for it get Polar's 404.
   *
   * @param version - the version to remove
   * @throws TypeError for an unknown version, and for {@link defaultAPIVersion}
   * @example
   * ```ts
   * polar.retireAPIVersion('2026-04'); // does the app say what to do?
   * ```
   */
  retireAPIVersion(version: PolarEmulatorAPIVersion): void;
  /**
   * Makes an organization (id or slug) enforce SSO, or stop enforcing it, until {@link reset}. Enforcing revokes the tokens that
   * are limited to it; other tokens no longer show it, and a login can no longer be limited to it.
   *
   * @param organization - id or slug of the organization
   * @param isEnforced - false to stop enforcing it; default true
   * @throws TypeError if there is no such organization
   * @example
   * ```ts
   * polar.enforceSSO('acme'); // 404 from now on: the app must not treat that as its own error
   * ```
   */
  enforceSSO(organization: string, isEnforced?: boolean): void;
  /**
   * Resolves when all requests so far are committed: changes delayed by `commitLagMs` are visible then, and requests that
   * `refreshRaces` makes wait are over. Without `realistic`, it resolves at once.
   *
   * @example
   * ```ts
   * await polar.settled();
   * expect(polar.liveTokens()).toHaveLength(1);
   * ```
   */
  settled(): Promise<void>;
  /**
   * Applies a {@link PolarEmulatorFault} to the next `times` (default 1; `Infinity` until healed) HTTP requests to an endpoint.
   * Several faults of one endpoint happen one after the other.
   *
   * @param endpoint - the requests that the fault applies to
   * @param fault - what goes wrong
   * @param times - how many requests
   * @throws TypeError if there is no such endpoint or fault
   * @example
   * ```ts
   * polar.fail('token', { status: 429, retryAfterSeconds: 5 });
   * polar.fail('token', 'reset-after'); // the request after that: refreshed, but the response is lost
   * polar.fail('api', { delayMs: 2000 }, Infinity);
   * ```
   */
  fail(endpoint: PolarEmulatorEndpoint, fault: PolarEmulatorFault, times?: number): void;
  /**
   * Cancels the planned faults of one endpoint, or of all. Requests that already hang keep hanging.
   *
   * @param endpoint - the endpoint; by default all
   * @throws TypeError if there is no such endpoint
   * @example
   * ```ts
   * polar.fail('token', { status: 503 }, Infinity);
   * // ... the app keeps its login ...
   * polar.heal('token');
   * ```
   */
  heal(endpoint?: PolarEmulatorEndpoint): void;
  /**
   * Resets the emulator for the next test: no tokens, codes, sessions, remembered grants, requests or faults; the first signing
   * key; real time; `consent`, `user` and versions of the API as in the options. Registered clients stay unchanged, because apps
   * under test are configured with them. Logins in progress fail.
   *
   * @example
   * ```ts
   * beforeEach(() => polar.reset());
   * ```
   */
  reset(): void;
  /**
   * Stops listening and drops all connections, even those that hang. May be called again; the emulator cannot be restarted.
   *
   * @example
   * ```ts
   * afterAll(() => polar.close());
   * ```
   */
  close(): Promise<void>;
}
