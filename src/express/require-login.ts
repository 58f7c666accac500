import type { ErrorRequestHandler, NextFunction, Request, RequestHandler, Response } from 'express';
import { PolarLoginRequiredError } from '../errors.js';
import { guard, unlessLoggedIn } from './guard.js';
import { type LoginPathOptions, loginPathOf, toLogin, wantsPage } from './login-path.js';

/**
 * Lets only people through who are logged in **and** whose login with Polar is alive. Pages are sent to log in and
 * come back afterwards; other requests (XHR, APIs) get an error with status 401.
 *
 * Needs {@link polarTokens} on the route.
 *
 * @throws TypeError when `loginPath` is missing
 *
 * @example
 * ```ts
 * app.get('/reports', requireLogin({ loginPath: '/auth/polar' }), (req, res) => res.render('reports'));
 * ```
 */
export function requireLogin(options: LoginPathOptions): RequestHandler {
  const loginPath = loginPathOf(options, 'requireLogin(');
  return function requireLogin(req: Request, res: Response, next: NextFunction): void {
    guard(req, res, next, loginPath, (each) => unlessLoggedIn(each, {}));
  };
}

/**
 * Error middleware: when a login has ended (any {@link PolarError} with status 401), sends pages to log in again;
 * hands every other error, and every other kind of request, on. Put it after the routes.
 *
 * @throws TypeError when `loginPath` is missing
 *
 * @example
 * ```ts
 * app.use(loginOnAuthError({ loginPath: '/auth/polar' }));
 * ```
 */
export function loginOnAuthError(options: LoginPathOptions): ErrorRequestHandler {
  const loginPath = loginPathOf(options, 'loginOnAuthError(');
  return function loginOnAuthError(error: unknown, req: Request, res: Response, next: NextFunction): void {
    if (error instanceof PolarLoginRequiredError && wantsPage(req) && !res.headersSent)
      toLogin(req, res, next, { loginPath });
    else next(error);
  };
}
