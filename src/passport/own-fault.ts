import type { Request } from 'express';

/**
 * What the app's own code (a custom callback of `passport.authenticate`) has thrown goes to `next`, as it would from a
 * route: nobody may be able to end the process by coming back with an error.
 */
export function ownFault(req: Request, thrown: unknown): void {
  if (typeof req.next !== 'function') throw thrown;
  req.next(thrown);
}
