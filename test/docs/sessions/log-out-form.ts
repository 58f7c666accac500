import { type RequestHandler, Router } from 'express';
import { logout, type PolarStrategy } from 'passport-polar-sh';

/** Rejects what a browser sends from another site, or from another host of this site. */
export function sameOriginOnly(ownOrigin: string): RequestHandler {
  return (req, res, next) => {
    const isOwn =
      req.get('sec-fetch-site') === undefined
        ? req.get('origin') === ownOrigin // browsers of before 2023
        : req.get('sec-fetch-site') === 'same-origin';
    if (isOwn) next();
    else res.status(403).type('text').send('This request came from another site.');
  };
}

/** @param ownOrigin where browsers find the app, such as `https://app.shop.example` */
export function logOutRoutes(polar: PolarStrategy, ownOrigin: string): Router {
  const routes = Router();
  routes.get('/account', (_req, res) => {
    res.set('Cache-Control', 'no-store').type('html');
    res.send('<form method="post" action="/logout"><button>Log out</button></form>');
  });
  routes.post('/logout', sameOriginOnly(ownOrigin), logout(polar, { redirectTo: '/' }));
  return routes;
}
