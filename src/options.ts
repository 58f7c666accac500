import type { Prompt, SubType } from './client/authorization-url.js';
import {
  type PolarClientOptions,
  type ResolvedClientOptions,
  resolveClientOptions,
} from './client/client-options.js';
import type { PolarScopes } from './client/polar-scope.js';
import type { OnLoginEnded } from './login-ended.js';
import {
  apiVersionOf,
  callbackURLOf,
  clock,
  count,
  flag,
  func,
  keys,
  methods,
  oneOf,
  pathPrefix,
  rejectReplaced,
  rejectUnknown,
  resolveScope,
  seconds,
  secondsOfADay,
  text,
} from './option-checks.js';
import type { PolarStorage } from './storage/polar-storage.js';
import type { UserKey } from './tokens/user-identity.js';

/** The version of Polar's API that `req.polar.fetch` asks for unless told otherwise: the newest one of the tests. */
export const testedAPIVersion = '2026-10';

/** Options of the strategy. Each may be `undefined`, so that `process.env.X` fits where it is optional. */
export interface PolarStrategyOptions extends PolarClientOptions {
  /**
   * Where Polar sends people back to, exactly as registered at Polar. A path is completed with the host and
   * protocol of the request (behind a proxy, set Express's `trust proxy`).
   */
  readonly callbackURL: string;
  /**
   * Scopes to ask for, as a list or separated by spaces. `openid` is always added.
   * @default ['openid', 'email']
   */
  readonly scope?: PolarScopes | undefined;
  /**
   * `organization` lets people pick one organization to which the tokens are limited; the consent page is then
   * always shown. @default 'user'
   */
  readonly subType?: SubType | undefined;
  /** Whether Polar asks people again. Leave it out: those who agreed before are then sent straight back. */
  readonly prompt?: Prompt | undefined;
  /** Name of the strategy, for `passport.authenticate(name)`. @default 'polar' */
  readonly name?: string | undefined;
  /** Key of the session under which the tokens are kept. @default the name of the strategy */
  readonly sessionKey?: string | undefined;
  /** Gives a classic verify callback the request as its first argument. @default false */
  readonly passReqToCallback?: boolean | undefined;
  /**
   * What a proxy takes off the front of each path before it reaches the app, such as `/app`. It is put back in front of a
   * `callbackURL` and `loginPath` that begin with a slash, and of the page to come back to.
   * @default none
   */
  readonly proxyPrefix?: string | undefined;
  /** Trusts `X-Forwarded-Proto` and `-Host` when a relative callbackURL is completed. @default Express's `trust proxy` */
  readonly proxy?: boolean | undefined;
  /**
   * Asks the userinfo endpoint at login. Polar's id_token already says all that it does, so this only costs a
   * request. @default false
   */
  readonly fetchUserInfo?: boolean | undefined;
  /** Seconds by which Polar's clock and ours may differ when an id_token is checked. @default 30 */
  readonly clockToleranceSeconds?: number | undefined;
  /**
   * Seconds before its expiry from which an access token counts as expired. Keep it small: a refresh kills the
   * old token at once, with every request that is in flight. @default 5
   */
  readonly leewaySeconds?: number | undefined;
  /**
   * Seconds within which a login that was started has to be finished. The storage keeps login attempts for no longer.
   * @default 600
   */
  readonly loginAttemptSeconds?: number | undefined;
  /**
   * Where the processes of an app share what they know of logins: the newest tokens, who refreshes, and who has logged
   * out. `redisStorage(client)` of `passport-polar-sh/redis`, or a {@link PolarStorage} over a database of yours.
   * @default the session's own store
   */
  readonly storage?: PolarStorage | undefined;
  /**
   * Keys that encrypt the tokens in the session and in the token records (JWE, A256GCM), at least 32 characters each:
   * the first one encrypts, all of them open. To change the key, put the new one at the end in all processes, then in
   * front. Whoever has a session whose key is gone has to log in again. Needed for `tokensFor`.
   * @default none: a session holds its tokens as they are, and a random key that encrypts its records
   */
  readonly encryptionKeys?: readonly string[] | undefined;
  /**
   * How many exchanges of tokens may wait for Polar's response in this process, each for up to two minutes: 80 KB and a
   * connection each. Beyond that an error of status 503, and nothing is sent. @default 500
   */
  readonly maxExchanges?: number | undefined;
  /**
   * How many logins a process remembers, some 3 KB each. A request of one that it has forgotten costs the storage one round
   * trip, as the first request of a login does. @default 10000
   */
  readonly maxRememberedLogins?: number | undefined;
  /**
   * Names the person of a serialized user, `(serialized) => serialized.accountId`, so that their tokens stay theirs when
   * the rest of it changes. Never the same text for two people.
   * @default a string or number itself; of a Polar profile its subject; of any other object its whole value
   */
  readonly userKey?: UserKey | undefined;
  /**
   * Is told that a login has ended, `({ loginId, reason }) => ...`: once for each login, in each process that ends it or
   * notices its end. No request waits for it. What it rejects with is published, and changes nothing.
   * @default none
   */
  readonly onLoginEnded?: OnLoginEnded | undefined;
  /**
   * The version of Polar's API that `req.polar.fetch` and `tokensFor(loginId).fetch` ask for, `YYYY-MM`: the header
   * `Polar-Version`, unless a request has one of its own. Polar announces when it removes a version.
   * @default '2026-10', the newest with which this release was tested
   */
  readonly apiVersion?: string | undefined;
  /** The clock, in milliseconds since the epoch; for tests. @default Date.now */
  readonly now?: (() => number) | undefined;
}

