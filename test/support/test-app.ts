import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import express, { type ErrorRequestHandler, type Express } from 'express';
import session, { type SessionOptions } from 'express-session';
import passport from 'passport';
import { PolarError, PolarStrategy, type PolarStrategyOptions, polarTokens } from 'passport-polar-sh';
import {
  type PolarEmulator,
  type PolarEmulatorClient,
  type PolarEmulatorOptions,
  startPolarEmulator,
} from 'passport-polar-sh/emulator';
import { Browser } from './browser.js';

/** What a test wants different from the usual app. */
export interface TestAppOptions {
  readonly strategy?: Partial<PolarStrategyOptions>;
  readonly verify?: unknown;
  readonly session?: Partial<SessionOptions>;
  readonly emulator?: PolarEmulatorOptions;
  /** A Polar that runs already. */
  readonly sharedEmulator?: PolarEmulator;
  readonly publicClient?: boolean;
  /** Options of passport.authenticate on the callback route. */
  readonly callback?: passport.AuthenticateOptions;
  /** Routes before the usual login routes. */
  readonly routes?: (app: Express, parts: TestAppParts) => void;
}

export interface TestAppParts {
  readonly passport: passport.Authenticator;
  readonly polar: PolarStrategy;
  readonly store: session.MemoryStore;
  readonly emulator: PolarEmulator;
  readonly client: PolarEmulatorClient;
  readonly url: string;
}

export interface TestApp extends TestAppParts {
  /** A new browser with a cookie jar of its own. */
  browser(): Browser;
  /** A new browser that has logged in. */
  loggedInBrowser(): Promise<Browser>;
  /** Errors that reached Express's error handler. */
  readonly errors: unknown[];
  close(): Promise<void>;
}

/** A real Express app with real sessions on a real port, and a Polar of its own. */
export async function startTestApp(options: TestAppOptions = {}): Promise<TestApp> {
  const emulator =
    options.sharedEmulator ?? (await startPolarEmulator({ consent: 'auto', ...options.emulator }));
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const client = emulator.registerClient({
    redirectURIs: [`${url}/auth/polar/callback`],
    ...(options.publicClient && { tokenEndpointAuthMethod: 'none' as const }),
  });
  const polar = new PolarStrategy(
    {
      clientID: client.clientID,
      clientSecret: client.clientSecret,
      callbackURL: '/auth/polar/callback',
      server: emulator.server,
      now: emulator.now,
      ...options.strategy,
    },
    options.verify as never,
  );
  const store = (options.session?.store as session.MemoryStore | undefined) ?? new session.MemoryStore();
  const authenticator = new passport.Passport();
  const parts: TestAppParts = { passport: authenticator as never, polar, store, emulator, client, url };
  const errors: unknown[] = [];
  server.on('request', buildApp(parts, options, errors));
  return {
    ...parts,
    errors,
    browser: () => new Browser(url),
    loggedInBrowser: async () => {
      const browser = new Browser(url);
      await browser.logIn();
      return browser;
    },
    close: async () => {
      await closeServer(server);
      if (options.sharedEmulator === undefined) await emulator.close();
    },
  };
}

function buildApp(
  { passport, polar, store, ...rest }: TestAppParts,
  options: TestAppOptions,
  errors: unknown[],
): Express {
  passport.use(polar);
  passport.serializeUser((user, done) => done(null, user));
  passport.deserializeUser((user, done) => done(null, user as Express.User));

  const app = express();
  app.set('trust proxy', 'loopback');
  app.use(
    session({ secret: 'only for tests', resave: false, saveUninitialized: false, store, ...options.session }),
  );
  app.use(passport.session(), polarTokens(polar));
  options.routes?.(app, { passport, polar, store, ...rest });
  app.get('/auth/polar', passport.authenticate('polar'));
  app.get(
    '/auth/polar/callback',
    passport.authenticate('polar', {
      successReturnToOrRedirect: '/home',
      failureRedirect: '/failed',
      failureMessage: true,
      ...options.callback,
    }),
    (req, res) => void res.json({ user: req.user ?? null, info: req.authInfo ?? null }),
  );
  app.get('/me', (req, res) => void res.json({ user: req.user ?? null, scopes: req.polar.scopes }));
  app.get('/token', async (req, res) => void res.json({ accessToken: await req.polar.getAccessToken() }));
  app.get('/session', (req, res) => void res.json(req.session));
  app.get(
    '/failed',
    (req, res) => void res.json({ messages: (req.session as { messages?: string[] }).messages ?? [] }),
  );
  const answerError: ErrorRequestHandler = (error, _req, res, _next) => {
    errors.push(error);
    const { code, message } = error as PolarError;
    res
      .status((error as PolarError).status ?? 500)
      .json({ code, message, isPolarError: error instanceof PolarError });
  };
  app.use(answerError);
  return app;
}

export function closeServer(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}
