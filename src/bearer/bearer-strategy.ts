import type { Request } from 'express';
import { IntrospectionCache } from '../api/introspection-cache.js';
import { RequestBudget } from '../api/request-budget.js';
import { PolarOAuthClient } from '../client/oauth-client.js';
import { asError, ownFault } from '../own-fault.js';
import { type BearerCheck, type BearerOutcome, bearerCheck } from './bearer-check.js';
import {
  type BearerRequirements,
  checkVerify,
  type PolarBearerStrategyOptions,
  type PolarBearerVerify,
  resolveBearerOptions,
} from './bearer-options.js';

const check = Symbol('passport-polar-sh.bearer-check');

/**
 * Lets requests in that carry one of **this client's own** Polar access tokens: `Authorization: Bearer polar_at_u_...`,
 * checked by introspection (`POST /v1/oauth2/introspect`, RFC 7662) and answered as RFC 6750 wants it.
 *
 * For the API of an app whose other parts (a browser extension, a phone, a second service) hold tokens that the same
 * OAuth client obtained. Polar being down is an error of status 503 for `next`, not a 401, and so are more unknown tokens
 * than `unknownTokensPerMinute`. No login session is started, unless the route asks for one with `session: true`.
 *
 * @example
 * ```ts
 * passport.use(new PolarBearerStrategy({ clientID, clientSecret, server: 'sandbox' }));
 * app.get('/api/orders', passport.authenticate('polar-bearer', { session: false, scope: 'orders:read' }), listOrders);
 * ```
 */
export class PolarBearerStrategy {
  readonly name: string;
  // Not a private field: Passport calls strategies that it knows by name on objects that inherit from them.
  /** @internal */
  declare readonly [check]: BearerCheck;

  /**
   * @param verify maps a token to a user of the app; left out, `req.user` is a {@link PolarBearerUser}
   * @throws TypeError for a public client, and that names the option which is missing or wrong
   */
  constructor(options: PolarBearerStrategyOptions, verify?: PolarBearerVerify) {
    const resolved = resolveBearerOptions(options);
    const client = new PolarOAuthClient(options);
    if (client.isPublic) {
      throw new TypeError(
        'PolarBearerStrategy needs clientSecret: Polar lets public clients introspect nothing, and asking userinfo instead would let in the tokens of every other app',
      );
    }
    checkVerify(verify);
    const { clientID } = options;
    const introspections = new IntrospectionCache({
      introspect: (token) => client.introspect(token),
      clientID,
      apiURL: resolved.apiURL,
      ttlMs: resolved.cacheMs,
      now: resolved.now,
      budget: new RequestBudget(resolved.unknownTokensPerMinute, resolved.now),
    });
    this.name = resolved.name;
    Object.defineProperty(this, check, {
      value: bearerCheck({
        options: resolved,
        clientID,
        introspect: (token) => introspections.introspect(token),
        verify,
      }),
    });
  }

  /** Called by Passport. `scope` and `organizations` of one route come on top of the strategy's. */
  authenticate(req: Request, options: BearerRequirements & { readonly session?: unknown } = {}): void {
    // Taken at once: given the strategy itself, Passport writes the actions of the next request onto it.
    const { success, fail, error } = this as unknown as PassportActions;
    const act = (outcome: BearerOutcome): void => {
      if ('user' in outcome) {
        startNoSession(req, options);
        success(outcome.user, outcome.info);
        return;
      }
      // Passport sets this header for 401 alone.
      if (outcome.status !== 401) req.res?.setHeader('WWW-Authenticate', outcome.challenge);
      fail(outcome.challenge, outcome.status);
    };
    this[check](req, options)
      .then(act, (thrown: unknown) => error(asError(thrown)))
      .catch((thrown: unknown) => ownFault(req, thrown));
  }
}

/** The actions that Passport adds to a strategy for one request. */
interface PassportActions {
  success(user: Express.User, info: unknown): void;
  fail(challenge: string, status: number): void;
  error(error: unknown): void;
}

type LogIn = (user: Express.User, options: unknown, done: unknown) => void;

/**
 * Passport starts a login session unless the route says `session: false`, and that session would outlive the token and
 * whatever ended it. So here a route has to ask for it. What the app itself hands to `req.logIn` is its own wish.
 */
function startNoSession(req: Request, options: { readonly session?: unknown }): void {
  if (options.session !== undefined) return;
  const logIn = req.logIn as LogIn;
  const logInWithoutSession: LogIn = (user, given, done) =>
    logIn.call(req, user, given === options ? { ...options, session: false } : given, done);
  req.logIn = req.login = logInWithoutSession as Request['logIn'];
}
