import express, { type Express } from 'express';
import session from 'express-session';
import {
  loginOnAuthError,
  PolarError,
  type PolarStrategy,
  type PolarStrategyOptions,
  requireLogin,
  requireScope,
} from 'passport-polar-sh';
import { refuseOtherSites } from './csrf.js';
import { answerError, notFound, publicError, wantsPage } from './errors.js';
import { showHome } from './home.js';
import { callPolar, logInWithPolar } from './log-in-with-polar.js';
import { leaveNotice } from './notices.js';
import { favicon } from './pages/favicon.js';
import { productsPage } from './pages/products-page.js';
import { parseProducts } from './polar-lists.js';
import { freshPage, securityHeaders } from './security-headers.js';
import { Timeline } from './timeline.js';
import { noteToken } from './token-change.js';

/** Settings of {@link createApp}. */
export interface AppConfig {
  /** Where browsers reach this app, such as `https://app.example.com`. */
  readonly baseURL: string;
  readonly polar: Omit<PolarStrategyOptions, 'callbackURL'>;
  /** Name of the Polar server, for the pages. */
  readonly polarName: string;
  /** True for a local stand-in. */
  readonly isDemo: boolean;
  readonly sessionSecret: string;
  readonly sessionStore: session.Store;
  /** Adds `GET /token`, which shows the access token: for demonstrations and checks only. */
  readonly exposeToken: boolean;
}

/** The app and what it runs on. Await `polar.settled` before exiting. */
export interface CreatedApp {
  readonly app: Express;
  readonly polar: PolarStrategy;
  readonly timeline: Timeline;
}

const sessionLifetimeMs = 30 * 24 * 60 * 60 * 1000;
const loginPath = '/auth/polar';

/** Creates the app: it logs users in with Polar and calls the Polar API for them. */
export function createApp(config: AppConfig): CreatedApp {
  const isSecure = config.baseURL.startsWith('https:');
  const timeline = new Timeline();
  const app = express();
  // A proxy in front of this app terminates TLS and sends X-Forwarded-Proto.
  app.set('trust proxy', isSecure ? 1 : false);
  app.use(freshPage, securityHeaders(isSecure), refuseOtherSites(config.baseURL));
  app.get('/favicon.svg', (_req, res) => {
    res.set('cache-control', 'public, max-age=86400').type('svg').send(favicon);
  });
  app.use(
    session({
      secret: config.sessionSecret,
      store: config.sessionStore,
      resave: false,
      saveUninitialized: false,
      cookie: { httpOnly: true, sameSite: 'lax', secure: isSecure, maxAge: sessionLifetimeMs },
    }),
  );
  app.post('/logout', (req, res, next) => {
    // The page after the log-out says what happened to this login.
    const loginId = req.session.shownToken?.loginId;
    if (loginId !== undefined) leaveNotice(req, res, { kind: 'logged-out', loginId });
    next();
  });
  const polar = logInWithPolar(app, {
    ...config.polar,
    callbackURL: `${config.baseURL}/auth/polar/callback`,
  });

  app.get('/', showHome(config, timeline));

  app.get('/me', async (req, res) => {
    try {
      const { scopes, expiresAt } = await req.polar.getTokens();
      res.json({ user: req.user, scopes, expiresAt });
    } catch (error) {
      if (!(error instanceof PolarError)) throw error;
      const { status, code, message } = publicError(error);
      res.status(status).json({ error: { code, message } });
    }
  });

  app.get('/organizations', requireLogin({ loginPath }), async (req, res) => {
    res.json(await callPolar(req, '/v1/organizations/'));
  });

  // Users whose login lacks the scope are asked for it at Polar, and return here.
  app.get('/products', requireScope('products:read', { loginPath }), async (req, res) => {
    const products = await callPolar(req, '/v1/products/');
    if (wantsPage(req)) res.send(productsPage(parseProducts(products), res.locals['nonce']));
    else res.json(products);
  });

  // If the login has ended, browsers are sent to log in and return here.
  app.use(['/organizations', '/products'], loginOnAuthError({ loginPath }));

  if (config.exposeToken) {
    app.get('/token', async (req, res) => {
      res.json({ accessToken: await req.polar.getAccessToken() });
    });
  }

  app.post('/refresh', async (req, res) => {
    // The home page compares it with the new one.
    if (wantsPage(req)) noteToken(req, await req.polar.getTokens(), timeline);
    const { scopes, expiresAt } = await req.polar.getTokens({ forceRefresh: true });
    if (wantsPage(req)) res.redirect(303, '/');
    else res.json({ expiresAt, scopes });
  });

  app.use(notFound, answerError);
  return { app, polar, timeline };
}
