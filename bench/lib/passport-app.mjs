import express from 'express';
import session from 'express-session';
import { Passport } from 'passport';
import { sessionSecret } from './client.mjs';

/**
 * Express, express-session and Passport as their documentation sets them up: the user is in the session.
 *
 * @param {import('express-session').Store} store
 */
export function passportApp(store) {
  const passport = new Passport();
  passport.serializeUser((user, done) => done(null, user));
  passport.deserializeUser((user, done) => done(null, /** @type {Express.User} */ (user)));
  const app = express();
  app.use(session({ secret: sessionSecret, store, resave: false, saveUninitialized: false }));
  app.use(passport.session());
  return { app, passport };
}
