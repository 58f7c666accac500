// This package. Options: `use` (`nothing`, `token`, `guard and token`), `isEncrypted`, `isMounted`.
import { PolarStrategy, polarTokens, requireLogin } from 'passport-polar-sh';
import { redisStorage } from 'passport-polar-sh/redis';
import { clientID, clientSecret } from '../lib/client.mjs';
import { passportApp } from '../lib/passport-app.mjs';

/** @type {import('./app.mjs').MakeApp} */
export default function ({ baseURL, provider, store, redis, options }) {
  const { use = 'token', isEncrypted = false, isMounted = true } = options;
  const polar = new PolarStrategy({
    clientID,
    clientSecret,
    callbackURL: `${baseURL}/callback`,
    server: { webURL: provider, apiURL: provider, issuer: provider },
    storage: redis && redisStorage(redis),
    encryptionKeys: isEncrypted ? ['a key of the bench, of forty characters.'] : undefined,
  });
  const { app, passport } = passportApp(store);
  passport.use(polar);
  if (isMounted) app.use(polarTokens(polar));
  app.get('/login', passport.authenticate('polar'));
  app.get(
    '/callback',
    passport.authenticate('polar', { successReturnToOrRedirect: '/page', failWithError: true }),
  );
  return {
    app,
    guards: use === 'guard and token' ? [requireLogin({ loginPath: '/login' })] : [],
    token:
      use === 'nothing'
        ? (req) => (req.user === undefined ? undefined : '')
        : (req) => req.polar.getAccessToken(),
  };
}
