import type { Request, Response } from 'express';
import { callBack } from './app-callbacks.js';

/**
 * Runs async work before the response ends, so that express-session saves what the work puts into the session. As with
 * express-session, `res.end` returns at once and the response is sent a little later.
 */
export function beforeEnd(req: Request, isNeeded: () => boolean, work: () => Promise<void>): void {
  const { res } = req;
  if (res === undefined) return;
  const end = res.end as (...args: unknown[]) => typeof res;
  res.end = ((...args: unknown[]) => {
    const { statusCode } = res;
    const headers = { ...res.getHeaders() };
    const endNow = (): void => {
      res.end = end as typeof res.end;
      if (!res.headersSent) restore(res, statusCode, headers);
      callBack(req, () => void end.apply(res, args));
    };
    if (!isNeeded()) {
      res.end = end as typeof res.end;
      return end.apply(res, args);
    }
    // A second call while the work runs has nothing to add.
    res.end = (() => res) as typeof res.end;
    work().then(endNow, endNow);
    return res;
  }) as typeof res.end;
}

/** Undoes the status and headers that a second response set meanwhile; its body is never sent. */
function restore(res: Response, statusCode: number, headers: ReturnType<Response['getHeaders']>): void {
  res.statusCode = statusCode;
  for (const name of Object.keys(res.getHeaders())) if (!Object.hasOwn(headers, name)) res.removeHeader(name);
  for (const [name, value] of Object.entries(headers)) if (value !== undefined) res.setHeader(name, value);
}

/**
 * Keeps a response out of every cache (RFC 9111 section 5.2.2.5), whatever the app's default for its pages: a cached redirect to
 * Polar starts a login attempt that is over, and a response of the callback route belongs to one user.
 */
export function noStore(res: Response | undefined): void {
  if (res !== undefined && !res.headersSent) res.setHeader('Cache-Control', 'no-store');
}
