import type { Request } from 'express';

/** `req.logIn`, with its arguments told apart; `done` is missing where a caller without sessions left it out. */
export type LogIn = (
  user: Express.User,
  options: { readonly session?: boolean },
  done: ((error?: unknown) => void) | undefined,
) => void;

type GivenLogIn = (user: Express.User, options: object, done?: (error?: unknown) => void) => void;
const plainLogIn = Symbol('passport-polar-sh.plain-log-in');
const isAwaited = Symbol('passport-polar-sh.is-log-in-awaited');
type HookedLogIn = GivenLogIn & { [plainLogIn]?: GivenLogIn };

/** True when {@link hookLogIn} or {@link hookLogInOnceThere} has been called for this request. */
export function isLogInHooked(req: Request): boolean {
  return isAwaited in req || (typeof req.logIn === 'function' && plainLogIn in req.logIn);
}

/**
 * Has `hook` run instead of this request's `req.logIn`, which it is given. The last hook counts, until it is taken back with
 * the function that is returned.
 */
export function hookLogIn(req: Request, hook: (logIn: LogIn) => LogIn): () => void {
  const given = req.logIn as HookedLogIn;
  const plain = given[plainLogIn] ?? given;
  const hooked = hook((user, options, done) => plain.call(req, user, options, done));
  const logIn: HookedLogIn = (user, optionsOrDone, done) => {
    if (typeof optionsOrDone === 'function') hooked(user, {}, optionsOrDone as never);
    else hooked(user, optionsOrDone ?? {}, done);
  };
  logIn[plainLogIn] = plain;
  assignLogIn(req, logIn);
  return () => assignLogIn(req, given);
}

/** The same where Passport may put `req.logIn` on the request only later: when its middleware runs. */
export function hookLogInOnceThere(req: Request, hook: (logIn: LogIn) => LogIn): void {
  if (typeof req.logIn === 'function') return void hookLogIn(req, hook);
  Object.defineProperty(req, isAwaited, { value: true });
  Object.defineProperty(req, 'logIn', {
    configurable: true,
    get: () => undefined,
    set(plain: Request['logIn']) {
      setLogIn(req, plain);
      hookLogIn(req, hook);
      // Passport goes on to write the same function under its other name.
      Object.defineProperty(req, 'login', {
        configurable: true,
        get: () => req.logIn,
        set(value: Request['logIn']) {
          if (value !== plain) setLogIn(req, value);
        },
      });
    },
  });
}

function assignLogIn(req: Request, value: unknown): void {
  req.logIn = value as Request['logIn'];
  req.login = value as Request['login'];
}

function setLogIn(req: Request, value: unknown): void {
  for (const name of ['logIn', 'login'])
    Object.defineProperty(req, name, { configurable: true, enumerable: true, writable: true, value });
}
