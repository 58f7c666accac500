// No library: what Polar's guide describes, with a state. Documentation followed:
// https://polar.sh/docs/integrate/oauth2/connect
import { randomUUID } from 'node:crypto';
import { RedisStore } from 'connect-redis';
import express from 'express';
import session from 'express-session';
import { createClient } from 'redis';

const webURL = process.env.POLAR_WEB_URL ?? 'https://polar.sh';
const apiURL = process.env.POLAR_API_URL ?? 'https://api.polar.sh';
const redirectURI = `${process.env.BASE_URL}/auth/polar/callback`;

async function tokensFor(grant) {
  const response = await fetch(`${apiURL}/v1/oauth2/token`, {
    method: 'POST',
    body: new URLSearchParams({
      client_id: process.env.POLAR_CLIENT_ID,
      client_secret: process.env.POLAR_CLIENT_SECRET,
      ...grant,
    }),
  });
  if (!response.ok) throw new Error(`Polar refused the ${grant.grant_type} with ${response.status}`);
  const { access_token, refresh_token, expires_in } = await response.json();
  return {
    accessToken: access_token,
    refreshToken: refresh_token,
    expiresAt: Date.now() + expires_in * 1000,
  };
}

const callPolar = (path, accessToken) =>
  fetch(apiURL + path, { headers: { authorization: `Bearer ${accessToken}` } });

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

app.get('/auth/polar', (req, res) => {
  req.session.state = randomUUID();
  const query = new URLSearchParams({
    response_type: 'code',
    client_id: process.env.POLAR_CLIENT_ID,
    redirect_uri: redirectURI,
    scope: 'openid email organizations:read',
    state: req.session.state,
  });
  res.redirect(`${webURL}/oauth2/authorize?${query}`);
});
app.get('/auth/polar/callback', async (req, res) => {
  const { code, state } = req.query;
  if (!state || state !== req.session.state) return res.sendStatus(403);
  const tokens = await tokensFor({ grant_type: 'authorization_code', code, redirect_uri: redirectURI });
  const { sub, email } = await (await callPolar('/v1/oauth2/userinfo', tokens.accessToken)).json();
  req.session.regenerate((error) => {
    if (error) throw error;
    req.session.user = { id: sub, email };
    req.session.tokens = tokens;
    res.redirect('/me');
  });
});
const requireLogin = (req, res, next) => (req.session.user ? next() : res.sendStatus(401));
app.get('/me', requireLogin, (req, res) => res.json(req.session.user));
app.get('/organizations', requireLogin, async (req, res) => {
  const { refreshToken, expiresAt } = req.session.tokens;
  if (Date.now() >= expiresAt)
    req.session.tokens = await tokensFor({ grant_type: 'refresh_token', refresh_token: refreshToken });
  const response = await callPolar('/v1/organizations/', req.session.tokens.accessToken);
  res.status(response.status).json(await response.json());
});
app.post('/logout', (req, res, next) =>
  req.session.destroy((error) => (error ? next(error) : res.redirect('/'))),
);

app.listen(process.env.PORT, 'localhost');
