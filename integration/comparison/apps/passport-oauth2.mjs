// passport-oauth2, with passport-oauth2-refresh. Documentation followed:
// https://github.com/jaredhanson/passport-oauth2#usage (`state` and `pkce` are options of its strategy)
// https://github.com/fiznool/passport-oauth2-refresh#usage
import { RedisStore } from 'connect-redis';
import express from 'express';
import session from 'express-session';
import passport from 'passport';
import OAuth2Strategy from 'passport-oauth2';
import refresh from 'passport-oauth2-refresh';
import { createClient } from 'redis';

const webURL = process.env.POLAR_WEB_URL ?? 'https://polar.sh';
const apiURL = process.env.POLAR_API_URL ?? 'https://api.polar.sh';

class PolarOAuth2Strategy extends OAuth2Strategy {
  userProfile(accessToken, done) {
    this._oauth2.useAuthorizationHeaderforGET(true);
    this._oauth2.get(`${apiURL}/v1/oauth2/userinfo`, accessToken, (error, body) => {
      if (error) return done(error);
      const { sub, email } = JSON.parse(body);
      done(null, { provider: 'polar', id: sub, email });
    });
  }
}

const strategy = new PolarOAuth2Strategy(
  {
    authorizationURL: `${webURL}/oauth2/authorize`,
    tokenURL: `${apiURL}/v1/oauth2/token`,
    clientID: process.env.POLAR_CLIENT_ID,
    clientSecret: process.env.POLAR_CLIENT_SECRET,
    callbackURL: `${process.env.BASE_URL}/auth/polar/callback`,
    scope: ['openid', 'email', 'organizations:read'],
    state: true,
    pkce: true,
  },
  (accessToken, refreshToken, params, profile, done) => {
    const expiresAt = Date.now() + params.expires_in * 1000;
    done(null, { ...profile, tokens: { accessToken, refreshToken, expiresAt } });
  },
);
passport.use('polar', strategy);
refresh.use('polar', strategy);
passport.serializeUser((user, done) => done(null, user));
passport.deserializeUser((user, done) => done(null, user));

/** The user's access token, refreshed if it has expired. `user` is the object in the session, so new tokens are saved with it. */
async function accessTokenOf(user) {
  if (Date.now() < user.tokens.expiresAt) return user.tokens.accessToken;
  return new Promise((resolve, reject) => {
    refresh.requestNewAccessToken(
      'polar',
      user.tokens.refreshToken,
      (error, accessToken, refreshToken, params) => {
        if (error) return reject(new Error('Polar refused the refresh', { cause: error }));
        user.tokens = { accessToken, refreshToken, expiresAt: Date.now() + params.expires_in * 1000 };
        resolve(accessToken);
      },
    );
  });
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
  const authorization = `Bearer ${await accessTokenOf(req.user)}`;
  const response = await fetch(`${apiURL}/v1/organizations/`, { headers: { authorization } });
  res.status(response.status).json(await response.json());
});
app.post('/logout', (req, res, next) => req.logout((error) => (error ? next(error) : res.redirect('/'))));

app.listen(process.env.PORT, 'localhost');
