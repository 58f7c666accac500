const express = require('express');
const session = require('express-session');
const passport = require('passport');
const { PolarStrategy, polarTokens, requireLogin } = require('passport-polar-sh');
const { startPolarEmulator } = require('passport-polar-sh/emulator');
const { logInOnce } = require('./log-in.cjs');

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

logInOnce(createApp, startPolarEmulator);
