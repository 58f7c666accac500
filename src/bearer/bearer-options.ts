import type { Request } from 'express';
import { clientOptionsIn, type PolarClientOptions } from '../client/client-options.js';
import type { Introspection } from '../client/introspection.js';
import { optionsOf, PolarOAuthClient } from '../client/oauth-client.js';
import type { PolarScopes } from '../client/polar-scope.js';
import { invalidOption } from '../errors.js';
import {
  checkCount,
  checkList,
  checkOrganizations,
  checkSeconds,
  checkText,
  hasEmptyText,
} from '../options/option-checks.js';
import { rejectNearMisses, rejectReplaced, rejectUnknown } from '../options/option-names.js';
import { polarAt } from '../options/server.js';
import type { VerifyResult } from '../request/app-callbacks.js';
import { optionNames } from '../strategy-options.js';

/**
 * What a token must be valid for.
 *
 * @group Bearer tokens
 */
export interface BearerRequirements {
  /** Scopes that the token must have, all of them. @default none */
  readonly scope?: PolarScopes | undefined;
  /**
   * Ids of organizations that the token must be limited to, all of them. A token without a limit is rejected: it names no
   * organization, and Polar does not tell which ones its user belongs to.
   * @default none
   */
  readonly organizations?: string | readonly string[] | undefined;
}

/**
 * Options of {@link PolarBearerStrategy}.
 *
 * @group Bearer tokens
 */
export interface PolarBearerStrategyOptions extends PolarClientOptions, BearerRequirements {
  /** Secret of the client that the tokens were issued to. Polar does not let public clients introspect. */
  readonly clientSecret: string | undefined;
  /** Seconds to cache Polar's response for a token, never past its expiry; 0 introspects each time. @default 30 */
  readonly cacheSeconds?: number | undefined;
  /**
   * How many unknown tokens (not found valid before) this process introspects per minute. Beyond that, `next` gets an error
   * with status 503, `rate_limited` with `retryAfterSeconds`; tokens that were valid before keep working.
   *
   * Polar's rate limit applies per IP address of your server: 500 requests a minute, 100 in the sandbox, for tokens,
   * introspection, revocation and registration together. Without this budget, junk tokens sent to your API would block your
   * logins. Divide it if several processes share an IP address. @default 250; 50 for servers other than production
   */
  readonly unknownTokensPerMinute?: number | undefined;
  /** The `realm` in `WWW-Authenticate`. @default 'polar' */
  readonly realm?: string | undefined;
  /** Name of the strategy. @default 'polar-bearer' */
  readonly name?: string | undefined;
}

/**
 * `req.user` without a verify callback: the user or organization that the token acts for.
 *
 * @group Bearer tokens
 */
export interface PolarBearerUser {
  /** Tells users of several strategies apart. */
  readonly provider: 'polar';
  /** Polar's id of the user or, for a legacy token, of the organization. */
  readonly id: string;
  /** `user`, or `organization` for legacy tokens. */
  readonly subType: string;
  /** Scopes of the token. */
  readonly scopes: readonly string[];
  /** Ids of the organizations that the token is limited to; empty means all of the user's. */
  readonly organizations: readonly string[];
}

/**
 * The argument of a bearer verify callback.
 *
 * @group Bearer tokens
 */
export interface VerifiedToken {
  /** The token of the request. */
  readonly accessToken: string;
  /** What Polar says about the token. */
  readonly introspection: Introspection;
  /** The request that sent the token. */
  readonly req: Request;
}

/**
 * Maps a token to a user of the app; `false` rejects it. In JavaScript it may also call `done`, its last argument, whose
 * `info` is added to `req.authInfo`, or says in the challenge why the token is rejected: a text, or an object with a `message`.
 *
 * @param token the token, what Polar says about it, and the request
 *
 * @example
 * ```ts
 * const verify: PolarBearerVerify = async ({ introspection }) =>
 *   (await users.findByPolarId(introspection.subject)) ?? false;
 * ```
 *
 * @group Bearer tokens
 */
export type PolarBearerVerify = (token: VerifiedToken) => VerifyResult | Promise<VerifyResult>;

/** {@link BearerRequirements} as lists. */
export interface ResolvedRequirements {
  readonly scope: readonly string[];
  readonly organizations: readonly string[];
}

/** {@link PolarBearerStrategyOptions}, checked and with defaults. */
export interface ResolvedBearerOptions {
  readonly client: PolarOAuthClient;
  readonly clientID: string;
  readonly name: string;
  readonly realm: string;
  readonly requirements: BearerRequirements;
  readonly cacheMs: number;
  readonly unknownTokensPerMinute: number;
  /** Prefix of every access token; empty if unknown. */
  readonly tokenPrefix: string;
  readonly apiURL: string;
  readonly timeoutMs: number;
  readonly now: () => number;
}

// Includes the options of the login strategy, for apps that pass the same options to both.
const knownOptions = [
  ...optionNames.filter((name) => name !== 'passReqToCallback'),
  ...['cacheSeconds', 'unknownTokensPerMinute', 'realm', 'organizations'],
];

