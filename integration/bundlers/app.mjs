import assert from 'node:assert/strict';
import express from 'express';
import session from 'express-session';
import passport from 'passport';
import {
  PolarAuthorizationError,
  PolarConfigurationError,
  PolarError,
  PolarIdTokenError,
  PolarInsufficientScopeError,
  PolarLoginFailedError,
  PolarLoginRequiredError,
  PolarOAuthError,
  PolarResponseError,
  PolarStrategy,
  PolarTransientError,
  polarTokens,
  requireLogin,
} from 'passport-polar-sh';
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
  app.get('/me', requireLogin({ loginPath: '/auth/polar' }), async (req, res) => {
    const response = await req.polar.fetch('/v1/organizations/');
    const { items } = await response.json();
    res.json({ email: req.user.emails[0].value, organizations: items });
  });
  return app;
}

// What ends up in logs: bundlers give the classes other names.
const errors = {
  PolarAuthorizationError,
  PolarConfigurationError,
  PolarError,
  PolarIdTokenError,
  PolarInsufficientScopeError,
  PolarLoginFailedError,
  PolarLoginRequiredError,
  PolarOAuthError,
  PolarResponseError,
  PolarTransientError,
};
for (const [name, AnError] of Object.entries(errors)) {
  const error = new AnError('timeout', {}, {});
  assert.equal(error.name, name);
  assert.ok(error instanceof PolarError);
}

logInOnce(createApp, startPolarEmulator);
