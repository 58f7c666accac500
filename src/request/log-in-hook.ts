import type { Request } from 'express';

/** `req.logIn`, with its arguments told apart; `done` is missing where a caller without sessions left it out. */
export type LogIn = (
  user: Express.User,
  options: { readonly session?: boolean },
  done: ((error?: unknown) => void) | undefined,
) => void;

/** What runs instead of `req.logIn`, given the plain one. */
export type LogInHook = (req: Request, logIn: LogIn) => LogIn;

type GivenLogIn = (user: Express.User, options: object, done?: (error?: unknown) => void) => void;
const plainLogIn = Symbol('passport-polar-sh.plain-log-in');
type HookedLogIn = GivenLogIn & { [plainLogIn]?: GivenLogIn };

const firstHook = Symbol('passport-polar-sh.log-in');
interface FirstHook {
  readonly hook: LogInHook;
  /** Missing until Passport has put `req.logIn` there. */
  readonly plain?: GivenLogIn;
}
type HookedRequest = Request & { [firstHook]?: FirstHook };

/** True when {@link hookLogIn} or {@link hookLogInOnceThere} has been called for this request. */
export function isLogInHooked(req: Request): boolean {
  return firstHook in req || (typeof req.logIn === 'function' && plainLogIn in req.logIn);
}

/**
 * Has `hook` run instead of this request's `req.logIn`. The last hook counts, until it is taken back with the function that is
 * returned.
 */
export function hookLogIn(req: Request, hook: LogInHook): () => void {
  const given = req.logIn as HookedLogIn;
  const plain =
    (given === logInAsHooked ? (req as HookedRequest)[firstHook]?.plain : given[plainLogIn]) ?? given;
  const logIn: HookedLogIn = (user, optionsOrDone, done) =>
    runHook(hook, req, plain, user, optionsOrDone, done);
  logIn[plainLogIn] = plain;
  assignLogIn(req, logIn);
  return () => assignLogIn(req, given);
}

/** The same where Passport may put `req.logIn` on the request only later: when its middleware runs. */
export function hookLogInOnceThere(req: HookedRequest, hook: LogInHook): void {
  if (typeof req.logIn === 'function') {
    hookFirst(req, hook);
    return;
  }
  req[firstHook] = { hook };
  Object.defineProperty(req, 'logIn', {
    configurable: true,
    get: () => undefined,
    set(plain: Request['logIn']) {
      setLogIn(req, plain);
      hookFirst(req, hook);
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

// One function for all requests: few requests log a user in, and separate functions would cost every request.
function hookFirst(req: HookedRequest, hook: LogInHook): void {
  req[firstHook] = { hook, plain: req.logIn as GivenLogIn };
  assignLogIn(req, logInAsHooked);
}

const logInAsHooked: GivenLogIn = function logIn(this: HookedRequest, user, optionsOrDone, done) {
  const { hook, plain } = this[firstHook] as Required<FirstHook>;
  runHook(hook, this, plain, user, optionsOrDone, done);
};

function runHook(
  hook: LogInHook,
  req: Request,
  plain: GivenLogIn,
  user: Express.User,
  optionsOrDone: object | undefined,
  done: ((error?: unknown) => void) | undefined,
): void {
  const hooked = hook(req, (who, options, then) => plain.call(req, who, options, then));
  if (typeof optionsOrDone === 'function') hooked(user, {}, optionsOrDone as never);
  else hooked(user, optionsOrDone ?? {}, done);
}

function assignLogIn(req: Request, value: unknown): void {
  req.logIn = value as Request['logIn'];
  req.login = value as Request['login'];
}

function setLogIn(req: Request, value: unknown): void {
  for (const name of ['logIn', 'login'])
    Object.defineProperty(req, name, { configurable: true, enumerable: true, writable: true, value });
}
