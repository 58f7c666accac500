import type { NextFunction, Request, RequestHandler, Response } from 'express';

/**
 * Rejects state-changing requests that come from another site. Browsers send the origin of a request in
 * `Sec-Fetch-Site` and `Origin`, which no page can forge. Scripts send neither, and no cookies of a browser: they are
 * accepted.
 *
 * @param ownOrigin where browsers reach this app, such as `https://app.example.com`
 */
export function refuseOtherSites(ownOrigin: string): RequestHandler {
  return function refuseOtherSites(req: Request, _res: Response, next: NextFunction): void {
    if (isRead(req) || isFromHere(req, ownOrigin)) next();
    else
      next(
        Object.assign(new Error('This request came from another site.'), {
          status: 403,
          code: 'cross_site_request',
        }),
      );
  };
}

function isRead({ method }: Request): boolean {
  return method === 'GET' || method === 'HEAD' || method === 'OPTIONS';
}

function isFromHere(req: Request, ownOrigin: string): boolean {
  const site = req.get('sec-fetch-site');
  // `same-site` is not enough: every port of localhost is the same site.
  if (site !== undefined && site !== 'same-origin' && site !== 'none') return false;
  const origin = req.get('origin');
  return origin === undefined || origin === ownOrigin || origin === `${req.protocol}://${req.get('host')}`;
}
