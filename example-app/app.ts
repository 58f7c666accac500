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

declare module 'express-session' {
  interface SessionData {
    /** A message to show once. */
    notice?: string;
  }
}

const sessionLifetimeMs = 30 * 24 * 60 * 60 * 1000;

/** Creates the app: it logs users in with Polar and calls the Polar API for them. Await `polar.settled` before exiting. */
export function createApp(config: AppConfig): { app: Express; polar: PolarStrategy } {
  const isSecure = config.baseURL.startsWith('https:');
  const polar = new PolarStrategy({ ...config.polar, callbackURL: `${config.baseURL}/auth/polar/callback` });
  // Not Passport's global instance, so that a process can run several apps.
  const authenticator = new passport.Passport();
  authenticator.use(polar);
  authenticator.serializeUser((user, done) => done(null, user));
  authenticator.deserializeUser((user, done) => done(null, user as Express.User));

  const app = express();
  // A proxy in front of this app terminates TLS and sends X-Forwarded-Proto.
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

  // The strategy itself reads ?return_to=/path, the page to return to.
  app.get('/auth/polar', (req, res, next) => {
    const subType = req.query['sub_type'] === 'organization' ? 'organization' : undefined;
    authenticator.authenticate('polar', { subType })(req, res, next);
  });
  app.get(
    '/auth/polar/callback',
    authenticator.authenticate('polar', {
      successReturnToOrRedirect: '/',
      // Failures go to the error handler below: a message in the session would need a session for visitors who are not logged in.
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
  // If the login has ended, browsers are sent to log in and return here.
  app.use('/organizations', loginOnAuthError({ loginPath }));

  if (config.exposeToken) {
    app.get('/token', async (req, res) => {
      res.json({ accessToken: await req.polar.getAccessToken() });
    });
  }

  app.post('/refresh', async (req, res) => {
    const { scopes, expiresAt } = await req.polar.getTokens({ forceRefresh: true });
    if (!wantsPage(req)) return void res.json({ expiresAt, scopes });
    req.session.notice = 'You have a new access token. The previous one no longer works.';
    res.redirect(303, '/');
  });

  app.post('/logout', logout(polar, { redirectTo: '/' }));

  app.use(notFound, answerError);
  return { app, polar };
}

/** No page is cached, because each is for one user. `res.locals.nonce` allows its inline style and script. */
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
    // On localhost, it would force https on every app there.
    strictTransportSecurity: isSecure,
  });
}

/** The logged-in user with valid tokens, or with the reason why there are none. */
async function currentLogin(req: Request): Promise<LoggedIn | undefined> {
  // Without a verify callback, the user is the profile.
  const user = req.user as PolarProfile | undefined;
  if (user === undefined) return undefined;
  try {
    return { user, tokens: await req.polar.getTokens() };
  } catch (error) {
    return { user, problem: publicError(error) };
  }
}

/** The organizations that the login reaches, in words; undefined if they are unknown. */
async function currentConnection(req: Request): Promise<string | undefined> {
  if (!req.polar.scopes.includes('organizations:read')) return undefined;
  try {
    const { organizations, isLimited } = await req.polar.organizations();
    if (isLimited === false) return 'all of your organizations';
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
