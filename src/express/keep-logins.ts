import type { Request } from 'express';
import type { EndableLogin, PolarRuntime } from '../composition.js';
import { developmentHint } from '../development-hint.js';
import { publish } from '../diagnostics.js';
import { beforeFirstSaveAfterRegenerate } from '../first-save.js';
import { hookLogInOnceThere, isLogInHooked, type LogInHook } from '../log-in.js';
import { waitingKeyOf } from '../logins.js';
import { callBack } from '../own-fault.js';
import { loggedInUser, serializedUser } from '../request-session.js';
import { entryText } from '../tokens/entry-text.js';

/**
 * Returns a function that makes a request's `req.logIn` carry the login with Polar over into the session that it regenerates:
 * when the app logs the same person in again, with a changed profile or after a second factor, and when it logs in the
 * person for whom the login waits. Anybody else's login ends, in every process.
 */
export function keepLoginsAtLogIn(runtime: PolarRuntime): (req: Request) => void {
  const hook: LogInHook = (req, logIn) => (user, options, done) => {
    const logins = options.session === false || !req.session ? [] : runtime.loginsIn(req);
    if (logins.length === 0 || done === undefined) return logIn(user, options, done);
    const userBefore = loggedInUser(req);
    const kept = new Map<string, EndableLogin>();
    const sessionBefore = req.session;
    beforeFirstSaveAfterRegenerate(req, async (session) => {
      const userNow = serializedUser(req);
      // What waits is newer than what is there.
      const newestLast = [...logins].sort(
        (one, two) => Number(!!one.entry.waiting) - Number(!!two.entry.waiting),
      );
      for (const login of newestLast) {
        // With `keepSessionInfo`, Passport has brought it along.
        delete session[login.storedAs];
        if (login.staysWith(userBefore, userNow)) kept.set(login.sessionKey, login);
        else if (login.isOf(userBefore)) hintAtUserKey(userBefore, userNow);
      }
      for (const [sessionKey, login] of kept) {
        const { waiting, ...entry } = login.entry;
        session[sessionKey] = entryText(entry);
        if (waiting?.returnTo !== undefined) session['returnTo'] = waiting.returnTo;
      }
    });
    logIn(user, options, (error) => {
      const stays = (login: EndableLogin): boolean => kept.get(login.sessionKey) === login;
      // The browser gets another session, also where the store failed. Nobody waits for the end of what it lost.
      if (req.session !== sessionBefore)
        for (const login of logins) if (!stays(login)) login.end('replaced').catch(() => {});
      for (const { entry, loginId } of kept.values())
        if (entry.waiting && !error) publish('login', { event: 'logged-in', loginId });
      callBack(req, () => done(error));
    });
  };
  return (req) => {
    // By another strategy's middleware: one does it for all.
    if (!isLogInHooked(req)) hookLogInOnceThere(req, hook);
  };
}

/** Ends a login that waits in the session for its user, and has waited for too long. */
export function endForgottenLogin(runtime: PolarRuntime, req: Request): void {
  const session = (req as { session?: unknown }).session as Record<string, unknown> | undefined;
  const key = waitingKeyOf(runtime.options.sessionKey);
  if (session?.[key] === undefined) return;
  for (const login of runtime.loginsIn(req)) {
    if (login.storedAs !== key || !login.isForgotten()) continue;
    delete session[key];
    login.end('abandoned').catch(() => {});
  }
}

// Two users of one id may be two people, of two tables say, so only the developer can know.
function hintAtUserKey(before: unknown, now: unknown): void {
  const idOf = (user: unknown): unknown => (user as { id?: unknown } | null | undefined)?.id;
  if (idOf(before) === undefined || idOf(before) !== idOf(now)) return;
  developmentHint(
    'req.login ended the login with Polar, since the serialized user has changed. The id is the same: if it names one person, tell the strategy with userKey: (user) => user.id.',
  );
}
