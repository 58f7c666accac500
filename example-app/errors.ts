import type { ErrorRequestHandler, Request, RequestHandler } from 'express';
import { PolarError, PolarLoginFailedError } from 'passport-polar-sh';
import { leaveNotice, noticeInsteadOf } from './notices.js';
import { errorPage } from './pages/error-page.js';

/** An error as shown to users and scripts. */
export interface PublicError {
  /** True for a login that failed. */
  readonly isFailedLogin?: boolean;
  readonly status: number;
  readonly code: string;
  readonly message: string;
}

/** True for a browser that opens a page: it accepts HTML, while scripts send `*\/*`. */
export function wantsPage(req: Request): boolean {
  return /\btext\/html\b/i.test(req.get('accept') ?? '');
}

/** Handles paths without a route. */
export const notFound: RequestHandler = (_req, _res, next) => {
  next(Object.assign(new Error('This page does not exist.'), { status: 404, code: 'not_found' }));
};

/** Responds to errors with a page for users or JSON for scripts, never with a stack or an internal message. */
export const answerError: ErrorRequestHandler = (error, req, res, next) => {
  const notice = noticeInsteadOf(error, req);
  if (notice !== undefined && wantsPage(req) && !res.headersSent) {
    leaveNotice(req, res, notice);
    return res.redirect(303, '/');
  }
  const answer = publicError(error);
  if (answer.status >= 500) console.error(error);
  if (res.headersSent) return next(error);
  res.status(answer.status);
  if (wantsPage(req)) res.send(errorPage(answer, res.locals['nonce']));
  else res.json({ error: { code: answer.code, message: answer.message } });
};

/** Returns what may be shown. */
export function publicError(error: unknown): PublicError {
  const { status, code, message } = (error ?? {}) as { status?: unknown; code?: unknown; message?: unknown };
  const known = typeof status === 'number' && status >= 400 && status <= 599 ? status : 500;
  // What happened at Polar is for the log: users can only try again.
  if (error instanceof PolarError && known > 500)
    return {
      status: known,
      code: error.code,
      message: 'Polar does not respond as it should. Nothing has changed here: try again in a minute.',
    };
  // Errors of this app with a code, and those of the package with a 4xx status, are written for users.
  if (known !== 500 && typeof code === 'string') {
    const isFailedLogin = error instanceof PolarLoginFailedError;
    return { status: known, code, message: String(message), isFailedLogin };
  }
  if (known < 500) return { status: known, code: 'bad_request', message: 'This request is invalid.' };
  return {
    status: known,
    code: error instanceof PolarError ? String(code) : 'internal_error',
    message: 'Something went wrong. See the log of the app.',
  };
}
