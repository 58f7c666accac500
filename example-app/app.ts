import { randomBytes } from 'node:crypto';
import express, { type Express, type Request, type RequestHandler, type Response } from 'express';
import session from 'express-session';
import helmet from 'helmet';
import passport from 'passport';
import {
  loginOnAuthError,
  logout,
  PolarError,
  type PolarProfile,
  PolarStrategy,
  type PolarStrategyOptions,
  polarTokens,
  requireLogin,
} from 'passport-polar-sh';
import { refuseOtherSites } from './csrf.js';
import { answerError, notFound, publicError, wantsPage } from './errors.js';
import { fetchOrganizations, parseOrganizations } from './organizations.js';
import { homePage, type LoggedIn, type OrganizationsShown } from './pages/home-page.js';

/** What {@link createApp} needs to know. */
export interface AppConfig {
  /** Where browsers reach this app, such as `https://app.example.com`. */
  readonly baseURL: string;
  readonly polar: Omit<PolarStrategyOptions, 'callbackURL'>;
  /** What people read about the Polar that they log in with. */
  readonly polarName: string;
  /** True when that is a local stand-in. */
  readonly isDemo: boolean;
  readonly sessionSecret: string;
  readonly sessionStore: session.Store;
  /** Adds `GET /token`, which shows the access token: for demonstrations and checks only. */
  readonly exposeToken: boolean;
}

declare module 'express-session' {
  interface SessionData {
    /** Good news to show once. */
    notice?: string;
  }
}

const sessionLifetimeMs = 30 * 24 * 60 * 60 * 1000;

/** The app: logs people in with Polar, and calls the Polar API for them. Its strategy is to be waited for at the end. */
export function createApp(config: AppConfig): { app: Express; polar: PolarStrategy } {
  const isSecure = config.baseURL.startsWith('https:');
  const polar = new PolarStrategy({ ...config.polar, callbackURL: `${config.baseURL}/auth/polar/callback` });
  // One of its own, rather than Passport's global one, so that a process can hold several apps.
  const authenticator = new passport.Passport();
  authenticator.use(polar);
  authenticator.serializeUser((user, done) => done(null, user));
  authenticator.deserializeUser((user, done) => done(null, user as Express.User));

  const app = express();
  // https ends at a proxy in front of this app, which says so in X-Forwarded-Proto.
  app.set('trust proxy', isSecure ? 1 : false);
  app.use(freshPage, securityHeaders(isSecure), refuseOtherSites(config.baseURL));
  app.use(
    session({
      secret: config.sessionSecret,
      store: config.sessionStore,
      resave: false,
      saveUninitialized: false,
      cookie: { httpOnly: true, sameSite: 'lax', secure: isSecure, maxAge: sessionLifetimeMs },
    }),
  );
  app.use(authenticator.session(), polarTokens(polar));

  app.get('/', async (req, res) => {
    const { notice } = req.session;
    delete req.session.notice;
    const login = await currentLogin(req);
    const organizations =
      login?.tokens && req.query['show'] === 'organizations' ? await currentOrganizations(req) : undefined;
    const visitedAt = `${req.protocol}://${req.get('host')}`;
    const connectedTo = login?.tokens && (await currentConnection(req));
    res.send(
      homePage({
        ...config,
        nonce: res.locals['nonce'],
        visitedAt,
        notice,
        login,
        organizations,
        connectedTo,
      }),
    );
  });

  // ?return_to=/path, which the strategy reads itself, is where people come back to.
  app.get('/auth/polar', (req, res, next) => {
    const subType = req.query['sub_type'] === 'organization' ? 'organization' : undefined;
    authenticator.authenticate('polar', { subType })(req, res, next);
  });
  app.get(
    '/auth/polar/callback',
    authenticator.authenticate('polar', {
      successReturnToOrRedirect: '/',
      // To the error handler below: a message in the session would need a session for strangers, and a cookie that came back.
      failWithError: true,
    }),
  );

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

  const loginPath = '/auth/polar';
  app.get('/organizations', requireLogin({ loginPath }), async (req, res) => {
    res.json(await fetchOrganizations(req));
  });
  // Opened in a browser when the login has just ended, it asks to log in and comes back.
  app.use('/organizations', loginOnAuthError({ loginPath }));

  if (config.exposeToken) {
    app.get('/token', async (req, res) => {
      res.json({ accessToken: await req.polar.getAccessToken() });
    });
  }

  app.post('/refresh', async (req, res) => {
    const { scopes, expiresAt } = await req.polar.getTokens({ forceRefresh: true });
    if (!wantsPage(req)) return void res.json({ expiresAt, scopes });
    req.session.notice = 'Here is a new access token. The one before it no longer works.';
    res.redirect(303, '/');
  });

  app.post('/logout', logout(polar, { redirectTo: '/' }));

  app.use(notFound, answerError);
  return { app, polar };
}

/** Every page is made for one person, and lets its own inline style and script through by `res.locals.nonce`. */
const freshPage: RequestHandler = (_req, res, next) => {
  res.locals['nonce'] = randomBytes(16).toString('base64');
  res.set('cache-control', 'no-store');
  next();
};

function securityHeaders(isSecure: boolean): RequestHandler {
  const nonce = (_req: unknown, res: unknown) => `'nonce-${(res as Response).locals['nonce']}'`;
  return helmet({
    contentSecurityPolicy: {
      useDefaults: false,
      directives: {
        defaultSrc: ["'none'"],
        styleSrc: [nonce],
        scriptSrc: [nonce],
        imgSrc: ['data:'],
        formAction: ["'self'"],
        baseUri: ["'none'"],
        frameAncestors: ["'none'"],
      },
    },
    // With helmet's no-referrer, browsers would send `Origin: null` with our own forms.
    referrerPolicy: { policy: 'same-origin' },
    xFrameOptions: { action: 'deny' },
    // On localhost, it would take the plain http from every app there.
    strictTransportSecurity: isSecure,
  });
}

/** Who is logged in, with tokens that are valid now, or the reason why there are none. */
async function currentLogin(req: Request): Promise<LoggedIn | undefined> {
  // Without a verify callback the user is the profile.
  const user = req.user as PolarProfile | undefined;
  if (user === undefined) return undefined;
  try {
    return { user, tokens: await req.polar.getTokens() };
  } catch (error) {
    return { user, problem: publicError(error) };
  }
}

/** What the login is limited to, in words; undefined where that cannot be said now. */
async function currentConnection(req: Request): Promise<string | undefined> {
  if (!req.polar.scopes.includes('organizations:read')) return undefined;
  try {
    const { organizations, isLimited } = await req.polar.organizations();
    if (isLimited === false) return 'all of yours';
    return organizations.map(({ name }) => name).join(', ') || 'none';
  } catch {
    return undefined;
  }
}

async function currentOrganizations(req: Request): Promise<OrganizationsShown> {
  const startedAt = performance.now();
  try {
    const list = parseOrganizations(await fetchOrganizations(req));
    return { list, tookMs: performance.now() - startedAt };
  } catch (error) {
    return { problem: publicError(error) };
  }
}