/** {@link PolarStrategyOptions}, checked and with their defaults. */
export interface ResolvedOptions extends ResolvedClientOptions {
  readonly callbackURL: string;
  readonly scope: readonly string[];
  readonly subType: SubType | undefined;
  readonly prompt: Prompt | undefined;
  readonly name: string;
  readonly sessionKey: string;
  readonly passReqToCallback: boolean;
  readonly proxy: boolean | undefined;
  readonly proxyPrefix: string;
  readonly fetchUserInfo: boolean;
  readonly clockToleranceSeconds: number;
  readonly leewaySeconds: number;
  readonly loginAttemptSeconds: number;
  readonly storage: PolarStorage | undefined;
  readonly encryptionKeys: readonly [string, ...string[]] | undefined;
  readonly maxExchanges: number;
  readonly maxRememberedLogins: number;
  readonly userKey: UserKey | undefined;
  readonly onLoginEnded: OnLoginEnded | undefined;
  readonly apiVersion: string;
  readonly now: () => number;
  /** A clock for durations: the machine's, which nobody sets back, unless a test has one of its own. */
  readonly elapsedMs: () => number;
}

/** Every option of the strategy. */
export const optionNames: Record<keyof PolarStrategyOptions, true> = {
  clientID: true,
  clientSecret: true,
  server: true,
  tokenEndpointAuthMethod: true,
  timeoutMs: true,
  fetch: true,
  callbackURL: true,
  scope: true,
  subType: true,
  prompt: true,
  name: true,
  sessionKey: true,
  passReqToCallback: true,
  proxy: true,
  proxyPrefix: true,
  fetchUserInfo: true,
  clockToleranceSeconds: true,
  leewaySeconds: true,
  loginAttemptSeconds: true,
  storage: true,
  encryptionKeys: true,
  maxExchanges: true,
  maxRememberedLogins: true,
  userKey: true,
  onLoginEnded: true,
  apiVersion: true,
  now: true,
};

// Keys of the session that belong to somebody else.
const takenSessionKeys = [
  'cookie',
  'passport',
  'returnTo',
  'messages',
  'flash',
  '__proto__',
  'constructor',
  'prototype',
];

/**
 * Checks the options once and fills in the defaults.
 *
 * @throws TypeError that names the option and says what it should be
 */
