/** A real Express app with real sessions and the real strategy, called without sockets, and a Polar in its fetch. */
import { createHash, createHmac, randomBytes } from 'node:crypto';
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
import { isRowId } from '../../support/stored-rows.js';

// Tens of thousands of hints for developers would hide the output of a test.
process.env['NODE_ENV'] = 'production';

export type Json = Record<string, unknown>;

/** The response of an app without sockets. */
export interface Sent {
  readonly status: number;
  readonly location: string | undefined;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly body: string;
}

const socket = new Socket();

/** Lets an app respond to a request without a network. */
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
/** A placeholder of the same length for the nonce, in values that are generated before a login. See {@link World.inThisLogin}. */
export const nonce = 'nonce-Vb37-that-stands-for-one-of-a-login-9';
export const goodCode = 'code-Qk19-that-polar-gave';
export const clientSecret = 'client-secret-Dd75';
export const accessToken = 'polar_at_u_Hh23good';
export const refreshToken = 'polar_rt_u_Jj66good';
export const callbackURL = 'https://app.example/auth/polar/callback';

export const key = rsaKey();
const seconds = Math.floor(Date.now() / 1000);
/** Claims that Polar would sign for a login of this world, valid for as long as any test runs. */
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
/** A placeholder for the id_token of a login, letter by letter. */
export const idToken = signIdToken(key, { payload: goodClaims });
/** The secrets of every login; {@link World.secrets} knows the others. */
export const secrets = [goodCode, clientSecret, accessToken, refreshToken, idToken];
export const goodTokens = {
  token_type: 'Bearer',
  access_token: accessToken,
  refresh_token: refreshToken,
  id_token: idToken,
  expires_in: 864_000,
  scope: 'openid email',
};

/** The response of `fetch`, set by tests. */
export interface PolarAnswers {
  token(form: URLSearchParams): Response;
  jwks(): Response;
  api(): Response;
}

/** A login that a browser has started. */
export interface StartedLogin {
  readonly state: string;
  /** The nonce that Polar has to repeat in the id_token. */
  readonly nonce: string;
  readonly codeChallenge: string;
  /** The cookie that came with the redirect: its name, its value, and both as a browser sends them. */
  readonly cookieName: string;
  readonly cookieValue: string;
  readonly cookie: string;
  /** The id of the row in the store. */
  readonly row: string;
}

export interface World {
  readonly app: Express;
  readonly polar: PolarStrategy;
  readonly answers: PolarAnswers;
  /** Errors that have reached Express since the last {@link World.begin}. */
  readonly errors: unknown[];
  /** Starts over with a login in a new browser, for which Polar will accept the good code. */
  begin(path?: string): Promise<StartedLogin>;
  /**
   * Starts a login in another browser, for which Polar has no code. The next {@link World.begin} removes its row, which a
   * test may put back.
   */
  startAnother(): Promise<StartedLogin>;
  /** Puts a session into the store; resolves with its cookie. */
  putSession(session: Json): string;
  /** Grants tokens only for the good code of the current login, and quotes what it refuses. */
  grantForGoodCode(form: URLSearchParams): Response;
  /** Replaces the placeholders of nonce and id_token, or their beginnings, by those of the current login. */
  inThisLogin(text: string): string;
  /** The id_token of the current login. */
  idToken(): string;
  /** Values that must not be shown during the current login. */
  secrets(): string[];
  /** A session with a user logged in. */
  readonly loggedIn: Json;
  /** Everything in the store: sessions, and rows of login attempts. */
  stored(): Record<string, string>;
  /** All sessions in the store. */
  sessions(): Json[];
  /** How many requests Polar's token endpoint has received since the last {@link World.begin}. */
  exchanges(): number;
}

