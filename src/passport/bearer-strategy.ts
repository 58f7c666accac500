import type { Request } from 'express';
import { IntrospectionCache } from '../api/introspection-cache.js';
import type { PolarClientOptions } from '../client/client-options.js';
import { type Introspection, organizationsOf } from '../client/introspection.js';
import { PolarOAuthClient } from '../client/oauth-client.js';
import type { PolarScope } from '../client/polar-scope.js';
import { PolarError } from '../errors.js';
import { clock, forOneRequest, list, seconds, text } from '../option-checks.js';
import { resolveServer } from '../server.js';
import { bearerToken } from './bearer-token.js';

/** What a token has to be good for. */
export interface BearerRequirements {
  /** Scopes that the token needs, all of them. */
  readonly scope?: PolarScope | readonly PolarScope[] | undefined;
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
  /** Seconds for which Polar's answer about a token is believed, never past its end; 0 asks each time. @default 30 */
  readonly cacheSeconds?: number | undefined;
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

/** Maps a token to a user of the app; `false` or `null` refuses it. */
export type PolarBearerVerify = (token: {
  readonly accessToken: string;
  readonly introspection: Introspection;
  readonly req: Request;
}) => Express.User | false | null | Promise<Express.User | false | null>;

type Outcome =
  | { readonly user: Express.User; readonly info: unknown }
  | { readonly status: 400 | 401 | 403; readonly challenge: string };

/** The actions that Passport adds to a strategy for one request. */
interface PassportActions {
  success(user: Express.User, info: unknown): void;
  fail(challenge: string, status: number): void;
  error(error: unknown): void;
}

/**
 * Lets requests in that carry one of **this client's own** Polar access tokens: `Authorization: Bearer polar_at_u_...`,
 * checked by introspection (`POST /v1/oauth2/introspect`, RFC 7662) and answered as RFC 6750 wants it.
 *
 * For the API of an app whose other parts (a browser extension, a phone, a second service) hold tokens that the same
 * OAuth client obtained. Polar being down is an error of status 503 for `next`, not a 401.
 *
 * @example
 * ```ts
 * passport.use(new PolarBearerStrategy({ clientID, clientSecret, server: 'sandbox' }));
 * app.get('/api/orders', passport.authenticate('polar-bearer', { session: false, scope: 'orders:read' }), listOrders);
 * ```
 */
export class PolarBearerStrategy {
  readonly name: string;
  readonly #introspections: IntrospectionCache;
  readonly #clientID: string;
  readonly #now: () => number;
  readonly #realm: string;
  readonly #requirements: BearerRequirements;
  readonly #verify: PolarBearerVerify | undefined;

  /**
   * @param verify maps a token to a user of the app; left out, `req.user` is a {@link PolarBearerUser}
   * @throws TypeError for a public client, and that names the option which is missing or wrong
   */
  constructor(options: PolarBearerStrategyOptions, verify?: PolarBearerVerify) {
    const client = new PolarOAuthClient(options);
    if (client.isPublic) {
      throw new TypeError(
        'PolarBearerStrategy needs clientSecret: Polar lets public clients introspect nothing, and asking userinfo instead would let in the tokens of every other app',
      );
    }
    if (verify !== undefined && (typeof verify !== 'function' || verify.length > 1)) {
      throw new TypeError(
        'The verify callback of PolarBearerStrategy is a function of one object, ({ accessToken, introspection, req }), that returns the user or false',
      );
    }
    this.name = text(options.name, 'name') ?? 'polar-bearer';
    this.#clientID = options.clientID;
    this.#realm = realmOf(options.realm);
    this.#requirements = { scope: options.scope, organizations: options.organizations };
    requirementsOf(this.#requirements, {});
    this.#verify = verify;
    this.#now = clock(options.now);
    this.#introspections = new IntrospectionCache({
      introspect: (token) => client.introspect(token),
      clientID: options.clientID,
      apiURL: resolveServer(options.server).apiURL,
      ttlMs: (seconds(options.cacheSeconds, 'cacheSeconds') ?? 30) * 1000,
      now: this.#now,
    });
  }

