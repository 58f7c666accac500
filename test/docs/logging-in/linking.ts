import { type RequestHandler, Router } from 'express';
import passport from 'passport';
import type { PolarProfile } from 'passport-polar-sh';

/** Two routes that add Polar to the account of the logged-in user. */
export function linkPolar(
  isLoggedIn: RequestHandler,
  link: (user: Express.User, polarId: string) => Promise<void>,
): Router {
  const routes = Router();
  // Another callback than the one that logs users in: register both.
  const callbackURL = '/connect/polar/callback';
  routes.get('/connect/polar', isLoggedIn, passport.authorize('polar', { callbackURL }));
  routes.get(
    callbackURL,
    isLoggedIn,
    passport.authorize('polar', { failWithError: true }),
    async (req, res) => {
      await link(req.user as Express.User, (req.account as PolarProfile).id);
      res.redirect('/settings');
    },
  );
  return routes;
}
