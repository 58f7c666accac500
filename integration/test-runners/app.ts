import express from 'express';
import session from 'express-session';
import { Passport } from 'passport';
import { PolarStrategy, type PolarStrategyOptions, polarTokens, requireLogin } from 'passport-polar-sh';

export function createApp(options: PolarStrategyOptions) {
  const polar = new PolarStrategy({ ...options, scope: ['openid', 'email', 'organizations:read'] });
  const passport = new Passport(); // not the global one, so that tests can have several apps
  passport.use(polar);
  passport.serializeUser((user, done) => done(null, user));
  passport.deserializeUser((user, done) => done(null, user as Express.User));

  const app = express();
  app.use(session({ secret: 'only a test', resave: false, saveUninitialized: false }));
  app.use(passport.session(), polarTokens(polar));
  app.get('/auth/polar', passport.authenticate('polar'));
  app.get(
    '/auth/polar/callback',
    passport.authenticate('polar', { successRedirect: '/me', failWithError: true }),
  );
  app.get('/me', requireLogin({ loginPath: '/auth/polar' }), async (req, res) => {
    const response = await req.polar.fetch('/v1/organizations/');
    const { items } = (await response.json()) as { items: unknown[] };
    res.json({ ...req.user, organizations: items });
  });
  return app;
}