  /** Called by Passport. `scope` and `organizations` of one route come on top of the strategy's. */
  authenticate(req: Request, options: BearerRequirements = {}): void {
    // Taken at once: given the strategy itself, Passport writes the actions of the next request onto it.
    const { success, fail, error } = this as unknown as PassportActions;
    this.#check(req, options).then(
      (outcome) => {
        if ('user' in outcome) return success.call(this, outcome.user, outcome.info);
        // Passport sets this header for 401 alone.
        if (outcome.status !== 401) req.res?.setHeader('WWW-Authenticate', outcome.challenge);
        return fail.call(this, outcome.challenge, outcome.status);
      },
      (reason: unknown) => error.call(this, reason),
    );
  }

  async #check(req: Request, options: BearerRequirements): Promise<Outcome> {
    const needed = forOneRequest(() => requirementsOf(this.#requirements, options));
    const found = bearerToken(req);
    if (!('token' in found)) {
      return found.problem === 'none'
        ? { status: 401, challenge: this.#challenge({ scope: needed.scope }) }
        : {
            status: 400,
            challenge: this.#challenge({ error: found.problem, error_description: found.description }),
          };
    }
    // Polar calls refresh tokens active, too, and they are the last thing that should be sent around.
    if (found.token.startsWith('polar_rt_')) return this.#invalid('This is a refresh token');
    const introspection = await this.#introspections.introspect(found.token);
    if (!this.#isOurs(introspection))
      return this.#invalid('The access token is expired, revoked or not of this app');
    const scopes = introspection.scopes ?? [];
    const organizations = organizationsOf(introspection);
    if (!needed.scope.every((scope) => scopes.includes(scope)))
      return this.#insufficient('The access token lacks a scope', needed.scope);
    if (!needed.organizations.every((id) => organizations.includes(id)))
      return this.#insufficient('The access token is not limited to this organization', needed.scope);

    const info = { scope: scopes.join(' '), organizations };
    if (this.#verify === undefined) return { user: userOf(introspection), info };
    const user: unknown = await this.#verify({ accessToken: found.token, introspection, req });
    if (user === undefined) {
      throw new PolarError(
        'invalid_verify_result',
        'The verify callback returned undefined. Return the user, or false to refuse the token (is a return statement missing?).',
      );
    }
    return user ? { user: user as Express.User, info } : this.#invalid('The access token was refused');
  }

  #isOurs({ active, clientID, expiresAt, subject }: Introspection): boolean {
    if (!active || subject === undefined || clientID !== this.#clientID) return false;
    return expiresAt === undefined || this.#now() < expiresAt;
  }

  #invalid(description: string): Outcome {
    return {
      status: 401,
      challenge: this.#challenge({ error: 'invalid_token', error_description: description }),
    };
  }

  #insufficient(description: string, scope: readonly string[]): Outcome {
    const challenge = this.#challenge({ error: 'insufficient_scope', error_description: description, scope });
    return { status: 403, challenge };
  }

  /** RFC 6750 section 3. */
  #challenge(attributes: Readonly<Record<string, string | readonly string[]>>): string {
    const said = Object.entries(attributes).map(([name, value]) => [name, [value].flat().join(' ')]);
    const present = [['realm', this.#realm], ...said].filter(([, value]) => value !== '');
    return `Bearer ${present.map(([name, value]) => `${name}="${value}"`).join(', ')}`;
  }
}

function requirementsOf(...all: BearerRequirements[]): {
  readonly scope: readonly string[];
  readonly organizations: readonly string[];
} {
  const merged = (name: keyof BearerRequirements) => [
    ...new Set(all.flatMap((each) => list(each[name], name))),
  ];
  return { scope: merged('scope'), organizations: merged('organizations') };
}

function realmOf(value: unknown): string {
  const realm = text(value, 'realm') ?? 'polar';
  // It stands in a header, between quotes.
  if (/^[\x20\x21\x23-\x5b\x5d-\x7e]*$/.test(realm)) return realm;
  throw new TypeError('realm must be plain text without quotes and backslashes');
}

function userOf(introspection: Introspection): Express.User {
  const user: PolarBearerUser = {
    provider: 'polar',
    id: introspection.subject ?? '',
    subType: introspection.subType ?? 'user',
    scopes: introspection.scopes ?? [],
    organizations: organizationsOf(introspection),
  };
  return user as Express.User;
}
