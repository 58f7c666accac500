import { RedisStore } from 'connect-redis';
import express, { type ErrorRequestHandler, type Express } from 'express';
import session, { type Store } from 'express-session';
import passport from 'passport';
import { logout, type PolarError, PolarStrategy, polarTokens, requireLogin } from 'passport-polar-sh';
import { postgresStorage } from 'passport-polar-sh/postgres';
import { redisStorage } from 'passport-polar-sh/redis';
import { Pool } from 'pg';
import { createClient } from 'redis';
import type { Gate } from './gate.js';
import type { RefreshMoment, StoreCounts, WorkerConfig } from './worker-config.js';
import { countWrites, RowWatch, watchedFetch, watchedStorage, watchRows } from './worker-parts.js';

declare module 'express-session' {
  interface SessionData {
    note?: string;
  }
}

/** What the app of a worker needs. */
export interface WorkerAppParts {
  readonly config: WorkerConfig;
  readonly now: () => number;
  readonly report: (moment: RefreshMoment, of: string) => void;
  /** Where `GET /token` waits. */
  readonly gate: Gate;
}

export interface WorkerApp {
  readonly app: Express;
  readonly polar: PolarStrategy;
  readonly takeCounts: () => StoreCounts;
}

/** An app for many processes as its developer would write it, with some routes that cause trouble. */
export async function buildWorkerApp({ config, gate, now, report }: WorkerAppParts): Promise<WorkerApp> {
  const store: Store = new RedisStore({ client: await connectTo(config.sessionsURL) });
  const takeCounts = countWrites(store);
  const watch = new RowWatch(report, config.pauses);
  watchRows(store, watch);
  const polar = await buildStrategy(config, now, report, watch);
  passport.use(polar);
  passport.serializeUser((user, done) => done(null, user));
  passport.deserializeUser((user, done) => done(null, user as Express.User));

  const app = express();
  app.use(session({ secret: 'only for tests', resave: false, saveUninitialized: false, store }));
  app.use(passport.session(), polarTokens(polar));
  app.get('/auth/polar', passport.authenticate('polar'));
  app.get('/auth/polar/callback', passport.authenticate('polar'), (_req, res) => void res.sendStatus(204));
  // Links another login to the session of a user who is logged in already, and keeps that session.
  const link = passport.authorize('polar', { callbackURL: config.linkURL });
  app.get('/link/polar', link);
  app.get('/link/polar/callback', link, (_req, res) => void res.sendStatus(204));
  app.post('/log-in-as-other', (req, res, next) => {
    req.login({ id: 'another user' } as Express.User, (error) => (error ? next(error) : res.sendStatus(204)));
  });
  app.post('/logout', logout(polar), (_req, res) => void res.sendStatus(204));

  app.get('/token', async (req, res) => {
    await gate.pass();
    res.json({ accessToken: await req.polar.getAccessToken() });
  });
  app.post('/refresh', async (req, res) => void res.json(await req.polar.getTokens({ forceRefresh: true })));
  app.get('/login', (req, res) => void res.json({ loginId: req.polar.loginId, user: req.user ?? null }));
  app.get('/members', requireLogin({ loginPath: '/auth/polar' }), (_req, res) => void res.sendStatus(204));
  app.get('/organizations', async (req, res) => {
    const answer = await req.polar.fetch('/v1/organizations/');
    res.status(answer.status).json(await answer.json());
  });
  // Writes its session. With `afterMs` it loads the session, waits, and writes it back stale.
  app.post('/touch', async (req, res) => {
    await new Promise((resolve) => setTimeout(resolve, Number(req.query['afterMs'] ?? 0)));
    req.session.note = String(req.query['note'] ?? Math.random());
    res.sendStatus(204);
  });
  // Gets a token, then writes the session that it loaded before.
  app.post('/token-and-touch', async (req, res) => {
    const accessToken = await req.polar.getAccessToken().catch((error: PolarError) => error.code);
    req.session.note = 'touched after the token';
    res.json({ accessToken });
  });
  app.use(answerError);
  return { app, polar, takeCounts };
}

async function buildStrategy(
  config: WorkerConfig,
  now: () => number,
  report: WorkerAppParts['report'],
  watch: RowWatch,
): Promise<PolarStrategy> {
  const scope = ['openid', 'email', 'organizations:read'];
  const options = { ...config.strategy, scope, now, fetch: watchedFetch(report) as never };
  if (config.storage === 'session') return new PolarStrategy(options);
  if (config.storage === 'postgres') {
    const pool = new Pool({ connectionString: config.storageURL, connectionTimeoutMillis: 2000 });
    pool.on('error', () => {}); // a test may have cut it off
    return new PolarStrategy({ ...options, storage: postgresStorage(pool, { createTables: true }) });
  }
  const storage = redisStorage(await connectTo(config.storageURL));
  return new PolarStrategy({ ...options, storage: watchedStorage(storage, watch) });
}

async function connectTo(url: string) {
  const client = createClient({
    url,
    socket: { reconnectStrategy: (retries) => Math.min(50 * retries, 500) },
  });
  client.on('error', () => {}); // a test may have stopped it
  await client.connect();
  return client;
}

const answerError: ErrorRequestHandler = (error, _req, res, _next) => {
  const { code, message, status } = error as PolarError;
  const { retryAfterSeconds } = error as { retryAfterSeconds?: number };
  res.status(status ?? 500).json({ code, message, retryAfterSeconds });
};
