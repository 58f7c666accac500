import express from 'express';
import session from 'express-session';
import passport from 'passport';
import {
  logout,
  PolarStrategy,
  type PolarStrategyOptions,
  polarTokens,
  requireLogin,
} from 'passport-polar-sh';

/** What differs from host to host. */
export interface Deployment {
  /** Where browsers find the app, such as `https://shop.example`. */
  readonly baseURL: string;
  /** Express's `trust proxy`: a number of proxies, or their addresses. */
  readonly trustProxy: number | string;
  readonly sessionSecret: string;
  readonly store: session.Store;
  readonly polar: Omit<PolarStrategyOptions, 'callbackURL'>;
}

export function createApp({ baseURL, trustProxy, sessionSecret, store, ...rest }: Deployment) {
  const polar = new PolarStrategy({ ...rest.polar, callbackURL: `${baseURL}/auth/polar/callback` });
  const authenticator = new passport.Passport();
  authenticator.use(polar);
  authenticator.serializeUser((user, done) => done(null, user));
  authenticator.deserializeUser((user, done) => done(null, user as Express.User));

  const app = express();
  app.set('trust proxy', trustProxy);
  const cookie = { secure: true, httpOnly: true, sameSite: 'lax', maxAge: 30 * 24 * 60 * 60 * 1000 } as const;
  app.use(session({ secret: sessionSecret, store, cookie, resave: false, saveUninitialized: false }));
  app.use(authenticator.session(), polarTokens(polar));

  app.get('/auth/polar', authenticator.authenticate('polar'));
  app.get(
    '/auth/polar/callback',
    authenticator.authenticate('polar', { successReturnToOrRedirect: `${baseURL}/`, failWithError: true }),
  );
  app.get('/organizations', requireLogin({ loginPath: '/auth/polar' }), async (req, res) => {
    const response = await req.polar.fetch('/v1/organizations/');
    res.json(await response.json());
  });
  app.post('/logout', logout(polar, { redirectTo: `${baseURL}/` }));
  app.get('/', (req, res) => void res.set('Cache-Control', 'no-store').json({ user: req.user ?? null }));
  app.get('/ip', (req, res) => void res.set('Cache-Control', 'no-store').send(req.ip));
  return { app, polar };
}
