import type { Request } from 'express';
import type { VerifyResult } from '../call-verify.js';
import type { PolarClientOptions } from '../client/client-options.js';
import type { Introspection } from '../client/introspection.js';
import type { PolarScopes } from '../client/polar-scope.js';
import {
  clock,
  count,
  list,
  rejectNearMisses,
  rejectReplaced,
  rejectUnknown,
  seconds,
  text,
} from '../option-checks.js';
import { optionNames } from '../options.js';
import { polarAt, resolveServer } from '../server.js';

/** What a token has to be good for. */
export interface BearerRequirements {
  /** Scopes that the token needs, all of them. */
  readonly scope?: PolarScopes | undefined;
  /**
   * Ids of organizations to which the token has to be limited, all of them. A token that is not limited names no
   * organization, and Polar does not say to which its user belongs: it is refused.
   */
  readonly organizations?: string | readonly string[] | undefined;
}

/** Options of {@link PolarBearerStrategy}. */
export interface PolarBearerStrategyOptions extends PolarClientOptions, BearerRequirements {
  /** Of the client to which the tokens were issued. Public clients cannot introspect at Polar. */
  readonly clientSecret: string | undefined;
  /** Seconds for which Polar's response about a token is believed, never past its end; 0 asks each time. @default 30 */
  readonly cacheSeconds?: number | undefined;
  /**
   * How many tokens that were not good before this process asks Polar about per minute. Beyond that, `next` gets an error
   * of status 503, `rate_limited` with `retryAfterSeconds`; tokens that were good before keep working.
   *
   * Polar's rate limit is per IP address of your server: 500 requests a minute, 100 in the sandbox, for tokens,
   * introspection, revocation and registration together. Without this budget, junk sent to your API would stop your
   * logins. Divide it if several processes share an IP address. @default 250; 50 at other servers than production
   */
  readonly unknownTokensPerMinute?: number | undefined;
  /** What `WWW-Authenticate` says is protected. @default 'polar' */
  readonly realm?: string | undefined;
  /** Name of the strategy. @default 'polar-bearer' */
  readonly name?: string | undefined;
  /** The clock, in milliseconds since the epoch; for tests. @default Date.now */
  readonly now?: (() => number) | undefined;
}

/** Without a verify callback, `req.user`: whom the token acts for. */
export interface PolarBearerUser {
  readonly provider: 'polar';
  /** Polar's id of the user; of the organization for a legacy token. */
  readonly id: string;
  /** `organization` only for legacy tokens. */
  readonly subType: string;
  readonly scopes: readonly string[];
  /** Organizations to which the token is limited; empty means all of the user's. */
  readonly organizations: readonly string[];
}

/** What a verify callback is given of a token. */
export interface VerifiedToken {
  readonly accessToken: string;
  readonly introspection: Introspection;
  readonly req: Request;
}

/** Maps a token to a user of the app; `false` rejects it. In JavaScript it may as well call `done`, its last argument. */
export type PolarBearerVerify = (token: VerifiedToken) => VerifyResult | Promise<VerifyResult>;

/** {@link BearerRequirements} as lists. */
export interface ResolvedRequirements {
  readonly scope: readonly string[];
  readonly organizations: readonly string[];
}

/** What is left to know once the client is made. */
export interface ResolvedBearerOptions {
  readonly name: string;
  readonly realm: string;
  readonly requirements: BearerRequirements;
  readonly cacheMs: number;
  readonly unknownTokensPerMinute: number;
  /** What every access token starts with, where that is known. */
  readonly tokenPrefix: string;
  readonly apiURL: string;
  readonly timeoutMs: number;
  readonly now: () => number;
}

// Those of the login strategy may come along, for apps that have the same options for both.
const knownOptions = [
  ...Object.keys(optionNames).filter((name) => name !== 'passReqToCallback'),
  ...['cacheSeconds', 'unknownTokensPerMinute', 'realm', 'organizations'],
];

const addresses = 'server names all addresses of a Polar';
const introspected = "Polar's access tokens are not JWTs; each is checked by introspection";