/** The world. It has had one login, so that the session of a logged-in user is known. */
export async function startWorld(more: Partial<PolarStrategyOptions> = {}): Promise<World> {
  let login: StartedLogin | undefined;
  let signed: string | undefined;
  let exchanges = 0;
  // Those of other logins, and of the current one.
  const kept: string[] = [];
  const seen = new Set<string>();

  const ownIdToken = (): string => {
    signed ??= signIdToken(key, { payload: { ...goodClaims, nonce: login?.nonce } });
    seen.add(signed);
    return signed;
  };
  const grantForGoodCode: World['grantForGoodCode'] = (form) => {
    const isGood =
      form.get('code') === goodCode &&
      sha256(form.get('code_verifier') ?? '') === login?.codeChallenge &&
      form.get('redirect_uri') === callbackURL;
    if (isGood) return Response.json({ ...goodTokens, id_token: ownIdToken() });
    const said = `not good: ${form.get('code')} ${form.get('code_verifier')} ${form.get('client_secret')}`;
    return Response.json({ error: 'invalid_grant', error_description: said }, { status: 400 });
  };
  const answers: PolarAnswers = {
    token: grantForGoodCode,
    jwks: () => Response.json({ keys: [key.jwk] }),
    api: () => Response.json({}),
  };
  const fetch = async (url: string, init: RequestInit): Promise<Response> => {
    if (url.endsWith('/token')) {
      exchanges++;
      const form = new URLSearchParams(String(init.body));
      const verifier = form.get('code_verifier');
      // Nobody else learns it.
      if (verifier !== null) seen.add(verifier);
      return answers.token(form);
    }
    if (url.endsWith('/jwks.json')) return answers.jwks();
    return answers.api();
  };
  // Time stands still, since a million runs take longer than a login may.
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

  const stored = (): Record<string, string> => store.sessions;
  const sessions = (): Json[] =>
    Object.entries(store.sessions)
      .filter(([sid]) => !isRowId(sid))
      .map(([, text]) => JSON.parse(text));
  const start = async (path: string): Promise<StartedLogin> => {
    const before = new Set(Object.keys(store.sessions));
    const sent = await send(app, path);
    const started = loginIn(sent);
    const row = Object.keys(store.sessions).find((sid) => isRowId(sid) && !before.has(sid));
    if (row === undefined) throw new Error('A login was started that is not in the store');
    return { ...started, row };
  };
  const begin: World['begin'] = async (path = '/auth/polar') => {
    store.sessions = Object.create(null);
    errors.length = 0;
    exchanges = 0;
    signed = undefined;
    seen.clear();
    login = await start(path);
    for (const text of [login.nonce, login.cookieValue]) seen.add(text);
    return login;
  };
  const putSession: World['putSession'] = (content) => {
    const sid = randomBytes(24).toString('base64url');
    store.sessions[sid] = JSON.stringify({ cookie: plainCookie, ...content });
    const signature = createHmac('sha256', secret).update(sid).digest('base64').replace(/=+$/, '');
    return `connect.sid=${encodeURIComponent(`s:${sid}.${signature}`)}`;
  };
  const inThisLogin: World['inThisLogin'] = (text) =>
    login === undefined ? text : retold(retold(text, nonce, login.nonce), idToken, () => ownIdToken());

  const { state, cookie } = await begin();
  const end = await send(app, `/auth/polar/callback?code=${goodCode}&state=${state}`, { cookie });
  const [loggedIn] = sessions();
  if (loggedIn === undefined || end.location !== '/home')
    throw new Error(`Nobody was logged in: ${end.status} ${end.location}`, { cause: errors[0] });
  kept.push(...seen);
  return {
    app,
    polar,
    answers,
    errors,
    begin,
    async startAnother() {
      const another = await start('/auth/polar');
      kept.push(another.nonce, another.cookieValue);
      return another;
    },
    putSession,
    grantForGoodCode,
    inThisLogin,
    idToken: ownIdToken,
    secrets: () => [...secrets, ...kept, ...seen],
    loggedIn,
    stored,
    sessions,
    exchanges: () => exchanges,
  };
}

/** The login that the app has just sent to Polar. */
function loginIn({ status, location, headers }: Sent): Omit<StartedLogin, 'row'> {
  const url = new URL(location ?? 'http://nowhere.example');
  const cookies = [headers['set-cookie'] ?? []].flat().map(String);
  const [name, cookieValue] = cookies[0]?.split(';', 1)[0]?.split('=') ?? [];
  if (url.origin !== issuer || cookies.length !== 1 || !name?.startsWith('__Host-polar-') || !cookieValue)
    throw new Error(`A login was not started: ${status} ${location} ${cookies}`);
  const only = (parameter: string): string => {
    const [value, ...others] = url.searchParams.getAll(parameter);
    if (!value || others.length > 0) throw new Error(`The login has no ${parameter}, or two`);
    return value;
  };
  if (only('code_challenge_method') !== 'S256') throw new Error('A challenge of another kind');
  return {
    state: only('state'),
    nonce: only('nonce'),
    codeChallenge: only('code_challenge'),
    cookieName: name,
    cookieValue,
    cookie: `${name}=${cookieValue}`,
  };
}

// Shorter beginnings occur by chance.
const shortestBeginning = 12;

/** Replaces a text, even if only its beginning is left. */
function retold(text: string, template: string, real: string | (() => string)): string {
  const beginning = template.slice(0, shortestBeginning);
  const [first = '', ...others] = text.split(beginning);
  if (others.length === 0) return text;
  const value = typeof real === 'string' ? real : real();
  return others.reduce((before, rest) => {
    let same = 0;
    while (same < rest.length && rest[same] === template[shortestBeginning + same]) same++;
    return before + value.slice(0, shortestBeginning + same) + rest.slice(same);
  }, first);
}

const plainCookie = { originalMaxAge: null, expires: null, httpOnly: true, path: '/' };
const sha256 = (text: string): string => createHash('sha256').update(text).digest('base64url');

/** Whether a user is logged in, and with which tokens. */
export function isLoggedIn(sessions: readonly Json[]): boolean {
  return sessions.some(({ passport: kept, polar }) => kept !== undefined || polar !== undefined);
}
