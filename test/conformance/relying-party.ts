/** A real Express app with real sessions on a real port, which logs users in at the provider. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { inspect } from 'node:util';
import { afterEach, expect } from '@jest/globals';
import express, { type ErrorRequestHandler, type RequestHandler } from 'express';
import session from 'express-session';
import passport from 'passport';
import { type PolarServer, PolarStrategy, type PolarStrategyOptions, polarTokens } from 'passport-polar-sh';
import { Browser } from '../support/browser.js';
import { closeServer } from '../support/test-app.js';
import type { Endpoint, Provider } from './provider/provider.js';

/** Returns a function that registers what has to be closed after the test. */
export function closesAfterEach(): <T extends { close(): Promise<void> }>(part: T) => T {
  const opened: { close(): Promise<void> }[] = [];
  afterEach(async () => {
    for (const part of opened.splice(0).reverse()) await part.close();
  });
  return (part) => {
    opened.push(part);
    return part;
  };
}

/** How the app is configured for the provider. */
export type KnownBy = 'discovery' | 'addresses';

/** The app. */
export interface RelyingParty {
  readonly url: string;
  readonly store: session.MemoryStore;
  /** Errors that reached Express's error handler. */
  readonly errors: unknown[];
  /** A new browser with a cookie jar of its own. */
  browser(): Browser;
  close(): Promise<void>;
}

/** The outcome of a login. */
export interface Outcome {
  readonly status: number;
  /** The package's error code; undefined after a successful login. */
  readonly code: string | undefined;
}

/** The `server` option for a provider. */
export function serverOption(provider: Provider, by: KnownBy): PolarServer {
  const { discoveryURL, issuer, origin } = provider;
  return by === 'discovery' ? { discoveryURL } : { webURL: origin, apiURL: origin, issuer };
}

/**
 * Starts the app. The first provider is the strategy `polar`, the others are `polar2` and so on, each with its own
 * callback address.
 */
export async function startRelyingParty(
  providers: Provider | readonly [Provider, ...Provider[]],
  { by = 'discovery', ...options }: Partial<PolarStrategyOptions> & { readonly by?: KnownBy } = {},
): Promise<RelyingParty> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const store = new session.MemoryStore();
  const errors: unknown[] = [];
  const authenticator = new passport.Passport();
  authenticator.serializeUser((user, done) => done(null, user));
  authenticator.deserializeUser((user, done) => done(null, user as Express.User));

  const app = express();
  app.use(session({ secret: 'only for tests', resave: false, saveUninitialized: false, store }));
  app.use(authenticator.session());
  for (const [index, provider] of [providers].flat().entries()) {
    const name = index === 0 ? 'polar' : `polar${index + 1}`;
    const polar = new PolarStrategy({
      clientID: provider.clientID,
      clientSecret: provider.clientSecret,
      callbackURL: `/auth/${name}/callback`,
      server: serverOption(provider, by),
      fetchUserInfo: true,
      now: provider.clock.now,
      name,
      ...options,
    });
    authenticator.use(polar);
    provider.redirectURIs.push(`${url}/auth/${name}/callback`);
    app.get(`/auth/${name}`, authenticator.authenticate(name));
    app.get(`/auth/${name}/callback`, finishesLogin(authenticator, name));
    app.get(`/${name}/token`, polarTokens(polar), async (req, res) => {
      const forceRefresh = req.query['force'] === '1';
      res.json({ accessToken: await req.polar.getAccessToken({ forceRefresh }) });
    });
  }
  app.get('/me', (req, res) => void res.json({ user: req.user ?? null }));
  const answerError: ErrorRequestHandler = (error, _req, res, _next) => {
    errors.push(error);
    res.status(error.status ?? 500).json({ code: error.code ?? String(error) });
  };
  app.use(answerError);
  server.on('request', app);
  return { url, store, errors, browser: () => new Browser(url), close: () => closeServer(server) };
}

/** Passport's custom callback, which sees the code of a failure. */
function finishesLogin(authenticator: passport.Authenticator, name: string): RequestHandler {
  return (req, res, next) => {
    const done: passport.AuthenticateCallback = (error, user, info) => {
      if (error) return next(error);
      if (!user) return void res.status(403).json({ code: (info as { code?: string }).code ?? 'no code' });
      req.logIn(user, (problem: unknown) => (problem ? next(problem) : res.json({})));
    };
    authenticator.authenticate(name, done)(req, res, next);
  };
}

/** The whole trip of a browser to the provider and back, as far as it gets. */
export async function logIn(browser: Browser, name = 'polar'): Promise<Outcome> {
  const start = await browser.get(`/auth/${name}`);
  const to = start.headers['location'];
  if (to === undefined) return { status: start.status, code: start.body.code };
  return deliver(browser, await browser.visitPolar(new URL(to)));
}

/** Delivers a response of the provider to the app. */
export async function deliver(browser: Browser, path: string): Promise<Outcome> {
  const answer = await browser.get(path);
  return { status: answer.status, code: answer.body.code };
}

/** The content of the session store as text. */
export function storedText({ store }: RelyingParty): string {
  return JSON.stringify(store['sessions' as never]);
}

/** Nobody is logged in, with this error code, after exactly these calls; no secret was stored or shown. */
export async function expectRefusal(
  app: RelyingParty,
  provider: Provider,
  browser: Browser,
  outcome: Outcome,
  { code, calls }: { readonly code: string; readonly calls: readonly Endpoint[] },
): Promise<void> {
  expect({ code: outcome.code, calls: provider.takeCalls() }).toEqual({ code, calls });
  expect(outcome.status).toBeGreaterThanOrEqual(400);
  expect((await browser.get('/me')).body.user).toBeNull();
  expect(provider.complaints).toEqual([]);
  expectNoSecrets(provider, app.errors);
  const { secrets } = provider;
  expect([...secrets].filter((secret) => storedText(app).includes(secret))).toEqual([]);
}

/** The right user is logged in, after exactly these calls. */
export async function expectLogin(
  provider: Provider,
  browser: Browser,
  outcome: Outcome,
  calls: readonly Endpoint[],
): Promise<void> {
  expect({ ...outcome, calls: provider.takeCalls() }).toEqual({ status: 200, code: undefined, calls });
  expect((await browser.get('/me')).body.user).toMatchObject({ provider: 'polar', id: provider.subject });
  expect(provider.complaints).toEqual([]);
}

/** No representation of an error shows a token, a code or the client's secret. */
export function expectNoSecrets({ secrets }: Provider, errors: readonly unknown[]): void {
  const texts = errors.map((error) => {
    const everything = inspect(error, { depth: 20, showHidden: true, maxStringLength: null });
    return `${everything} ${JSON.stringify(error)} ${String(error)} ${(error as Error).stack}`;
  });
  expect([...secrets].filter((secret) => texts.some((text) => text.includes(secret)))).toEqual([]);
}
