/** The quick start, as a process behind a proxy: by undici's agent where PROXY_URL is set, else as node does it itself. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import express from 'express';
import session from 'express-session';
import passport from 'passport';
import { logout, PolarStrategy, polarTokens, requireLogin } from 'passport-polar-sh';
import { fetchThrough } from './fetch-through.js';

const { env } = process;
const polar = new PolarStrategy({
  clientID: env['POLAR_CLIENT_ID'] ?? '',
  clientSecret: env['POLAR_CLIENT_SECRET'],
  callbackURL: 'http://localhost:3000/auth/polar/callback',
  server: { webURL: env['POLAR_WEB_URL'] ?? '', apiURL: env['POLAR_API_URL'] ?? '' },
  scope: 'openid email organizations:read',
  ...(env['PROXY_URL'] !== undefined && { fetch: fetchThrough(env['PROXY_URL']) }),
});
passport.use(polar);
passport.serializeUser((user, done) => done(null, user));
passport.deserializeUser((user, done) => done(null, user as Express.User));

const app = express();
app.use(session({ secret: 'only for tests', resave: false, saveUninitialized: false }));
app.use(passport.session(), polarTokens(polar));
app.get('/auth/polar', passport.authenticate('polar'));
app.get(
  '/auth/polar/callback',
  passport.authenticate('polar', { successReturnToOrRedirect: '/', failWithError: true }),
);
app.get('/organizations', requireLogin({ loginPath: '/auth/polar' }), async (req, res) => {
  const response = await req.polar.fetch('/v1/organizations/');
  res.json(await response.json());
});
app.post('/logout', logout(polar, { redirectTo: '/' }));

const server = createServer(app).listen(0, '127.0.0.1', () => {
  process.stdout.write(`listening on http://127.0.0.1:${(server.address() as AddressInfo).port}\n`);
});
