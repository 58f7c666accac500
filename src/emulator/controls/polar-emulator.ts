import type { PolarEmulatorEndpoint, PolarEmulatorFault } from '../faults.js';
import type { PolarEmulatorAPIVersion } from '../http/api-version.js';
import type { PolarEmulatorClient, PolarEmulatorClientMetadata, PolarEmulatorConsent } from '../options.js';
import type { PolarEmulatorRequest } from '../request-log.js';

/** What {@link PolarEmulator.issueTokens} needs to know. */
export interface PolarEmulatorTokenRequest {
  readonly clientID: string;
  /** E-mail address of the user. */
  readonly user: string;
  /** A list, or text with spaces between them. @default the client's scopes */
  readonly scope?: string | readonly string[] | undefined;
  /** `organization` mints a legacy token of the organization itself. @default 'user' */
  readonly subType?: 'user' | 'organization' | undefined;
  /**
   * Id or slug: what a user's token is limited to, or whose legacy token it is.
   * @default no limit; for a legacy token the user's first organization
   */
  readonly organization?: string | undefined;
  /** The access token has expired already; the refresh token works. @default false */
  readonly expired?: boolean | undefined;
}

/** A pair of tokens that exists at the emulator. */
export interface PolarEmulatorToken {
  readonly clientID: string;
  /** E-mail address of the user; `undefined` for a legacy organization token. */
  readonly user: string | undefined;
  readonly subType: 'user' | 'organization';
  /** Organization ids the token is limited to; empty means all of the user's. */
  readonly organizations: readonly string[];
  readonly scope: string;
  readonly accessToken: string;
  /** True when the access token is past its lifetime. */
  readonly accessTokenExpired: boolean;
  /** Absent for the web grant's tokens. */
  readonly refreshToken: string | undefined;
  /** When the access token expires, in emulator time: milliseconds since the epoch. */
  readonly expiresAt: number;
}

/** What can be changed about a client, by its app or only by Polar itself. */
export type PolarEmulatorClientChanges = Pick<
  PolarEmulatorClientMetadata,
  'scope' | 'name' | 'grantTypes' | 'firstParty' | 'tokenEndpointAuthMethod' | 'defaultSubType'
> & { readonly redirectURIs?: readonly string[] | undefined };

/** What a person does at the authorize page; see {@link PolarEmulator.authorize}. */
export interface PolarEmulatorVisit {
  /** E-mail address of the person. @default who is signed in */
  readonly user?: string | undefined;
  /** Ids or slugs of the organizations they pick. @default none; with `sub_type=organization` their first one */
  readonly organizations?: readonly string[] | undefined;
  /** They press Cancel. @default false */
  readonly deny?: boolean | undefined;
}

/** What the strategy of an app under test needs; see {@link PolarEmulator.strategyOptions}. */
export interface PolarEmulatorStrategyOptions {
  readonly clientID: string;
  readonly clientSecret: string | undefined;
  readonly callbackURL: string;
  readonly server: PolarEmulator['server'];
  readonly now: () => number;
}

/** A running local Polar, and the strings it hangs on. */
export interface PolarEmulator {
  /** Where everything is served, without a slash at the end. */
  readonly url: string;
  /** Where browsers are sent to log in: the same as {@link url}. */
  readonly webURL: string;
  /** Where the API is: the same as {@link url}. */
  readonly apiURL: string;
  /** `iss` of the id_tokens. */
  readonly issuer: string;
  /** The three together, for `new PolarStrategy({ server })`. */
  readonly server: { readonly webURL: string; readonly apiURL: string; readonly issuer: string };
  /**
   * What happens to the next browser that comes to log in; {@link authorize} does not ask. Back to the option's value
   * after {@link reset}.
   */
  consent: PolarEmulatorConsent;
  /**
   * E-mail address of the user signed in at Polar; empty when nobody is. Setting it overrides what browsers chose on the
   * consent page, and throws a TypeError when there is no such user.
   */
  user: string;
  /**
   * Version of the API that a request without the header `Polar-Version` gets.
   *
   * @throws TypeError when set to a version that there is not, or that is retired
   */
  defaultAPIVersion: PolarEmulatorAPIVersion;
  /**
   * What was asked of this Polar since the start or the last {@link reset}, in order: the newest 10,000 requests, or
   * fewer where their bodies come to more than 100 million characters.
   *
   * @example
   * ```ts
   * const refreshes = polar.requests.filter(({ grantType }) => grantType === 'refresh_token');
   * expect(refreshes.map(({ status }) => status)).toEqual([200]);
   * ```
   */
  readonly requests: readonly PolarEmulatorRequest[];

  /**
   * Registers an app, and tells what its strategy needs. Each call registers another client.
   *
   * @param callbackURL - absolute; default `http://localhost:3000/auth/polar/callback`. With supertest nothing has to
   *   listen there
   * @param metadata - the rest of {@link registerClient}'s
   * @throws TypeError when Polar would refuse the address or a scope
   * @example
   * ```ts
   * const strategy = new PolarStrategy({ scope: ['openid', 'email'], ...polar.strategyOptions() });
   * const publicClient = polar.strategyOptions(undefined, { tokenEndpointAuthMethod: 'none' });
   * ```
   */
  strategyOptions(
    callbackURL?: string,
    metadata?: Omit<PolarEmulatorClientMetadata, 'redirectURIs'>,
  ): PolarEmulatorStrategyOptions;
  /**
   * Does in place of a person what Polar's page asks for: signs in and agrees, whatever {@link consent} says.
   *
   * @param authorizeURL - the `location` with which the app sent the browser here
   * @returns path and query of the callback to which the browser is sent back, for the test to request
   * @throws Error that says why, when Polar would not send the browser back to the app; TypeError when the user or an
   *   organization does not exist
   * @example
   * ```ts
   * const { headers } = await browser.get('/auth/polar');
   * await browser.get(await polar.authorize(headers.location, { user: 'grace@example.com' }));
   * ```
   */
  authorize(authorizeURL: string | URL | undefined, visit?: PolarEmulatorVisit): Promise<string>;

