/** The versions of Express and Passport that apps use: the same login, refresh and logout with each. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, it, jest } from '@jest/globals';
import express5 from 'express';
import session from 'express-session';
import passport07 from 'passport';
import { logout, PolarStrategy, polarTokens, requireLogin } from 'passport-polar-sh';
import { startPolarEmulator } from 'passport-polar-sh/emulator';
import { Browser } from '../support/browser.js';
import { closeServer } from '../support/test-app.js';

const express4 = jest.requireActual<typeof express5>('express4');
const passport06 = jest.requireActual<typeof passport07>('passport06');

const versions = [
  ['Express 4, Passport 0.6', express4, passport06],
  ['Express 4, Passport 0.7', express4, passport07],
  ['Express 5, Passport 0.6', express5, passport06],
] as const;

describe.each(versions)('an app with %s', (_names, express, { Passport }) => {
  it('logs in, keeps other tabs, refreshes and logs out', async () => {
    const emulator = await startPolarEmulator({ consent: 'auto' });
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const { clientID, clientSecret } = emulator.registerClient({
      redirectURIs: [`${url}/auth/polar/callback`],
    });
    const polar = new PolarStrategy({
      clientID,
      clientSecret,
      callbackURL: '/auth/polar/callback',
      server: emulator.server,
      now: emulator.now,
    });
    const passport = new Passport();
    passport.use(polar);
    passport.serializeUser((user, done) => done(null, user));
    passport.deserializeUser((user, done) => done(null, user as Express.User));

    const app = express();
    app.use(session({ secret: 'only for tests', resave: false, saveUninitialized: false }));
    app.use(passport.initialize(), passport.session(), polarTokens(polar));
    const auth = express.Router();
    auth.get('/', passport.authenticate('polar'));
    auth.get(
      '/callback',
      passport.authenticate('polar', { successReturnToOrRedirect: '/', failureRedirect: '/failed' }),
    );
    app.use('/auth/polar', auth);
    app.get('/token', requireLogin({ loginPath: '/auth/polar' }), (req, res, next) => {
      req.polar.getAccessToken().then((accessToken) => res.json({ accessToken }), next);
    });
    app.post('/logout', logout(polar, { redirectTo: '/' }));
    server.on('request', app);

    const browser = new Browser(url);
    const otherTab = await browser.visitPolar(await browser.startLogin('/auth/polar?return_to=/other'));
    expect((await browser.logIn('/auth/polar?return_to=/first')).headers['location']).toBe('/first');
    expect((await browser.get(otherTab)).headers['location']).toBe('/other');
    expect((await browser.get('/auth/polar/callback')).headers['location']).toBe('/failed');
    const first = await browser.token();
    emulator.advanceTime(864_000);
    expect(await browser.token()).not.toBe(first);
    expect((await browser.post('/logout')).headers['location']).toBe('/');
    expect((await browser.get('/token')).status).toBe(401);
    expect(emulator.liveTokens()).toEqual([]);
    await closeServer(server);
    await emulator.close();
  });
});
