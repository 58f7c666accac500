import type { ErrorRequestHandler, Request, RequestHandler } from 'express';
import { PolarError, PolarLoginFailedError } from 'passport-polar-sh';
import { errorPage } from './pages/error-page.js';

/** What people and scripts are told about an error. */
export interface PublicError {
  /** True where somebody wanted to log in and is not. */
  readonly isFailedLogin?: boolean;
  readonly status: number;
  readonly code: string;
  readonly message: string;
}

/** Browsers that open a page name HTML; `*\/*` is what scripts send. */
export function wantsPage(req: Request): boolean {
  return /\btext\/html\b/i.test(req.get('accept') ?? '');
}

/** For addresses that no route answers. */
export const notFound: RequestHandler = (_req, _res, next) => {
  next(Object.assign(new Error('There is nothing at this address.'), { status: 404, code: 'not_found' }));
};

/** Answers errors: a page for people, JSON for scripts; never a stack, and never a message that was not meant for them. */
export const answerError: ErrorRequestHandler = (error, req, res, next) => {
  const answer = publicError(error);
  if (answer.status >= 500) console.error(error);
  if (res.headersSent) return next(error);
  res.status(answer.status);
  if (wantsPage(req)) res.send(errorPage(answer, res.locals['nonce']));
  else res.json({ error: { code: answer.code, message: answer.message } });
};

/** What may be told. */
export function publicError(error: unknown): PublicError {
  const { status, code, message } = (error ?? {}) as { status?: unknown; code?: unknown; message?: unknown };
  const known = typeof status === 'number' && status >= 400 && status <= 599 ? status : 500;
  // No PolarError has a token in its message, and errors with a status of 4xx are made to be read.
  if (error instanceof PolarError || (known !== 500 && typeof code === 'string')) {
    const isFailedLogin = error instanceof PolarLoginFailedError;
    return { status: known, code: String(code), message: String(message), isFailedLogin };
  }
  if (known < 500) return { status: known, code: 'bad_request', message: 'This request makes no sense.' };
  return {
    status: known,
    code: 'internal_error',
    message: 'Something went wrong here. The log of the app says more.',
  };
}
