/** The README's quick start as a function of the server; a test compares it with the README. */
import express, { type ErrorRequestHandler } from 'express';
import session from 'express-session';
import passport from 'passport';
import {
  logout,
  PolarError,
  type PolarServer,
  PolarStrategy,
  polarTokens,
  requireLogin,
} from 'passport-polar-sh';

export function quickStart(server: PolarServer) {
  const polar = new PolarStrategy({
    clientID: process.env.POLAR_CLIENT_ID!,
    clientSecret: process.env.POLAR_CLIENT_SECRET, // leave out for a public client
    callbackURL: '/auth/polar/callback',
    server, // 'sandbox' in the README; 'production' is the default
    scope: ['openid', 'email', 'organizations:read'],
  }); // no verify callback: req.user is the profile
  passport.use(polar);
  passport.serializeUser((user, done) => done(null, user));
  passport.deserializeUser((user, done) => done(null, user as Express.User));

  const app = express();
  app.use(session({ secret: process.env.SESSION_SECRET!, resave: false, saveUninitialized: false }));
  app.use(passport.session(), polarTokens(polar));

  app.get('/auth/polar', passport.authenticate('polar'));
  app.get(
    '/auth/polar/callback',
    passport.authenticate('polar', { successReturnToOrRedirect: '/', failWithError: true }),
  );
  app.get('/organizations', requireLogin({ loginPath: '/auth/polar' }), async (req, res) => {
    const response = await req.polar.fetch('/v1/organizations/'); // fresh token, one retry after a 401
    res.json(await response.json());
  });
  app.post('/logout', logout(polar, { redirectTo: '/' })); // revokes at Polar, ends the session

  const showFailure: ErrorRequestHandler = (error, _req, res, next) => {
    const isForPeople = error instanceof PolarError && error.status !== undefined && error.status < 500;
    if (!isForPeople) return next(error);
    res.status(error.status).type('text').send(error.message); // 'The login with Polar was cancelled.'
  };
  app.use(showFailure);
  return { app };
}
