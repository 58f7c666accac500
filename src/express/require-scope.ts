import type { NextFunction, Request, RequestHandler, Response } from 'express';
import type { PolarScopes } from '../client/polar-scope.js';
import { list } from '../option-checks.js';
import { nameScopes } from '../requestable-scopes.js';
import { guard, lacksScopes, type Refusal, unlessLoggedIn } from './guard.js';
import { type LoginPathOptions, loginPathOf } from './login-path.js';

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
export function requireScope(scope: PolarScopes, options: LoginPathOptions): RequestHandler {
  const needed = list(scope, 'scope');
  if (needed.length === 0) throw new TypeError("requireScope needs a scope, such as 'organizations:read'");
  const loginPath = loginPathOf(options, 'requireScope(scope, ');
  nameScopes(needed);

  return function requireScope(req: Request, res: Response, next: NextFunction): void {
    guard(req, res, next, loginPath, refusalOf);
  };

  async function refusalOf(req: Request): Promise<Refusal | undefined> {
    const login = { scopes: needed };
    const notLoggedIn = await unlessLoggedIn(req, login);
    if (notLoggedIn !== undefined) return notLoggedIn;
    const missing = needed.filter((each) => !req.polar.scopes.includes(each));
    return missing.length === 0 ? undefined : lacksScopes(req, missing, login);
  }
}
