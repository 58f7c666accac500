import type { NextFunction, Request, Response } from 'express';
import { forgetRounds } from '../attempts/attempt-cookie.js';
import { publish } from '../diagnostics.js';
import { invalidOption } from '../errors.js';
import { rejectUnknown } from '../options/option-names.js';
import { noStore } from '../request/end-of-response.js';
import { sessionOf } from '../request/session.js';
import type { PolarStrategyLike } from '../runtime.js';
import { shownValue } from '../text/shown-value.js';
import { forAnyRoute } from './any-route.js';
import { endLogins } from './end-logins.js';
import { runtimeFor } from './polar-tokens.js';

/**
 * Options of {@link logout} and {@link disconnect}.
 *
 * @group Middleware
 */
export interface LogoutOptions {
  /** Where to redirect the browser afterwards. @default calls the next handler of the route */
  readonly redirectTo?: string | undefined;
}

/**
 * Logs the user out: ends every Polar login of the session, of any strategy and in every process, ends the session, and revokes
 * the tokens at Polar. A failed revocation does not prevent the logout. Public clients skip it, because Polar does not let them
 * revoke.
 *
 * Use it on a POST route that is protected against CSRF, like any logout.
 *
 * @param strategy the {@link PolarStrategy} that logs users in
 * @param options `redirectTo`: where to redirect the browser afterwards
 * @returns middleware that passes to `next`:
 * - {@link PolarConfigurationError} `missing_session`, `unsupported_session`, `unsupported_storage`
 * - errors of the session store, and {@link PolarTransientError} `timeout` if it does not respond
 * @throws {@link PolarConfigurationError} `invalid_option` if `strategy` is not a PolarStrategy, or an option is
 *   unknown or invalid
 *
 * @example
 * ```ts
 * app.post('/logout', logout(polar, { redirectTo: '/' }));
 * ```
 * @see {@link https://www.rfc-editor.org/rfc/rfc7009#section-2 RFC 7009 section 2} (`POST /v1/oauth2/revoke`)
 *
 * @group Middleware
 */
export function logout(strategy: PolarStrategyLike, options: LogoutOptions = {}) {
  const runtime = runtimeFor('logout', strategy);
  const redirectTo = redirectTarget(options, 'logout');

  const run = async (req: Request): Promise<void> => {
    const session = sessionOf(req);
    // All logins of the session end with it, whatever their user and strategy.
    const logins = runtime.allLogins.of(req);
    delete session[runtime.options.sessionKey];
    await endLogins(runtime, req, { logins, reason: 'logged_out', save: () => endSession(req) });
    if (logins.length === 0) publish('logout', { event: 'logged-out' });
    for (const { loginId } of logins) publish('logout', { event: 'logged-out', loginId });
  };
  return forAnyRoute(function logout(req, res, next) {
    noStore(res);
    forgetRounds(req);
    run(req)
      .then(() => thenRedirect(res, next, redirectTo))
      .catch(next);
  });
}

/**
 * Checks and returns `redirectTo`.
 *
 * @throws {@link PolarConfigurationError} `invalid_option` if it is not a string, or there is another option
 */
export function redirectTarget(options: LogoutOptions, middleware: string): string | undefined {
  rejectUnknown(options, ['redirectTo'], middleware);
  const { redirectTo } = options;
  if (redirectTo !== undefined && typeof redirectTo !== 'string')
    throw invalidOption(
      `${middleware}: redirectTo must be a path or URL, such as '/', not ${shownValue(redirectTo)}`,
    );
  return redirectTo;
}

/** Redirects the browser, or calls the next handler. */
export function thenRedirect(res: Response, next: NextFunction, redirectTo: string | undefined): void {
  if (redirectTo === undefined) next();
  else if (!res.headersSent) res.redirect(redirectTo);
}

function endSession(req: Request): Promise<void> {
  return new Promise((resolve, reject) => {
    const done = (error?: unknown): void => (error ? reject(error) : resolve());
    // Passport's logout also removes its user; without Passport on the route, only the session ends.
    if (typeof req.logout === 'function') req.logout(done);
    else req.session.destroy(done);
  });
}