// Options of passport-http-bearer, and of strategies and middleware that check JWTs.
const elsewhere: Readonly<Record<string, string>> = {
  passReqToCallback: 'the verify callback gets one object, ({ accessToken, introspection, req })',
  audience: 'only tokens of the clientID itself are let in',
  session:
    "give it to passport.authenticate('polar-bearer', { session }) of a route; by default there is none",
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
  jwtFromRequest: 'the token is taken from the Authorization header, and from nowhere else',
};

/**
 * Checks the options that are not the client's.
 *
 * @throws TypeError that names the option and says what it should be
 */
export function resolveBearerOptions(options: PolarBearerStrategyOptions): ResolvedBearerOptions {
  if (typeof options !== 'object' || options === null)
    throw new TypeError('PolarBearerStrategy needs an object of options: { clientID, clientSecret, ... }');
  // With false, the callback is called as ours is.
  const { passReqToCallback, ...given } = options as PolarBearerStrategyOptions & {
    readonly passReqToCallback?: unknown;
  };
  rejectReplaced(passReqToCallback ? options : given, elsewhere, knownOptions, 'PolarBearerStrategy');
  rejectUnknown(given, knownOptions, 'PolarBearerStrategy');
  const requirements = { scope: options.scope, organizations: options.organizations };
  requirementsOf(requirements);
  const server = resolveServer(options.server);
  const polar = polarAt(server);
  return {
    name: text(options.name, 'name') ?? 'polar-bearer',
    realm: realmOf(options.realm),
    requirements,
    cacheMs: (seconds(options.cacheSeconds, 'cacheSeconds') ?? 30) * 1000,
    // Half of what Polar allows. Of another server nothing is known, so it is spared like the sandbox.
    unknownTokensPerMinute:
      count(options.unknownTokensPerMinute, 'unknownTokensPerMinute') ?? (polar === 'production' ? 250 : 50),
    tokenPrefix: polar === undefined ? '' : 'polar_at_',
    apiURL: server.apiURL,
    timeoutMs: options.timeoutMs ?? 10_000,
    now: clock(options.now),
  };
}

/**
 * What a route needs, with the strategy's. On a route that people may log in at as well, options of {@link PolarStrategy}
 * come along, and Passport's do anyway: they say nothing of a token.
 *
 * @throws TypeError for what looks like a misspelt requirement: it would be meant as a lock, and lock nothing
 */
export function routeRequirements(
  ofStrategy: BearerRequirements,
  ofRoute: BearerRequirements,
): ResolvedRequirements {
  const who = "passport.authenticate('polar-bearer')";
  rejectReplaced(
    ofRoute,
    { scopes: 'its name is scope', organization: 'its name is organizations' },
    [],
    who,
  );
  rejectNearMisses(ofRoute, ['scope', 'organizations'], who);
  return requirementsOf(ofStrategy, ofRoute);
}

function requirementsOf(...all: BearerRequirements[]): ResolvedRequirements {
  const merged = (name: keyof BearerRequirements) => [
    ...new Set(all.flatMap((each) => (each[name] === undefined ? [] : list(each[name], name)))),
  ];
  for (const each of all) {
    for (const name of ['scope', 'organizations'] as const) {
      if (typeof each[name] === 'string' && list(each[name], name).length === 0)
        throw new TypeError(`${name} must not be empty: leave it out where nothing is required`);
    }
  }
  return { scope: merged('scope'), organizations: merged('organizations') };
}

/** @throws TypeError when it is no function of one object */
export function checkVerify(verify: unknown): void {
  if (verify === undefined || (typeof verify === 'function' && verify.length <= 2)) return;
  throw new TypeError(
    'The verify callback of PolarBearerStrategy is a function of one object, ({ accessToken, introspection, req }), that returns the user or false',
  );
}

function realmOf(value: unknown): string {
  const realm = text(value, 'realm') ?? 'polar';
  // It stands in a header, between quotes.
  if (/^[\x20\x21\x23-\x5b\x5d-\x7e]*$/.test(realm)) return realm;
  throw new TypeError('realm must be plain text without quotes and backslashes');
}
