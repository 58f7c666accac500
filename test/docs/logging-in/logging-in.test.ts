/** Runs the code of docs/logging-in.md. */
import { afterEach, describe, expect, it } from '@jest/globals';
import express, { type Express } from 'express';
import session from 'express-session';
import passport from 'passport';
import { PolarStrategy, polarTokens } from 'passport-polar-sh';
import { type PolarEmulator, startPolarEmulator } from 'passport-polar-sh/emulator';
import { Browser } from '../../support/browser.js';
import { closeServer } from '../../support/test-app.js';
import { linkPolar } from './linking.js';
import { loginWithTerms } from './terms.js';

let close: () => Promise<void>;
afterEach(() => close());

/** An app on Passport's global instance, which the code of the guide uses. */
async function startApp(addRoutes: (app: Express) => void) {
  const emulator: PolarEmulator = await startPolarEmulator({ consent: 'auto' });
  const app = express();
  const server = app.listen(0, '127.0.0.1');
  await new Promise((listening) => server.once('listening', listening));
  const url = `http://127.0.0.1:${(server.address() as { port: number }).port}`;
  const { clientID, clientSecret } = emulator.registerClient({
    redirectURIs: [`${url}/auth/polar/callback`, `${url}/connect/polar/callback`],
  });
  const polar = new PolarStrategy({
    clientID,
    clientSecret,
    callbackURL: '/auth/polar/callback',
    server: emulator.url,
  });
  passport.use(polar);
  passport.serializeUser((user, done) => done(null, user));
  passport.deserializeUser((user, done) => done(null, user as Express.User));
  app.use(session({ secret: 'only for tests', resave: false, saveUninitialized: false }));
  app.use(passport.session(), polarTokens(polar));
  addRoutes(app);
  app.get('/me', async (req, res) =>
    res.json({ user: req.user ?? null, token: await req.polar.getAccessToken().catch(({ code }) => code) }),
  );
  close = async () => {
    passport.unuse('polar');
    await closeServer(server);
    await emulator.close();
  };
  return { emulator, browser: new Browser(url) };
}

describe('a login that is complete only after another page', () => {
  it('keeps the tokens for the user until that page is submitted', async () => {
    const { emulator, browser } = await startApp((app) => app.use(loginWithTerms));
    expect((await browser.logIn()).headers['location']).toBe('/terms');
    expect((await browser.get('/me')).body).toEqual({ user: null, token: 'not_logged_in' });
    expect((await browser.post('/terms')).headers['location']).toBe('/');
    const { user, token } = (await browser.get('/me')).body;
    expect(user.emails).toEqual([{ value: 'ada@example.com', verified: true }]);
    expect(emulator.liveTokens().map(({ accessToken }) => accessToken)).toEqual([token]);
  });

  it('starts a login if nobody waits for that page', async () => {
    const { browser } = await startApp((app) => app.use(loginWithTerms));
    expect((await browser.post('/terms')).headers['location']).toBe('/auth/polar');
  });
});

describe('linking an account', () => {
  it('connects Polar to the user who is logged in', async () => {
    const linked: unknown[] = [];
    const { browser } = await startApp((app) => {
      app.post('/log-in', (req, res, next) =>
        req.logIn({ id: 'u1' } as unknown as Express.User, (error) => (error ? next(error) : res.end())),
      );
      app.use(
        linkPolar(
          (req, res, next) => (req.isAuthenticated() ? next() : res.status(401).end()),
          async (user, polarId) => void linked.push([user, polarId]),
        ),
      );
    });
    expect((await browser.get('/connect/polar')).status).toBe(401);
    await browser.post('/log-in');
    expect((await browser.logIn('/connect/polar')).headers['location']).toBe('/settings');
    expect(linked).toEqual([[{ id: 'u1' }, expect.stringMatching(/^[\da-f-]{36}$/)]]);
    const { user, token } = (await browser.get('/me')).body;
    expect([user, token]).toEqual([{ id: 'u1' }, expect.stringMatching(/^polar_at_u_/)]);
  });
});
