// better-auth, with its generic OAuth plugin. Documentation followed:
// https://www.better-auth.com/docs/integrations/express
// https://www.better-auth.com/docs/plugins/generic-oauth
// https://www.better-auth.com/docs/concepts/oauth (getAccessToken)
import { betterAuth } from 'better-auth';
import { getMigrations } from 'better-auth/db/migration';
import { fromNodeHeaders, toNodeHandler } from 'better-auth/node';
import { genericOAuth } from 'better-auth/plugins';
import Database from 'better-sqlite3';
import express from 'express';

const apiURL = process.env.POLAR_API_URL ?? 'https://api.polar.sh';

const auth = betterAuth({
  baseURL: process.env.BASE_URL,
  secret: process.env.SESSION_SECRET,
  database: new Database(process.env.DATABASE_FILE),
  plugins: [
    genericOAuth({
      config: [
        {
          providerId: 'polar',
          discoveryUrl: `${apiURL}/.well-known/openid-configuration`,
          clientId: process.env.POLAR_CLIENT_ID,
          clientSecret: process.env.POLAR_CLIENT_SECRET,
          scopes: ['openid', 'email', 'organizations:read'],
          requireIdTokenVerification: true,
          mapProfileToUser: ({ email }) => ({ name: email }),
        },
      ],
    }),
  ],
});
const { runMigrations } = await getMigrations(auth.options);
await runMigrations();

const app = express();
app.all('/api/auth/*any', toNodeHandler(auth));
const requireLogin = async (req, res, next) => {
  const headers = fromNodeHeaders(req.headers);
  req.login = await auth.api.getSession({ headers });
  if (!req.login) return res.sendStatus(401);
  const accounts = await auth.api.listUserAccounts({ headers });
  req.polarAccount = accounts.find(({ providerId }) => providerId === 'polar');
  next();
};
app.get('/me', requireLogin, (req, res) => {
  res.json({ id: req.polarAccount.accountId, email: req.login.user.email });
});
app.get('/organizations', requireLogin, async (req, res) => {
  const headers = fromNodeHeaders(req.headers);
  const body = { accountId: req.polarAccount.id };
  const { accessToken } = await auth.api.getAccessToken({ body, headers }); // refreshed if it has expired
  const authorization = `Bearer ${accessToken}`;
  const response = await fetch(`${apiURL}/v1/organizations/`, { headers: { authorization } });
  res.status(response.status).json(await response.json());
});

app.listen(process.env.PORT, 'localhost');
