// express-openid-connect, without Passport. Option: `keepsIn` (`cookie`: all tokens in an encrypted cookie; `store`).
import express from 'express';
import openid from 'express-openid-connect';
import { clientID, clientSecret, sessionSecret } from '../lib/client.mjs';

/** @type {import('./app.mjs').MakeApp} */
export default function ({ baseURL, provider, store, options }) {
  const app = express();
  app.use(
    openid.auth({
      issuerBaseURL: provider,
      baseURL,
      clientID,
      clientSecret,
      clientAuthMethod: 'client_secret_post',
      secret: sessionSecret,
      authRequired: false,
      idTokenSigningAlg: 'RS256',
      authorizationParams: { response_type: 'code', scope: 'openid email' },
      ...(options.keepsIn === 'store' && { session: { store: /** @type {any} */ (store) } }),
    }),
  );
  return {
    app,
    async token(req) {
      if (!req.oidc.isAuthenticated()) return undefined;
      const found = req.oidc.accessToken;
      return (found.isExpired() ? await found.refresh() : found).access_token;
    },
  };
}
