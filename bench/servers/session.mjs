// The baseline: a session with a user in it, and no token anywhere. Option: `hasEmptyMiddleware`.
import { randomUUID } from 'node:crypto';
import { clientID, userOf } from '../lib/client.mjs';
import { passportApp } from '../lib/passport-app.mjs';

/** @type {import('./app.mjs').MakeApp} */
export default function ({ provider, store, options }) {
  const { app } = passportApp(store);
  if (options.hasEmptyMiddleware === true) app.use((_req, _res, next) => next());
  const now = Math.floor(Date.now() / 1000);
  const user = userOf({
    iss: provider,
    exp: now + 3600,
    iat: now,
    auth_time: now,
    aud: [clientID],
    nonce: 'n'.repeat(43),
    at_hash: 'h'.repeat(22),
    sub: randomUUID(),
    name: 'ada@example.com',
    email: 'ada@example.com',
    email_verified: true,
  });
  app.get('/login', (req, res, next) =>
    req.login(user, (error) => (error ? next(error) : res.redirect('/page'))),
  );
  return { app, token: (req) => (req.user === undefined ? undefined : '') };
}
