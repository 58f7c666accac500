import { AsyncResource } from 'node:async_hooks';
import type { Request } from 'express';
import { publish } from '../diagnostics.js';
import type { FoundLogin } from '../logins/all-session-logins.js';
import { waitingKeyOf } from '../logins/session-logins.js';
import { callBack } from '../request/app-callbacks.js';
import { hookLogInOnceThere, isLogInHooked, type LogInHook } from '../request/log-in-hook.js';
import { loggedInUser, serializedUser } from '../request/session.js';
import { beforeFirstSaveAfterRegenerate } from '../request/session-save-hook.js';
import type { PolarRuntime } from '../runtime.js';
import { entryText } from '../tokens/entry-text.js';
import { developmentHint } from '../warnings.js';

/**
 * Returns a function that hooks `req.logIn` of a request. If the app logs the same user in again, with a changed profile or after
 * a second factor, the hook carries the login with Polar into the regenerated session; a waiting login whose user is now logged
 * in goes there too. The logins of any other user end, in every process.
 */
export function keepLoginsAtLogIn(runtime: PolarRuntime): (req: Request) => void {
  const hook: LogInHook = (req, logIn) => (user, options, done) => {
    const logins = options.session === false || !req.session ? [] : runtime.allLogins.of(req);
    if (logins.length === 0 || done === undefined) return logIn(user, options, done);
    const userBefore = loggedInUser(req);
    const { elapsedMs } = runtime.options;
    const startedAt = elapsedMs();
    const kept = new Map<string, FoundLogin>();
    const sessionBefore = req.session;
    beforeFirstSaveAfterRegenerate(req, async (session) => {
      const userNow = serializedUser(req);
      // A waiting login is newer than the current one.
      const newestLast = [...logins].sort(
        (one, two) => Number(!!one.entry.waiting) - Number(!!two.entry.waiting),
      );
      for (const login of newestLast) {
        // With `keepSessionInfo`, Passport has copied it.
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
    // A session store may call back in the async context of another request.
    const loggedIn = AsyncResource.bind(async (error?: unknown) => {
      const stays = (login: FoundLogin): boolean => kept.get(login.sessionKey) === login;
      // The browser gets another session even if the store failed.
      const lost = req.session === sessionBefore ? [] : logins.filter((login) => !stays(login));
      await Promise.all(lost.map((login) => login.recordEnd('replaced')));
      for (const { entry, loginId } of kept.values())
        if (entry.waiting && !error)
          publish('login', { event: 'logged-in', loginId, durationMs: elapsedMs() - startedAt });
      callBack(req, () => done(error));
    });
    logIn(user, options, loggedIn);
  };
  return (req) => {
    // The middleware of another strategy may have hooked it already: one hook serves all strategies.
    if (!isLogInHooked(req)) hookLogInOnceThere(req, hook);
  };
}

/** Ends a login in the session that has waited too long for the app to log its user in. */
export function endForgottenLogin(runtime: PolarRuntime, req: Request): void {
  const session = (req as { session?: unknown }).session as Record<string, unknown> | undefined;
  const key = waitingKeyOf(runtime.options.sessionKey);
  if (session?.[key] === undefined) return;
  for (const login of runtime.allLogins.of(req)) {
    if (login.storedAs !== key || !login.isForgotten()) continue;
    delete session[key];
    login.end('abandoned').catch(() => {});
  }
}

// Two users with the same id may be different people, for example from two tables; only the developer knows.
function hintAtUserKey(before: unknown, now: unknown): void {
  const idOf = (user: unknown): unknown => (user as { id?: unknown } | null | undefined)?.id;
  if (idOf(before) === undefined || idOf(before) !== idOf(now)) return;
  developmentHint(
    'user_key_missing',
    'req.login ended the login with Polar, because the serialized user changed. Its id is the same: if the id identifies users, set userKey: (user) => user.id.',
  );
}
