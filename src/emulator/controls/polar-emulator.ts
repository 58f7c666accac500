import type { PolarEmulatorEndpoint, PolarEmulatorFault } from '../faults.js';
import type { PolarEmulatorClient, PolarEmulatorClientMetadata, PolarEmulatorConsent } from '../options.js';
import type { PolarEmulatorRequest } from '../request-log.js';

/** What {@link PolarEmulator.issueTokens} needs to know. */
export interface PolarEmulatorTokenRequest {
  readonly clientID: string;
  /** E-mail address of the user. */
  readonly user: string;
  /** Space-separated. @default the client's scopes */
  readonly scope?: string | undefined;
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
  'scope' | 'name' | 'grantTypes' | 'firstParty' | 'tokenEndpointAuthMethod'
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
  /** What happens to the next browser that comes to log in. */
  consent: PolarEmulatorConsent;
  /**
   * E-mail address of the user signed in at Polar; empty when nobody is. Setting it overrides what browsers chose on the
   * consent page.
   */
  user: string;
  /**
   * What was asked of this Polar since the start or the last {@link reset}, in order. Of more than 10,000 requests, the
   * newest 10,000.
   */
  readonly requests: readonly PolarEmulatorRequest[];

  /**
   * Registers an app, and tells what its strategy needs: `new PolarStrategy({ ...options, ...strategyOptions })`.
   *
   * @param callbackURL - absolute; default `http://localhost:3000/auth/polar/callback`. With supertest nothing has to
   *   listen there
   * @param metadata - the rest of {@link registerClient}'s
   * @throws TypeError when Polar would refuse the address
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
   * @throws Error that says why, when Polar would not send the browser back to the app
   * @example
   * ```ts
   * const { headers } = await browser.get('/auth/polar');
   * await browser.get(await polar.authorize(headers.location, { user: 'grace@example.com' }));
   * ```
   */
  authorize(authorizeURL: string | URL | undefined, visit?: PolarEmulatorVisit): Promise<string>;

  /**
   * Registers a client, as Polar's dashboard does.
   *
   * @throws TypeError when a redirect URI or a scope would be refused by Polar
   */
  registerClient(metadata: PolarEmulatorClientMetadata): PolarEmulatorClient;
  /**
   * Changes a registered client.
   *
   * @throws TypeError when there is no such client, or the change would be refused
   */
  updateClient(clientID: string, changes: PolarEmulatorClientChanges): PolarEmulatorClient;
  /**
   * Mints tokens without a login.
   *
   * @throws TypeError when the client, the user or the organization does not exist
   */
  issueTokens(request: PolarEmulatorTokenRequest): PolarEmulatorToken;
  /** A `session_token` of Polar's web app for `grant_type=web`; takes a user's e-mail address. */
  createSession(user: string): string;
  /** Tokens of which something still works, oldest first. */
  liveTokens(): PolarEmulatorToken[];

  /** Emulator time in milliseconds since the epoch. Bound: pass it wherever a `now` is wanted. */
  readonly now: () => number;
  /** Lets time pass for the emulator. */
  advanceTime(seconds: number): void;
  /** Signs id_tokens with a new key. @param options.keepOld - publish the old ones too; default false */
  rotateKeys(options?: { readonly keepOld?: boolean | undefined }): void;
  /** Revokes all tokens, or those of one user (e-mail address), as when an account withdraws its consent. */
  revokeAll(user?: string): void;
  /** Makes the next `times` (default 1) requests to an endpoint go wrong; see {@link PolarEmulatorFault}. */
  fail(endpoint: PolarEmulatorEndpoint, fault: PolarEmulatorFault, times?: number): void;
  /** Cancels planned faults of one endpoint, or all of them. */
  heal(endpoint?: PolarEmulatorEndpoint): void;
  /**
   * Back to the start, for the next test: no tokens, codes, sessions, remembered grants, requests or faults; first
   * signing key, real time, `consent` and `user` as in the options. Registered clients stay, since apps under test
   * have been configured with them.
   */
  reset(): void;
  /** Stops listening and drops every connection, also those that hang. Can be called again. */
  close(): Promise<void>;
}
