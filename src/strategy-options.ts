import type { Prompt, SubType } from './client/authorization-url.js';
import {
  clientOptionNames,
  clientOptionsIn,
  type PolarClientOptions,
  type ResolvedClientOptions,
} from './client/client-options.js';
import { optionsOf, PolarOAuthClient } from './client/oauth-client.js';
import type { PolarScopes } from './client/polar-scope.js';
import { invalidOption } from './errors.js';
import {
  checkAPIVersion,
  checkCallbackURL,
  checkCount,
  checkFlag,
  checkFunction,
  checkKeys,
  checkMethods,
  checkOneOf,
  checkPathPrefix,
  checkScope,
  checkSeconds,
  checkSecondsOfADay,
  checkText,
} from './options/option-checks.js';
import { rejectReplaced, rejectUnknown } from './options/option-names.js';
import type { OnLoginEnded } from './refresh/on-login-ended.js';
import type { PolarStorage } from './storage/polar-storage.js';
import type { UserKey } from './tokens/user-identity.js';

/** The default version of Polar's API for `req.polar.fetch`: the newest one this release is tested with. */
export const testedAPIVersion = '2026-10';

/**
 * Options of {@link PolarStrategy}. Optional ones may be `undefined`, so that `process.env.X` can be passed.
 *
 * @example
 * ```ts
 * const options: PolarStrategyOptions = {
 *   clientID: process.env.POLAR_CLIENT_ID!,
 *   clientSecret: process.env.POLAR_CLIENT_SECRET,
 *   callbackURL: '/auth/polar/callback',
 *   server: 'sandbox',
 *   scope: ['openid', 'email', 'organizations:read'],
 * };
 * ```
 *
 * @group Strategy
 */
export interface PolarStrategyOptions extends PolarClientOptions {
  /**
   * Where Polar redirects the browser after the login, exactly as registered at Polar. A path is completed with the host and
   * protocol of the request (behind a proxy, set Express's `trust proxy`).
   */
  readonly callbackURL: string;
  /**
   * Scopes to request, as a list or separated by spaces. `openid` is always added.
   * @default ['openid', 'email']
   */
  readonly scope?: PolarScopes | undefined;
  /**
   * `organization` lets the user pick the one organization that the tokens are limited to; Polar then always shows the
   * consent page. @default 'user'
   */
  readonly subType?: SubType | undefined;
  /**
   * Which pages Polar shows.
   * @default none: users who consented before are redirected straight back
   */
  readonly prompt?: Prompt | undefined;
  /** Name of the strategy, for `passport.authenticate(name)`. @default 'polar' */
  readonly name?: string | undefined;
  /** Session key of the tokens. @default the name of the strategy */
  readonly sessionKey?: string | undefined;
  /**
   * Milliseconds for each of these, on its own:
   *
   * - one request to Polar, including the body
   * - a caller that waits for a valid token. The refresh continues, and its tokens are kept
   * - the exchange of a code. Tokens that arrive later are revoked
   * - an operation of the session store, while a login or logout waits for it
   * - a verify callback that returned nothing, until it calls `done`
   *
   * An operation of `storage` gets a third of it, at most 3 s. @default 10000
   */
  readonly timeoutMs?: number | undefined;
  /** Passes the request to a classic verify callback as its first argument. @default false */
  readonly passReqToCallback?: boolean | undefined;
  /**
   * Prefix that a proxy strips from each path before the request reaches the app, such as `/app`. It is added back to a
   * `callbackURL` and `loginPath` that start with a slash, and to the page to return to.
   * @default none
   */
  readonly proxyPrefix?: string | undefined;
  /** Trusts `X-Forwarded-Proto` and `-Host` to complete a relative callbackURL. @default Express's `trust proxy` */
  readonly proxy?: boolean | undefined;
  /**
   * Also fetches the userinfo endpoint at login. Polar's id_token already contains the same claims, so this only costs a
   * request. @default false
   */
  readonly fetchUserInfo?: boolean | undefined;
  /** Allowed clock difference between Polar and the app when an id_token is checked, in seconds. @default 30 */
  readonly clockToleranceSeconds?: number | undefined;
  /**
   * How many seconds before its expiry an access token counts as expired. Keep it small: a refresh invalidates the old token
   * at once, and every request in flight fails with it. @default 5
   */
  readonly leewaySeconds?: number | undefined;
  /**
   * Seconds in which a login must be finished after it was started. The storage then drops the login attempt.
   * @default 600
   */
  readonly loginAttemptSeconds?: number | undefined;
  /**
   * Shared state of the app's processes: login attempts, token records, refresh locks and tombstones. Use
   * `redisStorage(client)` from `passport-polar-sh/redis`, `postgresStorage(pool)` from `passport-polar-sh/postgres`, or a
   * {@link PolarStorage} over another database.
   * @default the session's own store
   */
  readonly storage?: PolarStorage | undefined;
  /**
   * Keys that encrypt the tokens in the session and in the token records (JWE, A256GCM), at least 32 characters each.
   * The first key encrypts; all keys decrypt. To rotate, append the new key in all processes, then move it to the front.
   * Users whose session was encrypted with a removed key have to log in again. Required by `tokensFor`.
   * @default none: a session contains its tokens unencrypted, and a random key that encrypts its token records
   */
  readonly encryptionKeys?: readonly string[] | undefined;
  /**
   * How many token exchanges of this process may wait for Polar's response, each for up to two minutes, with 80 KB and a
   * connection each. Beyond that, logins and refreshes fail with status 503 and nothing is sent. @default 500
   */
  readonly maxExchanges?: number | undefined;
  /**
   * How many logins a process caches, at about 3 KB each. The next request of an evicted login costs one round trip to the
   * storage, like the first request of a login. @default 10000
   */
  readonly maxRememberedLogins?: number | undefined;
  /**
   * Returns the id of a serialized user, such as `(serialized) => serialized.accountId`, so that the login stays with the user
   * when other properties change. Two users must never have the same id.
   * @default a string or number itself; the subject of a Polar profile; the whole value of any other object
   */
  readonly userKey?: UserKey | undefined;
  /**
   * Called when a login has ended, as `({ loginId, reason }) => ...`: once per login, in each process that ends it or
   * notices its end. No request waits for it. If it rejects, the error is published and has no other effect.
   * @default none
   */
  readonly onLoginEnded?: OnLoginEnded | undefined;
  /**
   * Version of Polar's API, `YYYY-MM`, for `req.polar.fetch` and `tokensFor(loginId).fetch`: sent as the header
   * `Polar-Version`, unless a request sets its own. Polar announces when it removes a version.
   * @default '2026-10', the newest version that this release was tested with
   */
  readonly apiVersion?: string | undefined;
}