  /**
   * Registers a client, as Polar's dashboard does. One with the same `clientID` is replaced.
   *
   * @throws TypeError when a redirect URI or a scope would be refused by Polar
   */
  registerClient(metadata: PolarEmulatorClientMetadata): PolarEmulatorClient;
  /**
   * Changes a registered client; what is left out stays. Tokens that it has go on working.
   *
   * @throws TypeError when there is no such client, or the change would be refused
   */
  updateClient(clientID: string, changes: PolarEmulatorClientChanges): PolarEmulatorClient;
  /**
   * Mints tokens without a login, of the lifetime that a login's have. A scope that the client is not registered for is
   * granted all the same.
   *
   * @throws TypeError when the client, the user, the organization or a scope does not exist
   * @example
   * ```ts
   * const { refreshToken } = polar.issueTokens({ clientID, user: 'ada@example.com', expired: true });
   * ```
   */
  issueTokens(request: PolarEmulatorTokenRequest): PolarEmulatorToken;
  /**
   * A `session_token` of Polar's web app, good for 31 days, for a client with the grant type `web`; takes a user's e-mail
   * address.
   *
   * @throws TypeError when there is no such user
   */
  createSession(user: string): string;
  /**
   * Tokens of which something still works, the access token, the refresh token or both, oldest first. What is not
   * committed yet, with `realistic`, counts as if it were: after simultaneous refreshes, this shows all pairs that are
   * going to live on, also those that no app knows of.
   */
  liveTokens(): PolarEmulatorToken[];

  /** Emulator time in milliseconds since the epoch. Bound: pass it wherever a `now` is wanted. */
  readonly now: () => number;
  /**
   * Lets time pass for the emulator: codes (300 s) and access tokens (ten days after a login, an hour after a refresh)
   * expire. The app's own clock stands still unless it is given {@link now}, as `strategyOptions` does. Delays, those
   * of faults and of `realistic`, are real time, but what waits for its commit is committed when enough time passes.
   *
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
   * @param options - `keepOld: true` goes on publishing the old keys, before the new one; otherwise only the new one is
   * @example
   * ```ts
   * polar.rotateKeys({ keepOld: true }); // in the middle of a rotation: id_tokens name no key, so both must be tried
   * polar.rotateKeys(); // the old keys are gone
   * ```
   */
  rotateKeys(options?: { readonly keepOld?: boolean | undefined }): void;
  /**
   * Revokes all tokens, or those of one user (e-mail address), as Polar does with those that are reported as leaked;
   * legacy organization tokens are no user's. Grants stay remembered: the next login need not be consented to again.
   *
   * @throws TypeError when there is no such user
   */
  revokeAll(user?: string): void;
  /**
   * Removes a version of the API, until {@link reset}: requests for it get Polar's 404.
   *
   * @throws TypeError for a version that there is not, and for {@link defaultAPIVersion}
   * @example
   * ```ts
   * polar.retireAPIVersion('2026-04'); // does the app say what to do?
   * ```
   */
  retireAPIVersion(version: PolarEmulatorAPIVersion): void;
  /**
   * Makes an organization (id or slug) enforce SSO, or stop it, until {@link reset}. Tokens that are limited to it are
   * revoked, those that are not limited no longer show it, and a login cannot be limited to it any more.
   *
   * @throws TypeError when there is no such organization
   * @example
   * ```ts
   * polar.enforceSSO('acme'); // 404 from now on: the app must not take that for an error of its own
   * ```
   */
  enforceSSO(organization: string, isEnforced?: boolean): void;
  /**
   * Resolves when everything that was asked of this Polar so far is committed: what `commitLagMs` holds back is seen
   * by then, and what `refreshRaces` makes wait is over. Without `realistic`, at once.
   */
  settled(): Promise<void>;
  /**
   * Makes the next `times` (default 1; `Infinity` until healed) requests over HTTP to an endpoint go wrong; see
   * {@link PolarEmulatorFault} for how. Several faults of one endpoint happen one after the other.
   *
   * @throws TypeError when there is no such endpoint or fault
   * @example
   * ```ts
   * polar.fail('token', { status: 429, retryAfterSeconds: 5 });
   * polar.fail('token', 'reset-after'); // the request after that: refreshed, but the answer is lost
   * polar.fail('api', { delayMs: 2000 }, Infinity);
   * ```
   */
  fail(endpoint: PolarEmulatorEndpoint, fault: PolarEmulatorFault, times?: number): void;
  /** Cancels planned faults of one endpoint, or all of them. Requests that hang already go on hanging. */
  heal(endpoint?: PolarEmulatorEndpoint): void;
  /**
   * Back to the start, for the next test: no tokens, codes, sessions, remembered grants, requests or faults; first
   * signing key, real time, `consent`, `user` and versions of the API as in the options. Registered clients stay, as they are, since apps
   * under test have been configured with them. Logins that are under way come to nothing.
   */
  reset(): void;
  /** Stops listening and drops every connection, also those that hang. Can be called again; there is no way back. */
  close(): Promise<void>;
}
