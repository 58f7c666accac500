// passport-openidconnect: state and nonce, no PKCE, and claims of the id_token checked without its signature.
import OpenIDConnectStrategy from 'passport-openidconnect';
import { clientID, clientSecret } from '../lib/client.mjs';
import { passportApp } from '../lib/passport-app.mjs';
import { keepTokens, tokenFromSession } from '../lib/tokens-in-session.mjs';

/** @type {import('./app.mjs').MakeApp} */
export default function ({ baseURL, provider, store }) {
  const strategy = new OpenIDConnectStrategy(
    {
      issuer: provider,
      authorizationURL: `${provider}/oauth2/authorize`,
      tokenURL: `${provider}/v1/oauth2/token`,
      clientID,
      clientSecret,
      callbackURL: `${baseURL}/callback`,
      scope: ['email'],
      nonce: true,
      skipUserProfile: true,
    },
    (_issuer, profile, _context, _idToken, access_token, refresh_token, params, done) =>
      done(null, { provider: 'polar', ...profile }, { ...params, access_token, refresh_token }),
  );
  const { app, passport } = passportApp(store);
  passport.use(strategy);
  app.get('/login', passport.authenticate('openidconnect'));
  app.get('/callback', passport.authenticate('openidconnect'), (req, res) => {
    keepTokens(req, /** @type {object} */ (req.authInfo));
    res.redirect('/page');
  });
  const token = tokenFromSession(() => Promise.reject(new Error('passport-openidconnect refreshes nothing')));
  return { app, token };
}
