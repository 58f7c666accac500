import express, { type Express } from 'express';
import session, { type Store } from 'express-session';
import { Passport } from 'passport';
import {
  logout,
  PolarStrategy,
  type PolarStrategyOptions,
  polarTokens,
  requireLogin,
} from 'passport-polar-sh';
import type { User, Users } from './users.js';

export function createApp(users: Users, store: Store, options: PolarStrategyOptions): Express {
  const polar = new PolarStrategy(
    { ...options, callbackURL: '/auth/polar/callback', scope: ['openid', 'email', 'organizations:read'] },
    // profile.id is `req.oidc.user.sub`, by which the app identified users before.
    ({ profile }) => users.findOrCreate(profile.id, profile.emails?.[0]?.value),
  );
  const passport = new Passport();
  passport.use(polar);
  passport.serializeUser((user, done) => done(null, (user as User).id));
  passport.deserializeUser((id: unknown, done) => {
    users.byId(String(id)).then((user) => done(null, user ?? false), done);
  });

  const app = express();
  app.use(session({ secret: 'from the environment', store, resave: false, saveUninitialized: false }));
  app.use(passport.session(), polarTokens(polar));

  app.get('/auth/polar', passport.authenticate('polar'));
  app.get(
    '/auth/polar/callback',
    passport.authenticate('polar', { successReturnToOrRedirect: '/me', failWithError: true }),
  );
  app.get('/me', requireLogin({ loginPath: '/auth/polar' }), (req, res) => void res.json(req.user));
  app.get('/organizations', requireLogin({ loginPath: '/auth/polar' }), async (req, res) => {
    const response = await req.polar.fetch('/v1/organizations/');
    res.status(response.status).json(await response.json());
  });
  app.post('/logout', logout(polar, { redirectTo: '/' }));
  return app;
}
