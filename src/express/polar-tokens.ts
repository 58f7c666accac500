import type { Request } from 'express';
import { loginAccess } from '../api/polar-access.js';
import { invalidOption } from '../errors.js';
import { isSessionDestroyed, sessionOf } from '../request/session.js';
import { type PolarRuntime, type PolarStrategyLike, runtimeOf } from '../runtime.js';
import { forAnyRoute } from './any-route.js';
import { notLoggedIn } from './guard.js';
import { endForgottenLogin, keepLoginsAtLogIn } from './keep-logins.js';
import type { PolarRequest } from './polar-request.js';
import { setRuntimeOfRequest } from './request-runtime.js';

/**
 * Adds `req.polar` to each request: access tokens that are refreshed when needed. If the app calls `req.login` again for the same
 * user, the login with Polar stays; for another user it ends.
 *
 * Mount it after the session and before the routes that use it. It reads and parses nothing on requests that do not use it.
 *
 * @param strategy the {@link PolarStrategy} that logs users in
 * @returns middleware that adds {@link PolarRequest} as `req.polar`. Without it on a route, reading `req.polar` throws
 *   {@link PolarConfigurationError} `missing_middleware`
 * @throws {@link PolarConfigurationError} `invalid_option` if `strategy` is not a PolarStrategy
 *
 * @example
 * ```ts
 * app.use(
 *   session({
 *     secret: process.env.SESSION_SECRET!,
 *     resave: false,
 *     saveUninitialized: false,
 *   }),
 * );
 * app.use(passport.session(), polarTokens(polar));
 * ```
 *
 * @group Middleware
 */
export function polarTokens(strategy: PolarStrategyLike) {
  const runtime = runtimeFor('polarTokens', strategy);
  const keepLogins = keepLoginsAtLogIn(runtime);
  return forAnyRoute(function polarTokens(req, _res, next) {
    setRuntimeOfRequest(req, runtime, requestAccess);
    endForgottenLogin(runtime, req);
    keepLogins(req);
    next();
  });
}

/**
 * Returns the runtime of the strategy that a middleware received.
 *
 * @throws {@link PolarConfigurationError} `invalid_option` if it is not a PolarStrategy
 */
export function runtimeFor(middleware: string, strategy: PolarStrategyLike): PolarRuntime {
  const isObject = typeof strategy === 'object' && strategy !== null;
  const runtime = isObject ? runtimeOf(strategy) : undefined;
  if (runtime === undefined)
    throw invalidOption(
      `${middleware} needs the strategy: ${middleware}(polar), where polar is a PolarStrategy from the same copy of passport-polar-sh`,
    );
  return runtime;
}

/** Creates an object with own properties only: apps copy it, wrap it, and pass it to templates that ignore prototypes. */
function requestAccess(runtime: PolarRuntime, req: Request): PolarRequest {
  const { fetch, getAccessToken, getTokens, isLoggedIn, organizations } = loginAccess(
    runtime.accessParts,
    () => {
      if (isSessionDestroyed(req)) throw notLoggedIn();
      sessionOf(req);
      const login = runtime.logins.ofUser(req);
      if (login === undefined) throw notLoggedIn();
      return login.open();
    },
  );
  return {
    getAccessToken,
    getTokens,
    fetch,
    organizations,
    isLoggedIn,
    get scopes() {
      const login = runtime.logins.ofUser(req);
      login?.revalidateInBackground();
      return login?.scopes ?? [];
    },
    get loginId() {
      return runtime.logins.ofUser(req)?.loginId;
    },
  };
}
