import express from 'express';
import session from 'express-session';
import { Passport } from 'passport';
import {
  logout,
  PolarStrategy,
  type PolarStrategyOptions,
  polarTokens,
  requireLogin,
} from 'passport-polar-sh';

export function createApp(polarOptions: PolarStrategyOptions) {
  const polar = new PolarStrategy({ ...polarOptions, scope: ['openid', 'email', 'organizations:read'] });
  const passport = new Passport(); // not the global one, so that tests can have several apps
  passport.use(polar);
  passport.serializeUser((user, done) => done(null, user));
  passport.deserializeUser((user, done) => done(null, user as Express.User));

  const app = express();
  app.use(session({ secret: 'from the environment', resave: false, saveUninitialized: false }));
  app.use(passport.session(), polarTokens(polar));
  app.get('/auth/polar', passport.authenticate('polar'));
  app.get(
    '/auth/polar/callback',
    passport.authenticate('polar', { successReturnToOrRedirect: '/me', failWithError: true }),
  );
  app.get('/', (_req, res) => void res.send('<a href="/auth/polar">Log in with Polar</a>'));
  app.get('/me', requireLogin({ loginPath: '/auth/polar' }), (req, res) => void res.json(req.user));
  app.get('/organizations', requireLogin({ loginPath: '/auth/polar' }), async (req, res) => {
    const response = await req.polar.fetch('/v1/organizations/');
    res.json(await response.json());
  });
  app.post('/logout', logout(polar, { redirectTo: '/' }));
  return app;
}
