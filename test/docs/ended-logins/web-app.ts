/** A process of the web app whose logins end. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import pgSession from 'connect-pg-simple';
import express, { type ErrorRequestHandler } from 'express';
import session from 'express-session';
import passport from 'passport';
import { logout, type PolarError, type PolarStrategyOptions, polarTokens } from 'passport-polar-sh';
import type { Pool } from 'pg';
import { Browser } from '../../support/browser.js';
import { closeServer } from '../../support/test-app.js';
import { accountRoutes } from './account-routes.js';
import { createPolar } from './polar.js';
import { bindSessionsToLogins } from './sessions.js';

export async function startWebApp(db: Pool, options: PolarStrategyOptions) {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const polar = createPolar(db, options);
  const authenticator = new passport.Passport();
  authenticator.use(polar);
  bindSessionsToLogins(authenticator as never, db);
  const store = new (pgSession(session))({ pool: db, pruneSessionInterval: false });
  const app = express();
  app.use(session({ secret: 'only for tests', resave: false, saveUninitialized: false, store }));
  app.use(authenticator.session(), polarTokens(polar));
  app.get('/auth/polar', authenticator.authenticate('polar'));
  app.get(
    '/auth/polar/callback',
    authenticator.authenticate('polar', { successRedirect: '/', failWithError: true }),
  );
  app.use(accountRoutes(db, polar, (_req, _res, next) => next()));
  app.get('/me', (req, res) => void res.json({ user: req.user ?? null }));
  app.get('/token', async (req, res) => void res.json({ accessToken: await req.polar.getAccessToken() }));
  app.post('/logout', logout(polar, { redirectTo: '/' }));
  const answerError: ErrorRequestHandler = (error: PolarError, _req, res, _next) =>
    void res.status(error.status ?? 500).json({ code: error.code, message: error.message });
  app.use(answerError);
  server.on('request', app);
  return {
    polar,
    url,
    browser: () => new Browser(url),
    async close() {
      await polar.settled({ withinMs: 5000 });
      await closeServer(server);
    },
  };
}
