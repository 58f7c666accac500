import type { Request, Response } from 'express';
import { IntrospectionCache } from '../api/introspection-cache.js';
import { RequestBudget } from '../api/request-budget.js';
import { asError, customCallback, ownFault } from '../request/app-callbacks.js';
import { noStore } from '../request/end-of-response.js';
import { type BearerCheck, type BearerOutcome, type BearerRefusal, bearerCheck } from './bearer-check.js';
import {
  type BearerRequirements,
  checkVerify,
  type PolarBearerStrategyOptions,
  type PolarBearerVerify,
  resolveBearerOptions,
} from './bearer-options.js';

const check = Symbol('passport-polar-sh.bearer-check');

/**
 * Authenticates requests by **this client's own** Polar access tokens, `Authorization: Bearer polar_at_u_...`, which it checks
 * by introspection.
 *
 * For the API of an app whose other parts (a browser extension, a phone, a second service) hold tokens of the same OAuth
 * client. While Polar is down, or if more unknown tokens arrive than `unknownTokensPerMinute`, `next` gets an error with status
 * 503, not a 401. No login session is started, unless the route sets `session: true`.
 *
 * @example
 * ```ts
 * passport.use(
 *   new PolarBearerStrategy({ clientID, clientSecret, server: 'sandbox' }),
 * );
 * app.get(
 *   '/api/orders',
 *   passport.authenticate('polar-bearer', {
 *     session: false,
 *     scope: 'orders:read',
 *   }),
 *   listOrders,
 * );
 * ```
 * @see {@link https://www.rfc-editor.org/rfc/rfc6750 RFC 6750} (bearer tokens),
 * {@link https://www.rfc-editor.org/rfc/rfc7662 RFC 7662} (`POST /v1/oauth2/introspect`)
 *
 * @group Bearer tokens
 */
export class PolarBearerStrategy {
  /** Name of the strategy, for `passport.authenticate(name)`. */
  readonly name: string;
  // Not a private field: Passport calls strategies registered by name on objects that inherit from them.
  /** @internal */
  declare readonly [check]: BearerCheck;

  /**
   * Checks the options; sends no request.
   *
   * @param options `clientID`, `clientSecret` and `server`, and others that have defaults
   * @param verify maps a token to a user of the app; if omitted, `req.user` is a {@link PolarBearerUser}
   * @throws {@link PolarConfigurationError} `invalid_option` that names the option, also for a public client
   */
  constructor(options: PolarBearerStrategyOptions, verify?: PolarBearerVerify) {
    const resolved = resolveBearerOptions(options);
    const { client, clientID } = resolved;
    checkVerify(verify);
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

  /**
   * Called by Passport: checks the token of a request. Apps call `passport.authenticate('polar-bearer')`.
   *
   * A request without a valid token gets a 401, one whose token lacks a scope or organization a 403. `next` gets
   * {@link PolarTransientError} `rate_limited`, `timeout`, `network_error` or `server_error`.
   *
   * @param req the request, with the token in its `Authorization` header
   * @param options {@link BearerRouteOptions} of the route; `scope` and `organizations` are required in addition to the
   *   strategy's
   *
   * @example
   * ```ts
   * app.get(
   *   '/api/me',
   *   passport.authenticate('polar-bearer', { session: false }),
   *   (req, res) => res.json(req.user),
   * );
   * ```
   * @see {@link https://www.rfc-editor.org/rfc/rfc6750#section-3 RFC 6750 section 3}
   */
  authenticate(req: Request, options: BearerRequirements & { readonly session?: unknown } = {}): void {
    // Read now: if an app passes the strategy itself, Passport writes the actions of the next request onto it.
    const { success, fail, error } = this as unknown as PassportActions;
    const act = async (outcome: BearerOutcome): Promise<void> => {
      if ('user' in outcome) {
        startNoSession(req, options);
        return customCallback(success(outcome.user, outcome.info));
      }
      // A refusal belongs to this request, even where the app lets caches share its responses.
      noStore(req.res);
      // Passport sets this header only for a 401.
      if (outcome.status !== 401) sendChallenge(req.res, outcome);
      fail(outcome.challenge, outcome.status);
    };
    this[check](req, options)
      .then(act, (thrown: unknown) => {
        noStore(req.res);
        return customCallback(error(asError(thrown)));
      })
      .catch((thrown: unknown) => ownFault(req, thrown));
  }
}

/** The actions that Passport adds to a strategy for one request. */
interface PassportActions {
  success(user: Express.User, info: unknown): unknown;
  fail(challenge: string, status: number): void;
  error(error: unknown): unknown;
}

/**
 * Adds the challenge if the response has that status: another strategy or the app itself may still accept the request, redirect
 * it, or respond with a challenge of its own.
 */
function sendChallenge(res: Response | undefined, { status, challenge }: BearerRefusal): void {
  if (res === undefined) return;
  const writeHead = res.writeHead as (...args: unknown[]) => Response;
  res.writeHead = ((...args: unknown[]) => {
    if ((args[0] ?? res.statusCode) === status && !res.hasHeader('WWW-Authenticate'))
      res.setHeader('WWW-Authenticate', challenge);
    return writeHead.apply(res, args);
  }) as typeof res.writeHead;
}

type LogIn = (user: Express.User, options: unknown, done: unknown) => void;

/**
 * Makes `session: false` the default of a route: a login session would outlive the token and its revocation. Calls of
 * `req.logIn` by the app itself stay unchanged.
 */
function startNoSession(req: Request, options: { readonly session?: unknown }): void {
  if (options.session !== undefined) return;
  const logIn = req.logIn as LogIn;
  const logInWithoutSession: LogIn = (user, given, done) =>
    logIn.call(req, user, given === options ? { ...options, session: false } : given, done);
  req.logIn = req.login = logInWithoutSession as Request['logIn'];
}
