import type { Request } from 'express';
import type { RepeatedAttempt } from '../attempts/login-attempts.js';
import { sessionOf, userOf } from '../request/session.js';
import { failed, type LoginOutcome } from './login-outcome.js';
import { type AuthenticateOptions, isLinking } from './request-options.js';
import { type StartLoginParts, sendToPolar } from './start-login.js';

// A proxy, say, may send every response twice, and each would start another login.
const maxRestarts = 2;

/**
 * Handles a repeated response in the browser that started the login: a double click, a reload, a retry. Its code is spent. If
 * the login attempt already logged this browser in, the login succeeds. If not, the first response was lost together with its
 * session cookie, and the login starts again.
 */
export async function respondToRepeated(
  parts: StartLoginParts,
  req: Request,
  options: AuthenticateOptions,
  { id, repeated, restart }: RepeatedAttempt,
): Promise<LoginOutcome> {
  // The first response may or may not have linked the account; the app's page shows it.
  if (isLinking(options)) return failed('attempt_used');
  const user = userOf(req);
  if (user !== undefined && parts.runtime.logins.ofUser(req)?.attempt === id) {
    if (repeated.returnTo !== undefined) sessionOf(req)['returnTo'] = repeated.returnTo;
    stayLoggedIn(req, user);
    return { user, info: { repeated: true } };
  }
  const { takenBy: _spent, isRestarted: _once, ...request } = repeated;
  const { restarts = 0 } = request;
  const isStartedAnew = restarts < maxRestarts && (await restart());
  return isStartedAnew
    ? sendToPolar(parts, req, { ...request, restarts: restarts + 1 })
    : failed('attempt_used');
}

// Passport would regenerate the session, and concurrent requests of this browser would lose theirs.
function stayLoggedIn(req: Request, loggedIn: Express.User): void {
  const logIn = req.logIn as (...args: unknown[]) => void;
  req.logIn = req.login = ((user: Express.User, options: unknown, done?: unknown) => {
    const callback = (typeof options === 'function' ? options : done) as (() => void) | undefined;
    if (user === loggedIn) callback?.();
    else logIn.call(req, user, options, done);
  }) as Request['logIn'];
}
