import type { Response } from 'express';

/**
 * Keeps a response out of every cache (RFC 9111, 5.2.2.5), whatever the app says of its pages in general: a redirect to
 * Polar that is replayed names a login that is over, and a response of the callback belongs to one person.
 */
export function noStore(res: Response | undefined): void {
  if (res !== undefined && !res.headersSent) res.setHeader('Cache-Control', 'no-store');
}
