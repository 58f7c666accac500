import type { ErrorRequestHandler, NextFunction, Request, Response } from 'express';
import { PolarLoginRequiredError } from '../errors.js';
import { noStore } from '../request/end-of-response.js';
import { forAnyRoute } from './any-route.js';
import { guard, unlessLoggedIn } from './guard.js';
import { type LoginPathOptions, loginPathOf, toLogin, wantsPage } from './login-path.js';

/**
 * Requires a user who is logged in **and** whose login with Polar is alive. Otherwise page requests are redirected to the login
 * and return afterwards; other requests (XHR, APIs) get an error with status 401.
 *
 * Requires {@link polarTokens} on the route.
 *
 * @param options `loginPath`: path of the route that starts the login
 * @returns middleware that passes to `next`:
 * - {@link PolarLoginRequiredError} `not_logged_in`, of requests other than for pages
 * - {@link PolarConfigurationError} `missing_middleware`, `missing_session`, `unsupported_session`; and in place of endless
 *   redirects `user_not_found`, `user_changed`, `login_loop`
 * - {@link PolarTransientError} `server_error` while the storage cannot be read
 * @throws {@link PolarConfigurationError} `invalid_option` if `loginPath` is missing
 *
 * @example
 * ```ts
 * app.get(
 *   '/reports',
 *   requireLogin({ loginPath: '/auth/polar' }),
 *   (req, res) => res.render('reports'),
 * );
 * ```
 *
 * @group Guards
 */
export function requireLogin(options: LoginPathOptions) {
  const loginPath = loginPathOf(options, 'requireLogin(');
  return forAnyRoute(function requireLogin(req, res, next) {
    guard(req, res, next, loginPath, (each) => unlessLoggedIn(each, {}));
  });
}

/**
 * Error middleware: if a login has ended ({@link PolarLoginRequiredError}), redirects page requests to the login.
 * Passes on all other errors, and the errors of all other requests. Mount it after the routes.
 *
 * @param options `loginPath`: path of the route that starts the login
 * @returns error middleware
 * @throws {@link PolarConfigurationError} `invalid_option` if `loginPath` is missing
 *
 * @example
 * ```ts
 * app.use(loginOnAuthError({ loginPath: '/auth/polar' }));
 * ```
 *
 * @group Guards
 */
export function loginOnAuthError(options: LoginPathOptions): ErrorRequestHandler {
  const loginPath = loginPathOf(options, 'loginOnAuthError(');
  return function loginOnAuthError(error: unknown, req: Request, res: Response, next: NextFunction): void {
    const isEnded = error instanceof PolarLoginRequiredError;
    if (isEnded) noStore(res);
    if (isEnded && wantsPage(req) && !res.headersSent) toLogin(req, res, next, { loginPath });
    else next(error);
  };
}
