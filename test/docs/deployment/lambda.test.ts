/** An Express app on serverless-http, as docs/serverless.md shows it. */
import { afterEach, beforeEach, expect, it } from '@jest/globals';
import express from 'express';
import session from 'express-session';
import passport from 'passport';
import { logout, PolarStrategy, polarTokens } from 'passport-polar-sh';
import { type PolarEmulator, startPolarEmulator } from 'passport-polar-sh/emulator';
import { lambdaHandler } from './lambda.js';

interface Result {
  readonly statusCode: number;
  readonly headers: Record<string, string>;
  readonly cookies?: readonly string[];
  readonly body: string;
}

let emulator: PolarEmulator;
let polar: PolarStrategy;
let send: (method: string, path: string) => Promise<Result>;

beforeEach(async () => {
  emulator = await startPolarEmulator({ consent: 'auto', realistic: { commitLagMs: [0, 400] } });
  polar = new PolarStrategy({ ...emulator.strategyOptions(), timeoutMs: 4000 });
  const authenticator = new passport.Passport();
  authenticator.use(polar);
  authenticator.serializeUser((user, done) => done(null, user));
  authenticator.deserializeUser((user, done) => done(null, user as Express.User));
  const app = express();
  app.use(session({ secret: 'only for tests', resave: false, saveUninitialized: false }));
  app.use(authenticator.session(), polarTokens(polar));
  app.get('/auth/polar', authenticator.authenticate('polar'));
  app.get(
    new URL(emulator.strategyOptions().callbackURL).pathname,
    authenticator.authenticate('polar', { successRedirect: '/' }),
  );
  app.post('/refresh', async (req, res) => void res.json(await req.polar.getTokens({ forceRefresh: true })));
  app.get('/user', async (req, res) => {
    const answer = await req.polar.fetch('/v1/oauth2/userinfo');
    res.status(answer.status).json(await answer.json());
  });
  app.post('/logout', logout(polar, { redirectTo: '/' }));
  app.use(((error, _req, res, _next) => {
    res.status(error.status ?? 500).json({ code: error.code });
  }) as express.ErrorRequestHandler);
  send = senderOf(lambdaHandler(app, polar));
});
afterEach(() => emulator.close());

it('on serverless-http, logins, refreshes and logouts leave no work for after the response', async () => {
  const leftAfter = async (method: string, path: string): Promise<Result> => {
    const result = await send(method, path);
    expect(await polar.settled({ withinMs: 0 })).toEqual({ exchanges: 0, writes: 0 });
    return result;
  };
  await logIn(leftAfter);
  expect((await leftAfter('GET', '/user')).statusCode).toBe(200);
  expect((await leftAfter('POST', '/refresh')).statusCode).toBe(200);
  // Polar's response comes after the time-out of the request.
  emulator.fail('token', { delayMs: 5000 });
  const late = await leftAfter('POST', '/refresh');
  expect([late.statusCode, JSON.parse(late.body)]).toEqual([503, { code: 'timeout' }]);
  expect((await leftAfter('GET', '/user')).statusCode).toBe(200);
  await emulator.settled();
  expect(emulator.liveTokens()).toHaveLength(1);

  emulator.fail('revoke', { status: 500 });
  expect((await leftAfter('POST', '/logout')).statusCode).toBe(302);
  await emulator.settled();
  expect(emulator.liveTokens()).toEqual([]);
});

async function logIn(by: typeof send): Promise<void> {
  const start = await by('GET', '/auth/polar');
  const callback = await emulator.authorize(start.headers['location']);
  const { statusCode, headers } = await by('GET', callback);
  expect([statusCode, headers['location']]).toEqual([302, '/']);
}

/** Sends events as API Gateway does (payload format 2.0), with the cookies of one browser. */
function senderOf(handler: ReturnType<typeof lambdaHandler>): typeof send {
  const cookies = new Map<string, string>();
  return async (method, path) => {
    const { pathname, search } = new URL(path, 'http://localhost:3000');
    const result = (await handler(
      {
        version: '2.0',
        rawPath: pathname,
        rawQueryString: search.slice(1),
        headers: { host: 'localhost:3000' },
        cookies: [...cookies].map((pair) => pair.join('=')),
        requestContext: { http: { method, path: pathname, sourceIp: '127.0.0.1' } },
        isBase64Encoded: false,
      },
      {},
    )) as Result;
    for (const cookie of result.cookies ?? []) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(cookie) ?? [];
      cookies.set(name, value);
    }
    return result;
  };
}
