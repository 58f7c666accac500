import type { NextFunction, Request, Response } from 'express';
import { PolarInsufficientScopeError, PolarLoginRequiredError } from '../errors.js';
import { noStore } from '../no-store.js';
import { asError } from '../own-fault.js';
import { type LoginNeeds, toLogin, wantsPage } from './login-path.js';
import { whyNotLoggedIn } from './not-logged-in.js';
import { runtimeOfRequest } from './request-runtime.js';

/** Why a guard lets nobody through. */
export interface Refusal {
  readonly error: Error;
  /** What to log in with, where that can help; undefined where it cannot. */
  readonly login?: LoginNeeds | undefined;
}

/** Lets a request through, sends a page to log in where that can help, and hands the error on otherwise. */
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

/** The refusal where nobody is logged in with Polar. */
export async function unlessLoggedIn(req: Request, login: LoginNeeds): Promise<Refusal | undefined> {
  if (await req.polar.isLoggedIn()) return undefined;
  const error = whyNotLoggedIn(req);
  return { error, login: error instanceof PolarLoginRequiredError ? login : undefined };
}

/** The refusal where a login lacks scopes, of those that the page needs. */
export function lacksScopes(req: Request, missing: readonly string[], login: LoginNeeds): Refusal {
  const error = new PolarInsufficientScopeError(
    `This needs the scope ${missing.join(' and ')}, which was not granted at login. Log in again and agree to it; if that does not help, register it for the client at Polar.`,
    missing,
  );
  // What was asked for at the last login and not granted will not be granted now: the browser would go round in circles.
  const asked = runtimeOfRequest(req)?.loginOfUser(req)?.askedScopes ?? [];
  return { error, login: missing.some((scope) => !asked.includes(scope)) ? login : undefined };
}
