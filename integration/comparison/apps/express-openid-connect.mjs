// express-openid-connect. Documentation followed:
// https://github.com/auth0/express-openid-connect/blob/master/EXAMPLES.md, sections 1, 2, 3, 5, 10 and 14
import { RedisStore } from 'connect-redis';
import express from 'express';
import openid from 'express-openid-connect';
import { createClient } from 'redis';

const apiURL = process.env.POLAR_API_URL ?? 'https://api.polar.sh';
const issuer = 'https://polar.sh';
const discoveryPath = '/.well-known/openid-configuration';
const redis = await createClient({ url: process.env.REDIS_URL }).connect();

const app = express();
app.use(
  openid.auth({
    issuerBaseURL: issuer,
    // It looks for the discovery document below the issuer. Polar has it below the address of its API.
    customFetch: (url, options) =>
      fetch(url === issuer + discoveryPath ? apiURL + discoveryPath : url, options),
    baseURL: process.env.BASE_URL,
    clientID: process.env.POLAR_CLIENT_ID,
    clientSecret: process.env.POLAR_CLIENT_SECRET,
    clientAuthMethod: 'client_secret_post',
    secret: process.env.SESSION_SECRET,
    authRequired: false,
    errorOnRequiredAuth: true,
    authorizationParams: { response_type: 'code', scope: 'openid email organizations:read' },
    session: { store: new RedisStore({ client: redis }) },
    routes: { login: '/auth/polar', callback: '/auth/polar/callback', logout: '/logout' },
  }),
);

app.get('/', (_req, res) => res.redirect('/me')); // the login ends here
app.get('/me', openid.requiresAuth(), (req, res) =>
  res.json({ id: req.oidc.user.sub, email: req.oidc.user.email }),
);
app.get('/organizations', openid.requiresAuth(), async (req, res) => {
  let { token_type, access_token, isExpired, refresh } = req.oidc.accessToken;
  if (isExpired()) ({ access_token } = await refresh());
  const headers = { authorization: `${token_type} ${access_token}` };
  const response = await fetch(`${apiURL}/v1/organizations/`, { headers });
  res.status(response.status).json(await response.json());
});

app.listen(process.env.PORT, 'localhost');
