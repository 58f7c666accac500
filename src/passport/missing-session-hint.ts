import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { Request, Response } from 'express';
import { callbackDuration } from '../request/callback-duration.js';
import { hasUnrestoredUser, serializedUser } from '../request/session.js';
import type { PolarRuntime } from '../runtime.js';
import { developmentHint, isDevelopment } from '../warnings.js';

/** What Node.js publishes when a response has been sent. */
interface SentResponse {
  readonly request: Request;
  readonly response: Response;
}

const channel = 'http.server.response.finish';
const watching = new WeakSet<PolarRuntime>();

/**
 * After the first login of a strategy during development, looks at the next response to a logged-in user, and prints a hint if
 * `passport.session()` did not run before its route. The login succeeds and nothing fails, but nobody appears to be logged in.
 *
 * None of our middleware may run on that route, so this listens to Node.js.
 */
export function watchForUnrestoredUser(runtime: PolarRuntime, { sessionStore }: Request): void {
  if (!isDevelopment() || watching.has(runtime)) return;
  watching.add(runtime);
  const onSent = (message: unknown): void => {
    const { request, response } = message as SentResponse;
    // Middleware before passport.session(), such as express.static, needs no user, and an error has its own message. The
    // user of a callback request is there without the session.
    if (request.route === undefined || response.statusCode >= 300 || callbackDuration(request) !== undefined)
      return;
    // Another app in this process has other sessions.
    if (request.sessionStore !== sessionStore || serializedUser(request) === undefined) return;
    if (!(runtime.options.sessionKey in request.session)) return;
    unsubscribe(channel, onSent);
    if (!hasUnrestoredUser(request)) return;
    developmentHint(
      'missing_middleware',
      `${request.method} ${request.route.path} responded without the user who logged in with Polar: the session has one, but passport.session() did not run before this route. Add app.use(passport.session()) after the session and before the routes. If this route needs no user, ignore this.`,
    );
  };
  subscribe(channel, onSent);
}
