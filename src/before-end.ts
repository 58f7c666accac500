import type { Request, Response } from 'express';
import { callBack } from './own-fault.js';

/**
 * Does some work before the response of a request ends, so that what it puts into the session is saved with it. As with
 * express-session, `res.end` returns at once, and the response is sent a little later.
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
    // Whoever ends it a second time meanwhile has nothing to add.
    res.end = (() => res) as typeof res.end;
    work().then(endNow, endNow);
    return res;
  }) as typeof res.end;
}

/** Takes back what a second response has set, whose body is not sent. */
function restore(res: Response, statusCode: number, headers: ReturnType<Response['getHeaders']>): void {
  res.statusCode = statusCode;
  for (const name of Object.keys(res.getHeaders())) if (!Object.hasOwn(headers, name)) res.removeHeader(name);
  for (const [name, value] of Object.entries(headers)) if (value !== undefined) res.setHeader(name, value);
}
