// openid-client, with its Passport strategy. Documentation followed:
// https://github.com/panva/openid-client/blob/main/examples/passport.ts
// https://github.com/panva/openid-client/blob/main/docs/functions/enableNonRepudiationChecks.md, refreshTokenGrant.md, tokenRevocation.md
import { RedisStore } from 'connect-redis';
import express from 'express';
import session from 'express-session';
import * as client from 'openid-client';
import { Strategy } from 'openid-client/passport';
import passport from 'passport';
import { createClient } from 'redis';

const apiURL = process.env.POLAR_API_URL ?? 'https://api.polar.sh';

// client.discovery() rejects Polar's document: its issuer is not the address that it was fetched from.
const metadata = await (await fetch(`${apiURL}/.well-known/openid-configuration`)).json();
const config = new client.Configuration(
  metadata,
  process.env.POLAR_CLIENT_ID,
  process.env.POLAR_CLIENT_SECRET,
  client.ClientSecretPost(process.env.POLAR_CLIENT_SECRET),
);
client.enableNonRepudiationChecks(config); // verifies the signature of id_tokens
if (apiURL.startsWith('http:')) client.allowInsecureRequests(config); // a local Polar

const expiring = ({ access_token, refresh_token, expires_in }) => ({
  accessToken: access_token,
  refreshToken: refresh_token,
  expiresAt: Date.now() + expires_in * 1000,
});
const strategy = new Strategy(
  {
    config,
    scope: 'openid email organizations:read',
    callbackURL: `${process.env.BASE_URL}/auth/polar/callback`,
  },
  (tokens, verified) => {
    const { sub, email } = tokens.claims();
    verified(null, { id: sub, email, tokens: expiring(tokens) });
  },
);
// Its documentation: override this method to add parameters. The strategy checks the nonce, or state, that it finds here.
strategy.authorizationRequestParams = function (req, options) {
  const params = Strategy.prototype.authorizationRequestParams.call(this, req, options);
  params.set('nonce', client.randomNonce());
  params.set('state', client.randomState());
  return params;
};
passport.use('polar', strategy);
passport.serializeUser((user, done) => done(null, user));
passport.deserializeUser((user, done) => done(null, user));

/** The user's access token, refreshed if it has expired. `user` is the object in the session, so new tokens are saved with it. */
async function accessTokenOf(user) {
  if (Date.now() >= user.tokens.expiresAt)
    user.tokens = expiring(await client.refreshTokenGrant(config, user.tokens.refreshToken));
  return user.tokens.accessToken;
}

const redis = await createClient({ url: process.env.REDIS_URL }).connect();
const app = express();
app.use(
  session({
    secret: process.env.SESSION_SECRET,
    store: new RedisStore({ client: redis }),
    resave: false,
    saveUninitialized: false,
  }),
);
app.use(passport.session());

app.get('/auth/polar', passport.authenticate('polar'));
app.get('/auth/polar/callback', passport.authenticate('polar', { successRedirect: '/me' }));
const requireLogin = (req, res, next) => (req.isAuthenticated() ? next() : res.sendStatus(401));
app.get('/me', requireLogin, (req, res) => res.json({ id: req.user.id, email: req.user.email }));
app.get('/organizations', requireLogin, async (req, res) => {
  const url = new URL('/v1/organizations/', apiURL);
  const response = await client.fetchProtectedResource(config, await accessTokenOf(req.user), url, 'GET');
  res.status(response.status).json(await response.json());
});
app.post('/logout', async (req, res, next) => {
  if (req.user) await client.tokenRevocation(config, req.user.tokens.refreshToken);
  req.logout((error) => (error ? next(error) : res.redirect('/')));
});

app.listen(process.env.PORT, 'localhost');
