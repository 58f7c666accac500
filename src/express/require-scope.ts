import type { Request } from 'express';
import type { PolarScopes } from '../client/polar-scope.js';
import { invalidOption } from '../errors.js';
import { checkList, hasEmptyText } from '../options/option-checks.js';
import { nameScopes } from '../request/requested-by-guards.js';
import { forAnyRoute } from './any-route.js';
import { guard, lacksScopes, type Refusal, unlessLoggedIn } from './guard.js';
import { type LoginPathOptions, loginPathOf } from './login-path.js';

/**
 * Requires a login with Polar that has all of these scopes. Otherwise page requests are redirected to Polar, where the user
 * consents to the missing scopes in addition to the granted ones (incremental consent), and return to the page; other
 * requests get an error with status 403 that names the missing scopes. Users who are not logged in are handled as by
 * {@link requireLogin}.
 *
 * A scope that was requested but not granted (one that is not registered for the client, say) is not requested again: that is
 * an error with status 403 too.
 *
 * Requires {@link polarTokens} on the route.
 *
 * @param scope the scopes, as a list or separated by spaces
 * @param options `loginPath`: path of the route that starts the login
 * @returns middleware that passes to `next`:
 * - {@link PolarInsufficientScopeError} `insufficient_scope`, whose `scopes` are the missing ones
 * - what {@link requireLogin} passes on, such as {@link PolarLoginRequiredError} `not_logged_in`
 * @throws {@link PolarConfigurationError} `invalid_option` if a scope or `loginPath` is missing
 *
 * @example
 * ```ts
 * app.get(
 *   '/orders',
 *   requireScope('orders:read', { loginPath: '/auth/polar' }),
 *   showOrders,
 * );
 * ```
 * @see {@link https://www.rfc-editor.org/rfc/rfc6749#section-3.3 RFC 6749 section 3.3}
 *
 * @group Guards
 */
export function requireScope(scope: PolarScopes, options: LoginPathOptions) {
  const loginPath = loginPathOf(options, 'requireScope(scope, ');
  const needed = checkList(scope, 'scope');
  if (needed.length === 0 || hasEmptyText(scope))
    throw invalidOption("requireScope needs a scope, such as 'organizations:read'");
  nameScopes(needed);

  return forAnyRoute(function requireScope(req, res, next) {
    guard(req, res, next, loginPath, refusalOf);
  });

  async function refusalOf(req: Request): Promise<Refusal | undefined> {
    const login = { scopes: needed };
    const notLoggedIn = await unlessLoggedIn(req, login);
    if (notLoggedIn !== undefined) return notLoggedIn;
    const missing = needed.filter((each) => !req.polar.scopes.includes(each));
    return missing.length === 0 ? undefined : lacksScopes(req, missing, login);
  }
}
