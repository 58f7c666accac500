import type { NextFunction, Request, RequestHandler, Response } from 'express';
import { LoginAccess } from '../api/polar-access.js';
import { type PolarRuntime, runtimeOf, type StrategyOfPolar } from '../composition.js';
import { sessionOf } from '../request-session.js';
import { endForgottenLogin, keepLoginsAtLogIn } from './keep-logins.js';
import { notLoggedIn } from './not-logged-in.js';
import type { PolarRequest } from './polar-request.js';
import { setRuntimeOfRequest } from './request-runtime.js';

/**
 * Gives each request `req.polar`: access tokens that are valid when they are asked for. Where the app calls `req.login` for
 * the same person again, the login with Polar stays; for anybody else it ends.
 *
 * Put it after the session, and before the routes that use it. Nothing is read or parsed on a request that does not use it.
 *
 * @param strategy the strategy that logs people in
 * @throws TypeError when it is not given a strategy
 *
 * @example
 * ```ts
 * app.use(session({ ... }), passport.session(), polarTokens(polar));
 * ```
 */
export function polarTokens(strategy: StrategyOfPolar): RequestHandler {
  const runtime = runtimeFor('polarTokens', strategy);
  const keepLogins = keepLoginsAtLogIn(runtime);
  return function polarTokens(req: Request, _res: Response, next: NextFunction): void {
    setRuntimeOfRequest(req, runtime, requestAccess);
    endForgottenLogin(runtime, req);
    keepLogins(req);
    next();
  };
}

/**
 * The runtime of the strategy that a middleware is given.
 *
 * @throws TypeError when it is given something else
 */
export function runtimeFor(middleware: string, strategy: StrategyOfPolar): PolarRuntime {
  const isObject = typeof strategy === 'object' && strategy !== null;
  const runtime = isObject ? runtimeOf(strategy) : undefined;
  if (runtime === undefined)
    throw new TypeError(
      `${middleware} needs the strategy: ${middleware}(polar), with const polar = new PolarStrategy({ ... }) of the same copy of passport-polar-sh`,
    );
  return runtime;
}

/** All of it is in properties of its own: apps copy it, wrap it, and show it in templates that read no prototype. */
function requestAccess(runtime: PolarRuntime, req: Request): PolarRequest {
  const { fetch, getAccessToken, getTokens, isLoggedIn, organizations } = new LoginAccess(
    runtime.accessParts,
    () => {
      sessionOf(req);
      const login = runtime.loginOfUser(req);
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
      const login = runtime.loginOfUser(req);
      login?.revalidateInBackground();
      return login?.scopes ?? [];
    },
    get loginId() {
      return runtime.loginOfUser(req)?.loginId;
    },
  };
}