type OwnOption = Exclude<keyof PolarStrategyOptions, keyof PolarClientOptions>;

// Each option beside those of the client: how it is checked, and its default.
const resolvers = {
  callbackURL: (given) => checkCallbackURL(given),
  scope: (given = ['openid', 'email']) => checkScope(given),
  subType: (given, name) => checkOneOf(given, name, ['user', 'organization']),
  prompt: (given, name) => checkOneOf(given, name, ['none', 'login', 'consent']),
  name: (given, name) => checkText(given, name) ?? 'polar',
  // The name of the strategy by default.
  sessionKey: (given, name) => checkText(given, name),
  passReqToCallback: (given, name) => checkFlag(given, name) ?? false,
  proxy: (given, name) => checkFlag(given, name),
  proxyPrefix: (given, name) => checkPathPrefix(given, name) ?? '',
  fetchUserInfo: (given, name) => checkFlag(given, name) ?? false,
  clockToleranceSeconds: (given, name) => checkSeconds(given, name) ?? 30,
  leewaySeconds: (given, name) => checkSeconds(given, name) ?? 5,
  loginAttemptSeconds: (given, name) => checkSecondsOfADay(given, name) ?? 600,
  storage: (given, name) => checkMethods(given, name, ['read', 'write', 'remove']),
  encryptionKeys: (given, name) => checkKeys(given, name),
  maxExchanges: (given, name) => checkCount(given, name) ?? 500,
  maxRememberedLogins: (given, name) => checkCount(given, name) ?? 10_000,
  userKey: (given, name) => checkFunction(given, name),
  onLoginEnded: (given, name) => checkFunction(given, name),
  apiVersion: (given) => checkAPIVersion(given) ?? testedAPIVersion,
} satisfies {
  readonly [Name in OwnOption]: (given: PolarStrategyOptions[Name], name: Name) => unknown;
};

