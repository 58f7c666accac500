import type { Request } from 'express';

/** `req.logIn`, with its arguments told apart; `done` is missing where a caller without sessions left it out. */
export type LogIn = (
  user: Express.User,
  options: { readonly session?: boolean },
  done: ((error?: unknown) => void) | undefined,
) => void;

type GivenLogIn = (user: Express.User, options: object, done?: (error?: unknown) => void) => void;
const plainLogIn = Symbol('passport-polar-sh.plain-log-in');
type HookedLogIn = GivenLogIn & { [plainLogIn]?: GivenLogIn };

/** True when {@link hookLogIn} has been called for this request, or Passport has no `logIn` on it. */
export function isLogInHooked(req: Request): boolean {
  return typeof req.logIn !== 'function' || plainLogIn in req.logIn;
}

/** Has `hook` run instead of this request's `req.logIn`, which it is given. The last hook counts. */
export function hookLogIn(req: Request, hook: (logIn: LogIn) => LogIn): void {
  const given = req.logIn as HookedLogIn;
  const plain = given[plainLogIn] ?? given;
  const hooked = hook((user, options, done) => plain.call(req, user, options, done));
  const logIn: HookedLogIn = (user, optionsOrDone, done) => {
    if (typeof optionsOrDone === 'function') hooked(user, {}, optionsOrDone as never);
    else hooked(user, optionsOrDone ?? {}, done);
  };
  logIn[plainLogIn] = plain;
  req.logIn = req.login = logIn as Request['logIn'];
}