const addresses = "use server, which sets all of Polar's URLs";
const introspected = "Polar's access tokens are not JWTs; they are checked by introspection";

// Options of passport-http-bearer, and of strategies and middleware that check JWTs.
const replacements: Readonly<Record<string, string>> = {
  passReqToCallback: 'the verify callback receives one object, ({ accessToken, introspection, req })',
  audience: 'only tokens issued to clientID are accepted',
  session: "pass it to passport.authenticate('polar-bearer', { session }) on a route; the default is false",
  issuer: addresses,
  issuerBaseURL: addresses,
  authorizationURL: addresses,
  tokenURL: addresses,
  introspectionURL: addresses,
  introspectionEndpoint: addresses,
  jwksUri: introspected,
  algorithms: introspected,
  secretOrKey: introspected,
  secretOrKeyProvider: introspected,
  jwtFromRequest: 'the token is read from the Authorization header only',
};

/**
 * Checks the options and fills in the defaults.
 *
 * @throws {@link PolarConfigurationError} `invalid_option` that names the option and the expected value
 */
export function resolveBearerOptions(options: PolarBearerStrategyOptions): ResolvedBearerOptions {
  if (typeof options !== 'object' || options === null)
    throw invalidOption('PolarBearerStrategy needs an options object: { clientID, clientSecret, ... }');
  // False is accepted, because it does not change how the callback is called.
  const { passReqToCallback, ...given } = options as PolarBearerStrategyOptions & {
    readonly passReqToCallback?: unknown;
  };
  rejectReplaced(passReqToCallback ? options : given, replacements, knownOptions, 'PolarBearerStrategy');
  rejectUnknown(given, knownOptions, 'PolarBearerStrategy');
  const requirements = { scope: options.scope, organizations: options.organizations };
  requirementsOf(requirements);
  const client = new PolarOAuthClient(clientOptionsIn(options));
  if (client.isPublic) {
    throw invalidOption(
      'PolarBearerStrategy needs clientSecret: Polar does not let public clients introspect tokens, and userinfo would also accept the tokens of every other app',
    );
  }
  const { credentials, now, server, timeoutMs } = optionsOf(client);
  const polar = polarAt(server);
  return {
    client,
    clientID: credentials.clientID,
    name: checkText(options.name, 'name') ?? 'polar-bearer',
    realm: realmOf(options.realm),
    requirements,
    cacheMs: (checkSeconds(options.cacheSeconds, 'cacheSeconds') ?? 30) * 1000,
    // Half of what Polar allows. The limit of other servers is unknown, so they get the budget of the sandbox.
    unknownTokensPerMinute:
      checkCount(options.unknownTokensPerMinute, 'unknownTokensPerMinute') ??
      (polar === 'production' ? 250 : 50),
    tokenPrefix: polar === undefined ? '' : 'polar_at_',
    apiURL: server.apiURL,
    timeoutMs,
    now,
  };
}

/**
 * Merges the requirements of a route with those of the strategy. The options may include those of Passport and, on a route
 * that also logs users in, of {@link PolarStrategy}, which are ignored.
 *
 * @throws {@link PolarConfigurationError} `invalid_option` for a likely misspelling, which would otherwise protect nothing
 */
export function routeRequirements(
  ofStrategy: BearerRequirements,
  ofRoute: BearerRequirements,
): ResolvedRequirements {
  const who = "passport.authenticate('polar-bearer')";
  rejectReplaced(ofRoute, { scopes: 'use scope', organization: 'use organizations' }, [], who);
  rejectNearMisses(ofRoute, ['scope', 'organizations'], who);
  return requirementsOf(ofStrategy, ofRoute);
}

function requirementsOf(...all: BearerRequirements[]): ResolvedRequirements {
  const merged = (name: keyof BearerRequirements, check: (value: unknown) => readonly string[]) => [
    ...new Set(all.flatMap((each) => (each[name] === undefined ? [] : check(each[name])))),
  ];
  for (const each of all) {
    for (const name of ['scope', 'organizations'] as const) {
      if (hasEmptyText(each[name]))
        throw invalidOption(`${name} must not be empty; omit it if nothing is required`);
    }
  }
  return {
    scope: merged('scope', (value) => checkList(value, 'scope')),
    organizations: merged('organizations', checkOrganizations),
  };
}

/** @throws {@link PolarConfigurationError} `invalid_option` if it is not a function of one object */
export function checkVerify(verify: unknown): void {
  if (verify === undefined || (typeof verify === 'function' && verify.length <= 2)) return;
  throw invalidOption(
    'The verify callback of PolarBearerStrategy must be a function that takes one object, ({ accessToken, introspection, req }), and returns the user or false',
  );
}

function realmOf(value: unknown): string {
  const realm = checkText(value, 'realm') ?? 'polar';
  // It is sent as a quoted string in a header.
  if (/^[\x20\x21\x23-\x5b\x5d-\x7e]*$/.test(realm)) return realm;
  throw invalidOption('realm must be printable ASCII without quotes or backslashes');
}