type OwnOptions = { readonly [Name in OwnOption]: ReturnType<(typeof resolvers)[Name]> };

/** {@link PolarStrategyOptions}, checked and with defaults. */
export type ResolvedOptions = OwnOptions &
  ResolvedClientOptions & {
    readonly client: PolarOAuthClient;
    readonly sessionKey: string;
    /** Clock for durations: monotonic, unless the option `now` replaces it. */
    readonly elapsedMs: () => number;
  };

/** The name of every option of the strategy. */
export const optionNames: readonly string[] = [...clientOptionNames, ...Object.keys(resolvers)];

// Session keys that belong to other packages, to the session itself, or to the language.
const takenSessionKeys = [
  ...['cookie', 'passport', 'returnTo', 'messages', 'flash'],
  ...['id', 'req', 'save', 'touch', 'reload', 'regenerate', 'destroy', 'resetMaxAge'],
  ...['__proto__', 'constructor', 'prototype'],
];

/**
 * Checks the options and fills in the defaults.
 *
 * @throws {@link PolarConfigurationError} `invalid_option` that names the option and the expected value
 */
export function resolveOptions(options: PolarStrategyOptions): ResolvedOptions {
  if (typeof options !== 'object' || options === null) {
    throw invalidOption(
      'PolarStrategy needs an options object: { clientID, clientSecret, callbackURL, ... }',
    );
  }
  rejectReplaced(options, replacements, optionNames, 'PolarStrategy');
  rejectUnknown(options, optionNames, 'PolarStrategy');
  const client = new PolarOAuthClient(clientOptionsIn(options));
  const polar = optionsOf(client);
  const own = Object.fromEntries(
    Object.entries(resolvers).map(([name, resolve]) => [
      name,
      resolve(options[name as OwnOption] as never, name as never),
    ]),
  ) as OwnOptions;
  return Object.freeze({
    ...polar,
    ...own,
    client,
    sessionKey: refuseTakenKey(own.sessionKey ?? own.name),
    elapsedMs: options.now === undefined ? () => performance.now() : polar.now,
  });
}

const oneStorage =
  "use storage, such as redisStorage(client) of 'passport-polar-sh/redis' or postgresStorage(pool) of 'passport-polar-sh/postgres'";
const ofOneLogin = "pass it per login, to passport.authenticate('polar', { ... })";
const ofBearer = 'it is an option of PolarBearerStrategy';

// Options of passport-oauth2 and its other subclasses, and options that this package takes elsewhere.
const replacements: Readonly<Record<string, string>> = {
  authorizationURL: "use server, which sets all of Polar's URLs",
  tokenURL: "use server, which sets all of Polar's URLs",
  userProfileURL: "use server, which sets all of Polar's URLs",
  baseURL: "use server, which sets all of Polar's URLs",
  issuer: 'set it in server: { webURL, apiURL, issuer }',
  environment: "use server: 'production' or 'sandbox'",
  sandbox: "use server: 'sandbox'",
  redirectURI: 'use callbackURL',
  redirect_uri: 'use callbackURL',
  redirectURL: 'use callbackURL',
  state: 'a state is always sent and checked; pass app data per login, as appState of passport.authenticate',
  pkce: 'PKCE is always used',
  nonce: 'a nonce is always sent and checked',
  store: 'login attempts are kept in storage, by default in the session store',
  scopeSeparator: 'Polar separates scopes with spaces',
  customHeaders: 'use the fetch option instead',
  tokenRecords: oneStorage,
  refreshLock: oneStorage,
  organizations: ofOneLogin,
  login_hint: ofOneLogin,
  returnTo: ofOneLogin,
  appState: ofOneLogin,
  authorizationParams: ofOneLogin,
  realm: ofBearer,
  cacheSeconds: ofBearer,
  unknownTokensPerMinute: ofBearer,
  skipUserProfile: 'the profile comes from the id_token; fetchUserInfo: true also requests userinfo',
};

function refuseTakenKey(key: string): string {
  if (takenSessionKeys.includes(key))
    throw invalidOption(`sessionKey must not be '${key}': the session already uses that key`);
  return key;
}
