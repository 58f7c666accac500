import type { Request } from 'express';
import { callBack } from './own-fault.js';

/** Does some work before the response of a request ends, so that what it puts into the session is saved with it. */
export function beforeEnd(req: Request, isNeeded: () => boolean, work: () => Promise<void>): void {
  const { res } = req;
  if (res === undefined) return;
  const end = res.end as (...args: unknown[]) => typeof res;
  res.end = ((...args: unknown[]) => {
    res.end = end as typeof res.end;
    if (!isNeeded()) return end.apply(res, args);
    const endNow = (): void => callBack(req, () => void end.apply(res, args));
    work().then(endNow, endNow);
    return res;
  }) as typeof res.end;
}
