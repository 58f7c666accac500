import express from 'express';
import session from 'express-session';
import passport from 'passport';
import { PolarStrategy, polarTokens, requireLogin } from 'passport-polar-sh';
import { startPolarEmulator } from 'passport-polar-sh/emulator';
import { logInOnce } from './log-in.cjs';

function createApp(options) {
  const polar = new PolarStrategy({ ...options, scope: ['openid', 'email', 'organizations:read'] });
  passport.use(polar);
  passport.serializeUser((user, done) => done(null, user));
  passport.deserializeUser((user, done) => done(null, user));

  const app = express();
  app.use(session({ secret: 'only a test', resave: false, saveUninitialized: false }));
  app.use(passport.session(), polarTokens(polar));
  app.get('/auth/polar', passport.authenticate('polar'));
  app.get(
    '/auth/polar/callback',
    passport.authenticate('polar', { successRedirect: '/me', failWithError: true }),
  );
  app.get('/me', requireLogin({ loginPath: '/auth/polar' }), (req, res, next) => {
    req.polar
      .fetch('/v1/organizations/')
      .then((answer) => answer.json())
      .then(({ items }) => res.json({ email: req.user.emails[0].value, organizations: items }))
      .catch(next);
  });
  return app;
}

await logInOnce(createApp, startPolarEmulator);
