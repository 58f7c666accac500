import express, { type Express } from 'express';
import passport from 'passport';
import { PolarBearerStrategy, type PolarBearerUser } from 'passport-polar-sh';

passport.use(
  new PolarBearerStrategy({
    clientID: process.env.POLAR_CLIENT_ID ?? '',
    clientSecret: process.env.POLAR_CLIENT_SECRET,
    server: process.env.POLAR_SERVER,
  }),
);

/** Lets requests through whose access token has the scope. */
const bearer = (scope: string) => passport.authenticate('polar-bearer', { session: false, scope });

export const api: Express = express();
api.get('/api/orders', bearer('orders:read'), (req, res) => {
  const { id, scopes } = req.user as PolarBearerUser;
  res.json({ ordersOf: id, scopes });
});
