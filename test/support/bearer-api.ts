import http from 'node:http';
import type { AddressInfo } from 'node:net';
import express, { type ErrorRequestHandler, type Express, type Request } from 'express';
import passport from 'passport';
import {
  PolarBearerStrategy,
  type PolarBearerStrategyOptions,
  type PolarBearerVerify,
  type PolarError,
} from 'passport-polar-sh';
import { type PolarEmulator, type PolarEmulatorToken, startPolarEmulator } from 'passport-polar-sh/emulator';
import request, { type Test } from 'supertest';

/** What a test wants different from the usual API. */
export interface BearerApiOptions {
  readonly strategy?: Partial<PolarBearerStrategyOptions>;
  readonly verify?: PolarBearerVerify;
  /** Options of passport.authenticate on the usual route. */
  readonly route?: object;
  /** Hands the strategy itself to passport.authenticate. */
  readonly byInstance?: boolean;
  readonly versions?: readonly [typeof express, typeof passport];
  readonly routes?: (app: Express, parts: { readonly passport: passport.Authenticator }) => void;
}

/** An API behind PolarBearerStrategy, and the Polar that made its tokens. */
export interface BearerApi {
  readonly emulator: PolarEmulator;
  readonly app: Express;
  readonly clientID: string;
  readonly strategy: PolarBearerStrategy;
  /** Tokens of the API's own client. */
  tokens(request?: Partial<Parameters<PolarEmulator['issueTokens']>[0]>): PolarEmulatorToken;
  /** `GET /api`, or another path, with a token. */
  get(token: string, path?: string): Test;
  /** How often Polar was asked what a token is good for. */
  introspections(): number;
}

/** The challenge to a token that Polar does not know. */
export const unknownToken =
  'Bearer realm="polar", error="invalid_token", error_description="The access token is expired, revoked or not issued to this app"';

/** The status of a response and its challenge. */
export const challenge = ({ status, headers }: { status: number; headers: Record<string, unknown> }) => [
  status,
  headers['www-authenticate'],
];

/** The response of the usual route. */
export const answerUser = (req: Request, res: express.Response): void =>
  void res.json({ user: req.user ?? null, info: req.authInfo ?? null });

/** A real Express app whose route `/api` is for bearers of tokens only. */
export async function startBearerApi(options: BearerApiOptions = {}): Promise<BearerApi> {
  const emulator = await startPolarEmulator({ consent: 'auto' });
  const { clientID, clientSecret } = emulator.registerClient({ redirectURIs: ['http://localhost/cb'] });
  const strategy = new PolarBearerStrategy(
    { clientID, clientSecret, server: emulator.server, now: emulator.now, ...options.strategy },
    options.verify,
  );
  const [makeApp, { Passport }] = options.versions ?? [express, passport];
  const authenticator = new Passport();
  authenticator.use(strategy);
  const app = makeApp();
  app.use(makeApp.urlencoded({ extended: true }), makeApp.json());
  options.routes?.(app, { passport: authenticator as never });
  app.use(
    '/api',
    authenticator.authenticate(options.byInstance ? (strategy as never) : strategy.name, {
      session: false,
      ...options.route,
    }),
    answerUser,
  );
  app.use(answerError);
  return {
    emulator,
    app,
    clientID,
    strategy,
    tokens: (wanted) =>
      emulator.issueTokens({ clientID, user: 'ada@example.com', scope: 'openid email', ...wanted }),
    get: (token, path = '/api') => request(app).get(path).set('authorization', `Bearer ${token}`),
    introspections: () => emulator.requests.filter(({ endpoint }) => endpoint === 'introspect').length,
  };
}

/** Shows what reached Express's error handler. */
export const answerError: ErrorRequestHandler = (error: PolarError, _req, res, _next) => {
  res.status(error.status ?? 500).json({ code: error.code, message: error.message });
};

/** A request with its headers exactly as given, repeated ones too. */
export async function rawGet(app: Express, headers: readonly string[], path = '/api') {
  const server = http.createServer(app).listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  try {
    return await new Promise<http.IncomingMessage>((resolve, reject) => {
      const { port } = server.address() as AddressInfo;
      http
        .get({ port, host: '127.0.0.1', path, headers: ['Host', 'localhost', ...headers] as never }, resolve)
        .on('error', reject);
    });
  } finally {
    server.closeAllConnections();
    server.close();
  }
}
