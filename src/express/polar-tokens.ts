import type { NextFunction, Request, RequestHandler, Response } from 'express';
import { type HasPolarRuntime, type PolarRuntime, polarRuntime } from '../composition.js';
import type { LoginHandle } from '../refresh/login-handle.js';
import { sessionOf } from '../request-session.js';
import { notLoggedIn } from './not-logged-in.js';
import { fetchFromPolar } from './polar-fetch.js';
import './missing-middleware.js';
import type { PolarRequest } from './polar-request.js';

/**
 * Gives each request `req.polar`: access tokens that are valid when they are asked for.
 *
 * Put it after the session, and before the routes that use it. It costs a request that does not use it nothing.
 *
 * @param strategy the strategy that logs people in
 * @throws TypeError when it is not given a strategy
 *
 * @example
 * ```ts
 * app.use(session({ ... }), passport.session(), polarTokens(polar));
 * ```
 */
export function polarTokens(strategy: HasPolarRuntime): RequestHandler {
  const runtime = runtimeOf(strategy, 'polarTokens');
  return function polarTokens(req: Request, _res: Response, next: NextFunction): void {
    let made: PolarRequest | undefined;
    Object.defineProperty(req, 'polar', {
      configurable: true,
      enumerable: false,
      get: () => {
        made ??= polarRequest(runtime, req);
        return made;
      },
    });
    next();
  };
}

/** The runtime of a strategy, for middleware that is given one. */
export function runtimeOf(strategy: HasPolarRuntime, middleware: string): PolarRuntime {
  const runtime = (strategy as HasPolarRuntime | undefined)?.[polarRuntime];
  if (runtime === undefined)
    throw new TypeError(
      `${middleware} needs the strategy: ${middleware}(polar), with const polar = new PolarStrategy({ ... })`,
    );
  return runtime;
}

function polarRequest(runtime: PolarRuntime, req: Request): PolarRequest {
  const { keeper } = runtime;
  // Asked for at each use: a handler may log somebody in or out.
  const login = (): LoginHandle => {
    sessionOf(req);
    const found = runtime.loginOf(req);
    if (found !== undefined) return found;
    throw notLoggedIn();
  };
  const polar: PolarRequest = {
    async getTokens(options) {
      const handle = login();
      return options?.forceRefresh === true ? keeper.newTokens(handle) : keeper.validTokens(handle);
    },
    async getAccessToken(options) {
      return (await polar.getTokens(options)).accessToken;
    },
    async fetch(input, init) {
      return fetchFromPolar(runtime, login(), input, init);
    },
    get scopes() {
      const handle = runtime.loginOf(req);
      return (handle && keeper.peek(handle)?.scopes) ?? [];
    },
    async isLoggedIn() {
      const handle = runtime.loginOf(req);
      return handle !== undefined && (await keeper.isAlive(handle));
    },
  };
  return polar;
}
