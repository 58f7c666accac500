import type { Request, Response } from 'express';
import { PolarLoginFailedError } from 'passport-polar-sh';

/** What the home page says once. */
export type Notice =
  | { readonly kind: 'cancelled' | 'still-logged-in' }
  | { readonly kind: 'logged-out'; readonly loginId: string };

// A cookie, because visitors who are not logged in have no session. It is no credential.
const cookieName = 'notice';
const maxAgeMs = 60_000;
const pattern = new RegExp(
  `(?:^|; )${cookieName}=(cancelled|still-logged-in|logged-out\\.([\\w-]{1,100}))(?:;|$)`,
);

/** Leaves a notice for the next page. */
export function leaveNotice(req: Request, res: Response, notice: Notice): void {
  const value = 'loginId' in notice ? `${notice.kind}.${notice.loginId}` : notice.kind;
  res.cookie(cookieName, value, { httpOnly: true, sameSite: 'lax', secure: req.secure, maxAge: maxAgeMs });
}

/** Returns the notice that the last request left, and removes it. */
export function takeNotice(req: Request, res: Response): Notice | undefined {
  const [, kind, loginId] = pattern.exec(req.get('cookie') ?? '') ?? [];
  if (kind === undefined) return undefined;
  res.clearCookie(cookieName);
  return loginId === undefined ? { kind: kind as 'cancelled' } : { kind: 'logged-out', loginId };
}

/** The notice for a failed login that nobody needs to worry about. */
export function noticeInsteadOf(error: unknown, req: Request): Notice | undefined {
  if (!(error instanceof PolarLoginFailedError)) return undefined;
  if (error.code === 'access_denied') return { kind: 'cancelled' };
  // The address of an earlier callback, opened again.
  const isStale = /^(attempt|callback|state)_/.test(error.code);
  return isStale && req.user !== undefined ? { kind: 'still-logged-in' } : undefined;
}
