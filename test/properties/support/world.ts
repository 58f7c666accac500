/** A real Express app with real sessions and the real strategy, called without sockets, and a Polar in its fetch. */
import { createHmac, randomBytes } from 'node:crypto';
import { IncomingMessage, ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import express, { type ErrorRequestHandler, type Express } from 'express';
import session from 'express-session';
import passport from 'passport';
import {
  PolarStrategy,
  type PolarStrategyOptions,
  polarTokens,
  requireLogin,
  requireScope,
} from 'passport-polar-sh';
import { rsaKey, signIdToken } from '../../support/sign-id-token.js';

export type Json = Record<string, unknown>;

/** What an app without sockets answered. */
export interface Sent {
  readonly status: number;
  readonly location: string | undefined;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly body: string;
}

const socket = new Socket();

/** Has an app answer a request that no network has carried. */
export function send(
  app: Express,
  url: string,
  headers: Record<string, string> = {},
  rawHeaders: string[] = [],
) {
  const req = new IncomingMessage(socket);
  Object.assign(req, { method: 'GET', url, headers: { host: 'app.example', ...headers }, rawHeaders });
  const res = new ServerResponse(req);
  return new Promise<Sent>((resolve) => {
    res.end = ((chunk: unknown) => {
      const all = { ...res.getHeaders() };
      resolve({
        status: res.statusCode,
        location: all['location'] as string | undefined,
        headers: all,
        body: chunk === undefined || chunk === null ? '' : String(chunk),
      });
      return res;
    }) as never;
    app(req as never, res as never);
  });
}

export const clientID = 'polar_ci_1';
export const issuer = 'https://polar.sh';
export const nonce = 'nonce-Vb37-fixed-for-all-logins';
export const codeVerifier = 'verifier-Xn82-fixed-for-all-logins';
export const goodCode = 'code-Qk19-that-polar-gave';
export const clientSecret = 'client-secret-Dd75';
export const accessToken = 'polar_at_u_Hh23good';
export const refreshToken = 'polar_rt_u_Jj66good';
export const callbackURL = 'https://app.example/auth/polar/callback';

export const key = rsaKey();
const seconds = Math.floor(Date.now() / 1000);
/** Claims that Polar would sign for a login of this world; they hold for as long as any test runs. */
export const goodClaims = {
  iss: issuer,
  sub: '11111111-1111-4111-8111-111111111111',
  aud: [clientID],
  exp: seconds + 20 * 3600,
  iat: seconds,
  nonce,
  email: 'ada@example.com',
  email_verified: true,
};
export const idToken = signIdToken(key, { payload: goodClaims });
export const secrets = [goodCode, clientSecret, accessToken, refreshToken, nonce, codeVerifier, idToken];
export const goodTokens = {
  token_type: 'Bearer',
  access_token: accessToken,
  refresh_token: refreshToken,
  id_token: idToken,
  expires_in: 864_000,
  scope: 'openid email',
};

/** What `fetch` answers; changed by tests. */
export interface PolarAnswers {
  token(form: URLSearchParams): Response;
  jwks(): Response;
  api(): Response;
}

/** Grants tokens for the good code alone, and quotes what it refuses. */
export function grantForGoodCode(form: URLSearchParams): Response {
  const isGood =
    form.get('code') === goodCode &&
    form.get('code_verifier') === codeVerifier &&
    form.get('redirect_uri') === callbackURL;
  if (isGood) return Response.json(goodTokens);
  const said = `not good: ${form.get('code')} ${form.get('code_verifier')} ${form.get('client_secret')}`;
  return Response.json({ error: 'invalid_grant', error_description: said }, { status: 400 });
}

export interface World {
  readonly app: Express;
  readonly polar: PolarStrategy;
  readonly answers: PolarAnswers;
  /** Errors that reached Express since the last {@link World.begin}. */
  readonly errors: unknown[];
  /** Forgets everything and puts a session with a login under way into the store, changed as wanted. */
  begin(change?: (session: Json) => unknown): { readonly state: string; readonly cookie: string };
  /** A session with somebody logged in. */
  readonly loggedIn: Json;
  /** All sessions that are in the store. */
  sessions(): Json[];
}

/** The world; logged in once, so that a session of somebody who is logged in is known. */
export async function startWorld(more: Partial<PolarStrategyOptions> = {}): Promise<World> {
  const answers: PolarAnswers = {
    token: grantForGoodCode,
    jwks: () => Response.json({ keys: [key.jwk] }),
    api: () => Response.json({}),
  };
  const fetch = async (url: string, init: RequestInit): Promise<Response> => {
    if (url.endsWith('/token')) return answers.token(new URLSearchParams(String(init.body)));
    if (url.endsWith('/jwks.json')) return answers.jwks();
    return answers.api();
  };
  // Time stands still: a million runs take longer than a login may.
  const now = (): number => seconds * 1000;
  const polar = new PolarStrategy({ clientID, clientSecret, callbackURL, fetch, now, ...more });
  const store = new session.MemoryStore() as session.MemoryStore & { sessions: Record<string, string> };
  const secret = 'only for tests';
  const errors: unknown[] = [];
  const authenticator = new passport.Passport();
  authenticator.use(polar);
  authenticator.serializeUser((user, done) => done(null, user));
  authenticator.deserializeUser((user, done) => done(null, user as Express.User));
  const app = express();
  app.set('etag', false);
  app.use(session({ secret, resave: false, saveUninitialized: false, store }));
  app.use(authenticator.session(), polarTokens(polar));
  app.get('/auth/polar', authenticator.authenticate('polar'));
  app.get(
    '/auth/polar/callback',
    authenticator.authenticate('polar', {
      successReturnToOrRedirect: '/home',
      failureRedirect: '/failed',
      failureMessage: true,
    }),
  );
  app.get('/token', async (req, res) => void res.json({ accessToken: await req.polar.getAccessToken() }));
  app.get('/page', requireLogin({ loginPath: '/auth/polar' }), (_req, res) => void res.json({ page: true }));
  app.get(
    '/scope',
    requireScope('orders:read', { loginPath: '/auth/polar' }),
    (_req, res) => void res.json({ page: true }),
  );
  const answerError: ErrorRequestHandler = (error, _req, res, _next) => {
    errors.push(error);
    res.status((error as { status?: number }).status ?? 500).json({});
  };
  app.use(answerError);

  const sessions = (): Json[] => Object.values(store.sessions).map((text) => JSON.parse(text));
  await send(app, '/auth/polar');
  const [started] = sessions() as [Json & { polarLogins: [Json] }];

  const begin: World['begin'] = (change = (same) => same) => {
    store.sessions = Object.create(null);
    errors.length = 0;
    const state = randomBytes(32).toString('base64url');
    const sid = randomBytes(24).toString('base64url');
    const login = { ...started.polarLogins[0], state, nonce, codeVerifier };
    store.sessions[sid] = JSON.stringify(change({ ...started, cookie: plainCookie, polarLogins: [login] }));
    const signature = createHmac('sha256', secret).update(sid).digest('base64').replace(/=+$/, '');
    return { state, cookie: `connect.sid=${encodeURIComponent(`s:${sid}.${signature}`)}` };
  };
  const { state, cookie } = begin();
  await send(app, `/auth/polar/callback?code=${goodCode}&state=${state}`, { cookie });
  const [loggedIn] = sessions() as [Json];
  return { app, polar, answers, errors, begin, loggedIn, sessions };
}

const plainCookie = { originalMaxAge: null, expires: null, httpOnly: true, path: '/' };

/** Whether somebody is logged in, and with which tokens. */
export function isLoggedIn(sessions: readonly Json[]): boolean {
  return sessions.some(({ passport: kept, polar }) => kept !== undefined || polar !== undefined);
}
