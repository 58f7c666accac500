import type { NextFunction, Request, RequestHandler, Response } from 'express';
import { forgetRounds } from '../attempts/attempt-cookie.js';
import type { StrategyOfPolar } from '../composition.js';
import { publish } from '../diagnostics.js';
import { noStore } from '../no-store.js';
import { rejectUnknown } from '../option-checks.js';
import { sessionOf } from '../request-session.js';
import { shownValue } from '../shown-value.js';
import { endLogins } from './end-logins.js';
import { runtimeFor } from './polar-tokens.js';

/** What follows a logout. */
export interface LogoutOptions {
  /** Where to send people afterwards. @default the next handler of the route is called */
  readonly redirectTo?: string | undefined;
}

/**
 * Logs people out: ends every Polar login of the session, in every process and whichever strategy it came from, ends
 * the session, and revokes the tokens at Polar. A failing revocation keeps nobody logged in; public clients, which Polar
 * lets revoke nothing, skip it.
 *
 * Use it on a POST route that is protected against CSRF, as any logout.
 *
 * @param strategy the strategy that logs people in
 * @throws TypeError when it is not given a strategy
 *
 * @example
 * ```ts
 * app.post('/logout', logout(polar, { redirectTo: '/' }));
 * ```
 */
export function logout(strategy: StrategyOfPolar, options: LogoutOptions = {}): RequestHandler {
  const runtime = runtimeFor('logout', strategy);
  const redirectTo = redirectTarget(options, 'logout');

  const run = async (req: Request): Promise<void> => {
    const session = sessionOf(req);
    // Whoever's tokens the session holds, of whatever strategy, they end with it.
    const logins = runtime.loginsIn(req);
    delete session[runtime.options.sessionKey];
    await endLogins(runtime, req, { logins, reason: 'logged_out', save: () => endSession(req) });
    if (logins.length === 0) publish('logout', { event: 'logged-out' });
    for (const { loginId } of logins) publish('logout', { event: 'logged-out', loginId });
  };
  return function logout(req: Request, res: Response, next: NextFunction): void {
    noStore(res);
    forgetRounds(req);
    run(req)
      .then(() => thenRedirect(res, next, redirectTo))
      .catch(next);
  };
}

/**
 * The address to go to afterwards, if any.
 *
 * @throws TypeError when it is none, or when there is another option
 */
export function redirectTarget(options: LogoutOptions, middleware: string): string | undefined {
  const { redirectTo } = options;
  rejectUnknown(options, ['redirectTo'], middleware);
  if (redirectTo !== undefined && typeof redirectTo !== 'string')
    throw new TypeError(
      `${middleware}: redirectTo must be an address, such as '/', not ${shownValue(redirectTo)}`,
    );
  return redirectTo;
}

/** Sends people there, or hands on to the next handler. */
export function thenRedirect(res: Response, next: NextFunction, redirectTo: string | undefined): void {
  if (redirectTo === undefined) next();
  else if (!res.headersSent) res.redirect(redirectTo);
}

function endSession(req: Request): Promise<void> {
  return new Promise((resolve, reject) => {
    const done = (error?: unknown): void => (error ? reject(error) : resolve());
    // Passport's own, so that its user goes too; without Passport on the route the session alone is ended.
    if (typeof req.logout === 'function') req.logout(done);
    else req.session.destroy(done);
  });
}
