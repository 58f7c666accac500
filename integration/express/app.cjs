const { createPolarCore } = require('@polar-sh/sdk/2026-10');
const { createProductsService } = require('@polar-sh/sdk/2026-10/services/products');
const express = require('express');
const session = require('express-session');
const passport = require('passport');
const { PolarStrategy, polarTokens, requireLogin, sdkCore } = require('passport-polar-sh');
const { startPolarEmulator } = require('passport-polar-sh/emulator');
const { logInOnce } = require('./log-in.cjs');

function createApp(options) {
  const scope = ['openid', 'email', 'organizations:read', 'products:read'];
  const polar = new PolarStrategy({ ...options, scope });
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
    const products = createProductsService(sdkCore(req.polar, createPolarCore));
    const organizations = req.polar.fetch('/v1/organizations/').then((response) => response.json());
    Promise.all([organizations, products.list()])
      .then(([{ items }, { pagination }]) => {
        const [email] = req.user.emails;
        res.json({ email: email.value, organizations: items, products: pagination.total_count });
      })
      .catch(next);
  });
  return app;
}

logInOnce(createApp, startPolarEmulator);
