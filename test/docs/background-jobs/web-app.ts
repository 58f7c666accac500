/** The web app whose people the jobs work for: sessions, users and tokens in one PostgreSQL. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import pgSession from 'connect-pg-simple';
import express, { type ErrorRequestHandler } from 'express';
import session from 'express-session';
import { Passport } from 'passport';
import {
  logout,
  type PolarError,
  type PolarStrategy,
  type PolarStrategyOptions,
  polarTokens,
} from 'passport-polar-sh';
import type { PolarEmulator } from 'passport-polar-sh/emulator';
import type { Pool } from 'pg';
import { Browser } from '../../support/browser.js';
import { closeServer } from '../../support/test-app.js';
import { createPolar } from './polar.js';

export interface WebApp {
  /** What the job of this app is made with, too. */
  readonly options: PolarStrategyOptions;
  browser(): Browser;
  close(): Promise<void>;
}

export async function startWebApp(
  db: Pool,
  emulator: PolarEmulator,
  changes: Partial<PolarStrategyOptions>,
): Promise<WebApp> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const options = { ...emulator.strategyOptions(`${url}/auth/polar/callback`), ...changes };
  server.on('request', appOf(db, createPolar(db, options)));
  return { options, browser: () => new Browser(url), close: () => closeServer(server) };
}

function appOf(db: Pool, polar: PolarStrategy) {
  const passport = new Passport();
  passport.use(polar);
  passport.serializeUser((user, done) => done(null, (user as { id: number }).id));
  passport.deserializeUser((id, done) => {
    db.query('SELECT id, email FROM users WHERE id = $1', [id]).then(({ rows }) => done(null, rows[0]), done);
  });
  const store = new (pgSession(session))({ pool: db, pruneSessionInterval: false });
  const app = express();
  app.use(session({ secret: 'only for tests', resave: false, saveUninitialized: false, store }));
  app.use(passport.session(), polarTokens(polar));
  app.get('/auth/polar', passport.authenticate('polar'));
  app.get('/auth/polar/callback', passport.authenticate('polar', { successRedirect: '/token' }));
  app.get('/token', async (req, res) => void res.json({ accessToken: await req.polar.getAccessToken() }));
  app.post('/logout', logout(polar, { redirectTo: '/' }));
  const answerError: ErrorRequestHandler = (error: PolarError, _req, res, _next) =>
    void res.status(error.status ?? 500).json({ code: error.code, message: error.message });
  app.use(answerError);
  return app;
}
