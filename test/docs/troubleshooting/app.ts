import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import express, { type ErrorRequestHandler, type Express } from 'express';
import session, { type SessionOptions } from 'express-session';
import { Passport } from 'passport';
import { PolarStrategy, type PolarStrategyOptions, polarTokens } from 'passport-polar-sh';
import { type PolarEmulator, type PolarEmulatorClient, startPolarEmulator } from 'passport-polar-sh/emulator';
import { Browser } from '../../support/browser.js';
import { closeServer } from '../../support/test-app.js';

/** What an app is set up from. */
export interface Parts {
  readonly app: Express;
  readonly passport: InstanceType<typeof Passport>;
  readonly polar: PolarStrategy;
  readonly options: PolarStrategyOptions;
  readonly url: string;
}

export interface RunningApp extends Parts {
  readonly emulator: PolarEmulator;
  readonly client: PolarEmulatorClient;
  browser(): Browser;
  close(): Promise<void>;
}

export interface AppOptions {
  readonly strategy?: Partial<PolarStrategyOptions>;
  readonly verify?: () => Express.User | false;
  /** The first process of this app, which is closed last. */
  readonly sameAs?: RunningApp;
  /** Redirect URIs of the client beside that of the app. */
  readonly redirectURIs?: readonly string[];
}

/**
 * Starts an app that has no middleware of its own: `setUp` mounts all of it, in the order under test. Only an error handler
 * follows, which responds with code and message.
 */
export async function startApp(
  setUp: (parts: Parts) => void,
  { strategy, verify, sameAs, redirectURIs = [] }: AppOptions = {},
): Promise<RunningApp> {
  const emulator = sameAs?.emulator ?? (await startPolarEmulator({ consent: 'auto' }));
  const app = express();
  const server = createServer(app);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const callback = `${url}/auth/polar/callback`;
  const client = sameAs?.client ?? emulator.registerClient({ redirectURIs: [callback, ...redirectURIs] });
  if (sameAs !== undefined)
    emulator.updateClient(client.clientID, { redirectURIs: [...client.redirectURIs, callback] });
  const options = {
    clientID: client.clientID,
    clientSecret: client.clientSecret,
    callbackURL: '/auth/polar/callback',
    server: emulator.server,
    now: emulator.now,
    ...strategy,
  };
  const passport = new Passport();
  const polar = new PolarStrategy(options, verify as never);
  passport.use(polar);
  passport.serializeUser((user, done) => done(null, user));
  passport.deserializeUser((user, done) => done(null, user as Express.User));
  setUp({ app, passport, polar, options, url });
  const showError: ErrorRequestHandler = (error, _req, res, _next) => {
    const { code, message, status = 500 } = error as { code?: string; message: string; status?: number };
    res.status(status).json({ code, message });
  };
  app.use(showError);
  return {
    app,
    passport,
    polar,
    options,
    emulator,
    client,
    url,
    browser: () => new Browser(url),
    close: async () => {
      await closeServer(server);
      if (sameAs === undefined) await emulator.close();
    },
  };
}

/** The session, Passport and `req.polar`, in the right order. */
export function useSession({ app, passport, polar }: Parts, options: Partial<SessionOptions> = {}): void {
  app.use(session({ secret: 'only for tests', resave: false, saveUninitialized: false, ...options }));
  app.use(passport.session(), polarTokens(polar));
}

/** The routes that log in, and pages that show who is logged in. */
export function useRoutes({ app, passport }: Parts): void {
  app.get('/auth/polar', passport.authenticate('polar'));
  app.get(
    '/auth/polar/callback',
    passport.authenticate('polar', { successReturnToOrRedirect: '/', failWithError: true }),
  );
  app.get('/', (req, res) => void res.json({ user: req.user ?? null }));
  app.get('/token', async (req, res) => void res.json({ accessToken: await req.polar.getAccessToken() }));
}
