import type { NextFunction, Request, Response } from 'express';
import { PolarInsufficientScopeError, PolarLoginRequiredError } from '../errors.js';
import { noStore } from '../no-store.js';
import { asError } from '../own-fault.js';
import { type LoginNeeds, toLogin, wantsPage } from './login-path.js';
import { whyNotLoggedIn } from './not-logged-in.js';
import { runtimeOfRequest } from './request-runtime.js';

/** Why a guard refuses a request. */
export interface Refusal {
  readonly error: Error;
  /** What a new login must request; undefined if logging in again cannot help. */
  readonly login?: LoginNeeds | undefined;
}

/** Lets an accepted request through. Redirects a refused page request to the login if that can help, or passes on the error. */
export function guard(
  req: Request,
  res: Response,
  next: NextFunction,
  loginPath: string,
  refusalOf: (req: Request) => Promise<Refusal | undefined>,
): void {
  refusalOf(req)
    .then((refusal) => {
      if (refusal === undefined) return next();
      const { error, login } = refusal;
      if (login !== undefined && wantsPage(req)) return toLogin(req, res, next, { loginPath, ...login });
      noStore(res);
      return next(error);
    })
    .catch((thrown: unknown) => next(asError(thrown)));
}

/** The refusal of a request whose user is not logged in with Polar, if so. */
export async function unlessLoggedIn(req: Request, login: LoginNeeds): Promise<Refusal | undefined> {
  if (await req.polar.isLoggedIn()) return undefined;
  const error = whyNotLoggedIn(req);
  return { error, login: error instanceof PolarLoginRequiredError ? login : undefined };
}

/** The refusal of a login that lacks scopes which the page requires. */
export function lacksScopes(req: Request, missing: readonly string[], login: LoginNeeds): Refusal {
  const error = new PolarInsufficientScopeError(
    `This needs the scope ${missing.join(' and ')}, which was not granted at login. Log in again and agree to it; if that does not help, register it for the client at Polar.`,
    missing,
  );
  // A scope that the last login requested without success will not be granted now either: that would be a redirect loop.
  const asked = runtimeOfRequest(req)?.loginOfUser(req)?.askedScopes ?? [];
  return { error, login: missing.some((scope) => !asked.includes(scope)) ? login : undefined };
}
