import type { Express, RequestHandler } from 'express';
import { requireLogin } from 'passport-polar-sh';

/** What the README shows for Express 4, around the app of its quick start. */
export function addRoutes(app: Express): void {
  const route =
    (handler: RequestHandler): RequestHandler =>
    (req, res, next) =>
      Promise.resolve(handler(req, res, next)).catch(next);

  app.get(
    '/organizations',
    requireLogin({ loginPath: '/auth/polar' }),
    route(async (req, res) => {
      const response = await req.polar.fetch('/v1/organizations/');
      res.json(await response.json());
    }),
  );
}
