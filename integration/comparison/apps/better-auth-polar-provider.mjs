// better-auth with its own provider for Polar. It takes no address, so it knows production only. Documentation followed:
// https://www.better-auth.com/docs/authentication/polar
import { betterAuth } from 'better-auth';
import { getMigrations } from 'better-auth/db/migration';
import { fromNodeHeaders, toNodeHandler } from 'better-auth/node';
import Database from 'better-sqlite3';
import express from 'express';

const auth = betterAuth({
  baseURL: process.env.BASE_URL,
  secret: process.env.SESSION_SECRET,
  database: new Database(process.env.DATABASE_FILE),
  socialProviders: {
    polar: {
      clientId: process.env.POLAR_CLIENT_ID,
      clientSecret: process.env.POLAR_CLIENT_SECRET,
    },
  },
});
const { runMigrations } = await getMigrations(auth.options);
await runMigrations();

const app = express();
app.all('/api/auth/*any', toNodeHandler(auth));
app.get('/me', async (req, res) => {
  const login = await auth.api.getSession({ headers: fromNodeHeaders(req.headers) });
  res.status(login ? 200 : 401).json({ email: login?.user.email });
});

app.listen(process.env.PORT, 'localhost');
