import type { NextFunction, Request, RequestHandler, Response } from 'express';
import type { PolarScope } from '../client/polar-scope.js';
import { PolarInsufficientScopeError, PolarLoginRequiredError } from '../errors.js';
import { noStore } from '../no-store.js';
import { list } from '../option-checks.js';
import { nameScopes } from '../requestable-scopes.js';
import { type LoginPathOptions, loginPathOf, toLogin, wantsPage } from './login-path.js';
import { whyNotLoggedIn } from './not-logged-in.js';
import { runtimeOfRequest } from './request-runtime.js';

/**
 * Lets only people through whose login with Polar has these scopes, all of them. Pages are sent to Polar again, to
 * agree to what they agreed to before and to these (incremental consent), and come back to where they were; other
 * requests get an error with status 403 that names the missing scopes. Whoever is not logged in is treated as
 * by {@link requireLogin}.
 *
 * A scope that was asked for and not granted (one that is not registered for the client, say) is not asked for again:
 * that, too, is a 403.
 *
 * Needs {@link polarTokens} on the route.
 *
 * @throws TypeError when a scope or `loginPath` is missing
 *
 * @example
 * ```ts
 * app.get('/orders', requireScope('orders:read', { loginPath: '/auth/polar' }), showOrders);
 * ```
 */
export function requireScope(
  scope: PolarScope | readonly PolarScope[],
  options: LoginPathOptions,
): RequestHandler {
  const needed = list(scope, 'scope');
  if (needed.length === 0) throw new TypeError("requireScope needs a scope, such as 'organizations:read'");
  const loginPath = loginPathOf(options, 'requireScope');
  nameScopes(needed);

  return function requireScope(req: Request, res: Response, next: NextFunction): void {
    problemOf(req)
      .then((problem) => {
        if (problem === undefined) return next();
        if (wantsPage(req) && canLogInHelp(req, problem))
          return toLogin(req, res, next, { loginPath, scopes: needed });
        noStore(res);
        return next(problem);
      })
      .catch(next);
  };

  async function problemOf(req: Request): Promise<Error | undefined> {
    if (!(await req.polar.isLoggedIn())) return whyNotLoggedIn(req);
    const missing = needed.filter((each) => !req.polar.scopes.includes(each));
    if (missing.length === 0) return undefined;
    return new PolarInsufficientScopeError(
      `This needs the scope ${missing.join(' and ')}, which was not granted at login. Log in again and agree to it; if that does not help, register it for the client at Polar.`,
      missing,
    );
  }

  function canLogInHelp(req: Request, problem: Error): boolean {
    if (problem instanceof PolarLoginRequiredError) return true;
    // What was asked for at the last login and not granted will not be granted now: the browser would go round in circles.
    const { scopes: granted = [], askedScopes: asked = [] } = runtimeOfRequest(req)?.loginOf(req) ?? {};
    const isNew = (scope: string): boolean => !granted.includes(scope) && !asked.includes(scope);
    return problem instanceof PolarInsufficientScopeError && needed.some(isNew);
  }
}
