/**
 * An app with Express 4, for a process of its own, whose client is in the environment. With the argument `fixed`, it has the
 * route of the guide. Sends its address to the process that started it.
 */
import type { AddressInfo } from 'node:net';
import type express from 'express';
import passport from 'passport';
import { PolarStrategy } from 'passport-polar-sh';
import { type Parts, useRoutes, useSession } from './app.js';
import { fixesOf, runFix } from './shown-fix.js';

const app = (require('express4') as typeof express)();
const options = {
  clientID: process.env['POLAR_CLIENT_ID'] ?? '',
  clientSecret: process.env['POLAR_CLIENT_SECRET'],
  callbackURL: '/auth/polar/callback',
  server: process.env['POLAR_SERVER'],
  scope: 'openid organizations:read',
};
const polar = new PolarStrategy(options);
passport.use(polar);
passport.serializeUser((user, done) => done(null, user));
passport.deserializeUser((user, done) => done(null, user as Express.User));

const parts: Parts = { app, passport: passport as never, polar, options, url: '' };
useSession(parts);
useRoutes(parts);
if (process.argv[2] === 'fixed')
  runFix(fixesOf('My app exits when a request to Polar fails')[0] ?? '', { app });
else
  app.get('/organizations', async (req, res) => {
    const response = await req.polar.fetch('/v1/organizations/');
    res.json(await response.json());
  });

const server = app.listen(0, '127.0.0.1', () =>
  process.send?.(`http://127.0.0.1:${(server.address() as AddressInfo).port}`),
);
