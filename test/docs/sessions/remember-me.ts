import { Router } from 'express';
import type passport from 'passport';

const thirtyDays = 30 * 24 * 60 * 60 * 1000;

/** Without the box, the session ends with the browser. Give express-session's `cookie` no `maxAge`. */
export function rememberMeRoutes(authenticator: passport.Authenticator): Router {
  const routes = Router();
  routes.get('/log-in', (_req, res) => {
    res.type('html').send(`
      <form action="/auth/polar">
        <label><input type="checkbox" name="remember" value="yes"> Stay logged in on this device</label>
        <button>Log in with Polar</button>
      </form>`);
  });
  routes.get('/auth/polar', (req, res, next) => {
    const appState = { remember: req.query['remember'] === 'yes' };
    authenticator.authenticate('polar', { appState })(req, res, next);
  });
  routes.get(
    '/auth/polar/callback',
    authenticator.authenticate('polar', { failWithError: true }),
    (req, res) => {
      const { state } = req.authInfo as { state?: { remember?: boolean } };
      if (state?.remember) req.session.cookie.maxAge = thirtyDays;
      res.redirect('/');
    },
  );
  return routes;
}
