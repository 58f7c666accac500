import type { Request } from 'express';
import type { EndableLogin, PolarRuntime } from '../composition.js';
import { beforeFirstSaveAfterRegenerate } from '../first-save.js';
import { hookLogIn, isLogInHooked } from '../log-in.js';
import { callBack } from '../own-fault.js';
import { loggedInUser, serializedUser } from '../request-session.js';

/**
 * Has `req.logIn` carry the login with Polar into the session that it regenerates, when the app logs the same person in
 * again, with a changed profile or after a second factor. Of anybody else it ends, in every process.
 */
export function keepLoginsAtLogIn(runtime: PolarRuntime, req: Request): void {
  // By another strategy's middleware: one does it for all.
  if (isLogInHooked(req)) return;
  hookLogIn(req, (logIn) => (user, options, done) => {
    const logins = options.session === false || !req.session ? [] : runtime.loginsIn(req);
    if (logins.length === 0 || done === undefined) return logIn(user, options, done);
    const userBefore = loggedInUser(req);
    const kept = new Set<EndableLogin>();
    const sessionBefore = req.session;
    beforeFirstSaveAfterRegenerate(req, async (session) => {
      const userNow = serializedUser(req);
      for (const login of logins) {
        if (login.isOf(userBefore) && login.isOf(userNow)) kept.add(login);
        if (kept.has(login)) session[login.sessionKey] = login.entry;
        // With `keepSessionInfo`, Passport has brought it along.
        else delete session[login.sessionKey];
      }
    });
    logIn(user, options, (error) => {
      // The browser gets another session, also where the store failed. Nobody waits for the end of what it lost.
      if (req.session !== sessionBefore)
        for (const login of logins) if (!kept.has(login)) login.end().catch(() => {});
      callBack(req, () => done(error));
    });
  });
}
