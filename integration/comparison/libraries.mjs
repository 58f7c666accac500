import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { betterAuth } from 'better-auth';
import { genericOAuth } from 'better-auth/plugins';
import express from 'express';
import openid from 'express-openid-connect';
import session from 'express-session';
import * as openidClient from 'openid-client';
import { Passport } from 'passport';
import OAuth2Strategy from 'passport-oauth2';
import { PolarStrategy } from 'passport-polar-sh';

/**
 * @typedef {object} Library
 * @property {string} name the column's title
 * @property {string} file of apps/
 * @property {readonly string[]} packages whose versions are told
 * @property {string} callbackPath
 * @property {boolean} [needsHTTPS] as its issuer is https, it calls nothing else
 * @property {{ path: string, init?: import('./lib/browser.mjs').Init }} start redirects to Polar, or answers with its address as `url`
 * @property {{ path: string, method: string }} logout
 * @property {Partial<Library>} [ownProvider] how an app with the library's own provider for Polar differs
 * @property {(polarURL: string, client: { clientID: string, clientSecret: string }) => Promise<URL>} [startByDefault] where a login
 *   starts with the required options only, if the app has others that matter
 * @property {(polarURL: string, client: { clientID: string, clientSecret: string }) => Promise<unknown>} [discover] reads Polar's
 *   discovery document with the means of the library, and rejects if it does not accept it
 */

const usual = {
  callbackPath: '/auth/polar/callback',
  start: { path: '/auth/polar' },
  logout: { path: '/logout', method: 'POST' },
};

/** @type {readonly Library[]} */
export const libraries = [
  {
    ...usual,
    name: 'passport-polar-sh',
    file: 'passport-polar-sh.mjs',
    packages: ['passport-polar-sh'],
    discover: discoverWithPolarStrategy,
    ownProvider: {},
  },
  {
    ...usual,
    name: 'passport-oauth2',
    file: 'passport-oauth2.mjs',
    packages: ['passport-oauth2', 'passport-oauth2-refresh'],
    startByDefault: startWithPassportOAuth2,
  },
  {
    ...usual,
    name: 'openid-client',
    file: 'openid-client.mjs',
    packages: ['openid-client'],
    discover: discoverWithOpenidClient,
  },
  {
    ...usual,
    name: 'express-openid-connect',
    file: 'express-openid-connect.mjs',
    packages: ['express-openid-connect'],
    logout: { path: '/logout', method: 'GET' },
    needsHTTPS: true,
    discover: discoverWithExpressOpenidConnect,
  },
  {
    name: 'better-auth',
    file: 'better-auth.mjs',
    packages: ['better-auth'],
    discover: discoverWithBetterAuth,
    ownProvider: { file: 'better-auth-polar-provider.mjs', needsHTTPS: true },
    callbackPath: '/api/auth/callback/polar',
    start: {
      path: '/api/auth/sign-in/social',
      init: {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ provider: 'polar', callbackURL: '/me' }),
      },
    },
    logout: { path: '/api/auth/sign-out', method: 'POST' },
  },
  { ...usual, name: 'hand-written', file: 'hand-written.mjs', packages: [] },
];

/** The code of an app without comments and empty lines. */
export function linesOfCode({ file }) {
  const code = readFileSync(new URL(`apps/${file}`, import.meta.url), 'utf8');
  return code.split('\n').filter((line) => line.trim() !== '' && !/^\s*(\/\/|\/\*\*)/.test(line)).length;
}

export function versionOf(name) {
  const manifest = new URL(`node_modules/${name}/package.json`, import.meta.url);
  return JSON.parse(readFileSync(manifest, 'utf8')).version;
}

const discoveryURL = (polarURL) => `${polarURL}/.well-known/openid-configuration`;

async function startWithPassportOAuth2(polarURL, { clientID, clientSecret }) {
  const app = express();
  const passport = new Passport();
  const authorizationURL = `${polarURL}/oauth2/authorize`;
  const options = { authorizationURL, tokenURL: polarURL, clientID, clientSecret, callbackURL: '/callback' };
  passport.use(new OAuth2Strategy(options, () => {}));
  app.get('/login', passport.authenticate('oauth2'));
  return logInAt(app);
}

function discoverWithPolarStrategy(polarURL, { clientID, clientSecret }) {
  const app = express();
  const passport = new Passport();
  const server = { discoveryURL: discoveryURL(polarURL), issuer: 'https://polar.sh', apiURL: polarURL };
  passport.use(new PolarStrategy({ clientID, clientSecret, callbackURL: '/callback', server }));
  app.use(session({ secret: 'for this request only', resave: false, saveUninitialized: false }));
  app.get('/login', passport.authenticate('polar'));
  return logInAt(app);
}

function discoverWithOpenidClient(polarURL, { clientID, clientSecret }) {
  const execute = [openidClient.allowInsecureRequests];
  return openidClient.discovery(new URL(polarURL), clientID, clientSecret, undefined, { execute });
}

function discoverWithExpressOpenidConnect(polarURL, client) {
  const { clientID, clientSecret } = client;
  const app = express();
  app.use(
    openid.auth({
      issuerBaseURL: polarURL,
      baseURL: 'http://localhost',
      clientID,
      clientSecret,
      secret: 'for this request only',
      authRequired: false,
      authorizationParams: { response_type: 'code' },
    }),
  );
  return logInAt(app);
}

async function discoverWithBetterAuth(polarURL, { clientID, clientSecret }) {
  const auth = betterAuth({
    baseURL: 'http://localhost',
    secret: 'at least 32 characters, and for this request only',
    plugins: [
      genericOAuth({
        config: [
          {
            providerId: 'polar',
            discoveryUrl: discoveryURL(polarURL),
            clientId: clientID,
            clientSecret,
            requireIdTokenVerification: true,
          },
        ],
      }),
    ],
  });
  return auth.api.signInSocial({ body: { provider: 'polar' } });
}

/** Where the app redirects to. Rejects if it does not. */
async function logInAt(app) {
  app.use((_error, _req, res, _next) => res.sendStatus(500)); // unlike Express, without printing it
  const server = app.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const response = await fetch(`http://127.0.0.1:${server.address().port}/login`, { redirect: 'manual' });
  server.close();
  server.closeAllConnections();
  if (response.status !== 302) throw new Error(`The start of the login answered ${response.status}`);
  return new URL(response.headers.get('location'));
}
