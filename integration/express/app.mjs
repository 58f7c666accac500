import { createPolarCore } from '@polar-sh/sdk/2026-10';
import { createProductsService } from '@polar-sh/sdk/2026-10/services/products';
import express from 'express';
import session from 'express-session';
import passport from 'passport';
import { PolarStrategy, polarTokens, requireLogin, sdkCore } from 'passport-polar-sh';
import { startPolarEmulator } from 'passport-polar-sh/emulator';
import { logInOnce } from './log-in.cjs';

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

await logInOnce(createApp, startPolarEmulator);
