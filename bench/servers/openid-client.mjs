// openid-client 6, with the tokens in the session. Options: `checksSignature`, `joins` (one refresh at a time in this process).
import * as client from 'openid-client';
import { clientID, clientSecret, userOf } from '../lib/client.mjs';
import { passportApp } from '../lib/passport-app.mjs';
import { keepTokens, tokenFromSession } from '../lib/tokens-in-session.mjs';

/** @type {import('./app.mjs').MakeApp} */
export default async function ({ baseURL, provider, store, options }) {
  const { checksSignature = false, joins = false } = options;
  const execute = [client.allowInsecureRequests];
  if (checksSignature) execute.push(client.enableNonRepudiationChecks);
  const secret = client.ClientSecretPost(clientSecret);
  const config = await client.discovery(new URL(provider), clientID, undefined, secret, { execute });

  const { app } = passportApp(store);
  app.get('/login', async (req, res) => {
    const attempt = {
      pkceCodeVerifier: client.randomPKCECodeVerifier(),
      expectedState: client.randomState(),
      expectedNonce: client.randomNonce(),
    };
    /** @type {any} */ (req.session).attempt = attempt;
    const address = client.buildAuthorizationUrl(config, {
      redirect_uri: `${baseURL}/callback`,
      scope: 'openid email',
      code_challenge: await client.calculatePKCECodeChallenge(attempt.pkceCodeVerifier),
      code_challenge_method: 'S256',
      state: attempt.expectedState,
      nonce: attempt.expectedNonce,
    });
    res.redirect(address.href);
  });
  app.get('/callback', async (req, res, next) => {
    const { attempt } = /** @type {any} */ (req.session);
    const tokens = await client.authorizationCodeGrant(config, new URL(req.originalUrl, baseURL), {
      ...attempt,
      idTokenExpected: true,
    });
    req.login(userOf(/** @type {object} */ (tokens.claims())), (error) => {
      if (error) return next(error);
      keepTokens(req, tokens);
      res.redirect('/page');
    });
  });

  /** @type {Map<string, Promise<object>>} */
  const underWay = new Map();
  const refresh = (/** @type {string} */ token) => client.refreshTokenGrant(config, token);
  const join = (/** @type {string} */ token) => {
    const found = underWay.get(token) ?? refresh(token).finally(() => underWay.delete(token));
    underWay.set(token, found);
    return found;
  };
  return { app, token: tokenFromSession(joins ? join : refresh) };
}