export function resolveOptions(options: PolarStrategyOptions): ResolvedOptions {
  if (typeof options !== 'object' || options === null) {
    throw new TypeError(
      'PolarStrategy needs an object of options: { clientID, clientSecret, callbackURL, ... }',
    );
  }
  const known = Object.keys(optionNames);
  rejectReplaced(options, elsewhere, known, 'PolarStrategy');
  rejectUnknown(options, known, 'PolarStrategy');
  const { scope = ['openid', 'email'] } = options;
  const name = text(options.name, 'name') ?? 'polar';
  return Object.freeze({
    ...resolveClientOptions(options),
    callbackURL: callbackURLOf(options.callbackURL),
    scope: resolveScope(scope),
    subType: oneOf(options.subType, 'subType', ['user', 'organization']),
    prompt: oneOf(options.prompt, 'prompt', ['none', 'login', 'consent']),
    name,
    sessionKey: sessionKeyOf(text(options.sessionKey, 'sessionKey') ?? name),
    passReqToCallback: flag(options.passReqToCallback, 'passReqToCallback') ?? false,
    proxy: flag(options.proxy, 'proxy'),
    proxyPrefix: pathPrefix(options.proxyPrefix, 'proxyPrefix') ?? '',
    fetchUserInfo: flag(options.fetchUserInfo, 'fetchUserInfo') ?? false,
    clockToleranceSeconds: seconds(options.clockToleranceSeconds, 'clockToleranceSeconds') ?? 30,
    leewaySeconds: seconds(options.leewaySeconds, 'leewaySeconds') ?? 5,
    loginAttemptSeconds: secondsOfADay(options.loginAttemptSeconds, 'loginAttemptSeconds') ?? 600,
    encryptionKeys: keys(options.encryptionKeys, 'encryptionKeys'),
    storage: methods(options.storage, 'storage', ['read', 'write', 'remove']),
    maxExchanges: count(options.maxExchanges, 'maxExchanges') ?? 500,
    maxRememberedLogins: count(options.maxRememberedLogins, 'maxRememberedLogins') ?? 10_000,
    userKey: func(options.userKey, 'userKey'),
    onLoginEnded: func(options.onLoginEnded, 'onLoginEnded'),
    apiVersion: apiVersionOf(options.apiVersion) ?? testedAPIVersion,
    now: clock(options.now),
    elapsedMs: options.now === undefined ? () => performance.now() : clock(options.now),
  });
}

const oneStorage =
  "token records and lock are one option: storage, such as storage: redisStorage(client) with redisStorage of 'passport-polar-sh/redis', or a PolarStorage over your database";
const ofOneLogin = "give it for one login, to passport.authenticate('polar', { ... })";
const ofBearer = 'it is an option of PolarBearerStrategy';

// Options of passport-oauth2 and its other subclasses, and those that belong to another place of this package.
const elsewhere: Readonly<Record<string, string>> = {
  authorizationURL: 'server names all addresses of a Polar',
  tokenURL: 'server names all addresses of a Polar',
  userProfileURL: 'server names all addresses of a Polar',
  baseURL: 'server names all addresses of a Polar',
  issuer: 'it is part of server: { webURL, apiURL, issuer }',
  environment: "server is 'production' or 'sandbox'",
  sandbox: "server: 'sandbox' asks for it",
  redirectURI: 'callbackURL is where Polar sends people back to',
  redirect_uri: 'callbackURL is where Polar sends people back to',
  redirectURL: 'callbackURL is where Polar sends people back to',
  state: 'state is always on; give app data for one login, as appState of passport.authenticate',
  pkce: 'PKCE is always on',
  nonce: 'a nonce is always sent and checked',
  store: 'login attempts are in storage, by default the session store',
  scopeSeparator: 'Polar separates scopes by spaces',
  customHeaders: 'give a fetch of your own instead',
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
  skipUserProfile: 'the profile comes from the id_token; fetchUserInfo asks userinfo as well',
};

function sessionKeyOf(key: string): string {
  if (takenSessionKeys.includes(key))
    throw new TypeError(`sessionKey must not be '${key}': that part of the session belongs to somebody else`);
  return key;
}
