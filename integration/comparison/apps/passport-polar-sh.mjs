// passport-polar-sh, as its README shows it.
import { RedisStore } from 'connect-redis';
import express from 'express';
import session from 'express-session';
import passport from 'passport';
import { logout, PolarStrategy, polarTokens, requireLogin } from 'passport-polar-sh';
import { redisStorage } from 'passport-polar-sh/redis';
import { createClient } from 'redis';

const redis = await createClient({ url: process.env.REDIS_URL }).connect();
const polar = new PolarStrategy({
  clientID: process.env.POLAR_CLIENT_ID,
  clientSecret: process.env.POLAR_CLIENT_SECRET,
  callbackURL: `${process.env.BASE_URL}/auth/polar/callback`,
  server: process.env.POLAR_SERVER,
  scope: ['openid', 'email', 'organizations:read'],
  storage: redisStorage(redis),
});
passport.use(polar);
passport.serializeUser((user, done) => done(null, user));
passport.deserializeUser((user, done) => done(null, user));

const app = express();
app.use(
  session({
    secret: process.env.SESSION_SECRET,
    store: new RedisStore({ client: redis }),
    resave: false,
    saveUninitialized: false,
  }),
);
app.use(passport.session(), polarTokens(polar));

app.get('/auth/polar', passport.authenticate('polar'));
app.get('/auth/polar/callback', passport.authenticate('polar', { successRedirect: '/me' }));
app.get('/me', requireLogin({ loginPath: '/auth/polar' }), (req, res) =>
  res.json({ id: req.user.id, email: req.user.emails[0].value }),
);
app.get('/organizations', requireLogin({ loginPath: '/auth/polar' }), async (req, res) => {
  const response = await req.polar.fetch('/v1/organizations/');
  res.status(response.status).json(await response.json());
});
app.post('/logout', logout(polar, { redirectTo: '/' }));

app.listen(process.env.PORT, 'localhost');
