// passport-oauth2: state and PKCE, and the id_token believed as it is.
import OAuth2Strategy from 'passport-oauth2';
import { clientID, clientSecret, userOf } from '../lib/client.mjs';
import { passportApp } from '../lib/passport-app.mjs';
import { keepTokens, tokenFromSession } from '../lib/tokens-in-session.mjs';

/** @type {import('./app.mjs').MakeApp} */
export default function ({ baseURL, provider, store }) {
  const strategy = new OAuth2Strategy(
    {
      authorizationURL: `${provider}/oauth2/authorize`,
      tokenURL: `${provider}/v1/oauth2/token`,
      clientID,
      clientSecret,
      callbackURL: `${baseURL}/callback`,
      scope: ['openid', 'email'],
      state: /** @type {any} */ (true),
      pkce: /** @type {any} */ (true),
    },
    (_accessToken, _refreshToken, params, _profile, done) => {
      const payload = Buffer.from(params.id_token.split('.')[1], 'base64url');
      done(null, userOf(JSON.parse(payload.toString())), params);
    },
  );
  const { app, passport } = passportApp(store);
  passport.use(strategy);
  app.get('/login', passport.authenticate('oauth2'));
  app.get('/callback', passport.authenticate('oauth2'), (req, res) => {
    keepTokens(req, /** @type {object} */ (req.authInfo));
    res.redirect('/page');
  });
  const token = tokenFromSession(() => Promise.reject(new Error('passport-oauth2 refreshes nothing')));
  return { app, token };
}
