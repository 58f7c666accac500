import type { Response } from 'express';

/**
 * Keeps a response out of every cache (RFC 9111 section 5.2.2.5), whatever the app's default for its pages: a cached redirect to
 * Polar starts a login attempt that is over, and a response of the callback route belongs to one user.
 */
export function noStore(res: Response | undefined): void {
  if (res !== undefined && !res.headersSent) res.setHeader('Cache-Control', 'no-store');
}
