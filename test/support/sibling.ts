import express from 'express';
import session from 'express-session';
import { PolarStrategy, type PolarStrategyOptions, polarTokens } from 'passport-polar-sh';
import request, { type Response } from 'supertest';
import type { Browser } from './browser.js';
import type { TestAppParts } from './test-app.js';

/** Another strategy for the client of an app: its own memory makes it another process. */
export const siblingStrategy = (
  { client, emulator }: Pick<TestAppParts, 'client' | 'emulator'>,
  changes: Partial<PolarStrategyOptions> = {},
): PolarStrategy =>
  new PolarStrategy({
    clientID: client.clientID,
    clientSecret: client.clientSecret,
    callbackURL: '/auth/polar/callback',
    server: emulator.server,
    now: emulator.now,
    ...changes,
  });

/** Another process over the session store of an app; the returned function gets `/token` there for a browser. */
export function startSibling(app: TestAppParts): (browser: Browser) => Promise<Response> {
  const server = express();
  server.use(
    session({ secret: 'only for tests', resave: false, saveUninitialized: false, store: app.store }),
    app.passport.session(),
    polarTokens(siblingStrategy(app)),
  );
  server.get('/token', async (req, res) => void res.json({ accessToken: await req.polar.getAccessToken() }));
  return async ({ cookieHeader }) => request(server).get('/token').set('cookie', cookieHeader);
}
