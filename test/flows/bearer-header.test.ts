/** Where PolarBearerStrategy takes a token from, in each version of Express and Passport. */
import { afterEach, describe, expect, it, jest } from '@jest/globals';
import express5 from 'express';
import passport07 from 'passport';
import request from 'supertest';
import {
  answerUser,
  type BearerApi,
  type BearerApiOptions,
  challenge,
  rawGet,
  startBearerApi,
  unknownToken,
} from '../support/bearer-api.js';

const express4 = jest.requireActual<typeof express5>('express4');
const passport06 = jest.requireActual<typeof passport07>('passport06');

let api: BearerApi;
const start = async (options?: BearerApiOptions) => {
  api = await startBearerApi(options);
};
afterEach(() => api?.emulator.close());

const twoPlaces =
  'Bearer realm="polar", error="invalid_request", error_description="Send the access token in the Authorization header only"';
const malformed =
  'Bearer realm="polar", error="invalid_request", error_description="The access token in the Authorization header is missing or malformed"';

describe.each([
  ['Express 4, Passport 0.6', express4, passport06],
  ['Express 4, Passport 0.7', express4, passport07],
  ['Express 5, Passport 0.6', express5, passport06],
  ['Express 5, Passport 0.7', express5, passport07],
] as const)('PolarBearerStrategy with %s', (_names, express, passport) => {
  it.each([false, true])(
    'accepts a valid token and refuses everything else (by instance: %s)',
    async (byInstance) => {
      await start({ versions: [express, passport], byInstance, route: { scope: 'openid' } });
      const { accessToken } = api.tokens();
      const good = await api.get(accessToken);
      expect(good.status).toBe(200);
      expect(good.headers).not.toHaveProperty('www-authenticate');
      expect(good.body).toEqual({
        user: {
          provider: 'polar',
          id: expect.stringMatching(/^[\da-f-]{36}$/),
          subType: 'user',
          scopes: ['openid', 'email'],
          organizations: [],
        },
        info: { scope: 'openid email', organizations: [] },
      });
      expect(challenge(await request(api.app).get('/api'))).toEqual([
        401,
        'Bearer realm="polar", scope="openid"',
      ]);
      expect(challenge(await api.get('polar_at_u_unknown'))).toEqual([401, unknownToken]);
      expect(challenge(await api.get(accessToken, `/api?access_token=${accessToken}`))).toEqual([
        400,
        twoPlaces,
      ]);
      expect((await api.get(api.tokens({ scope: 'email' }).accessToken)).status).toBe(403);
      api.emulator.fail('introspect', { status: 500 });
      expect((await api.get('polar_at_u_other')).body.code).toBe('server_error');
    },
  );
});

describe('PolarBearerStrategy', () => {
  it.each(['Bearer', 'bearer', 'BEARER'])('accepts the scheme %s', async (scheme) => {
    await start();
    const { accessToken } = api.tokens();
    const got = await request(api.app).get('/api').set('authorization', `${scheme}  ${accessToken} `);
    expect(got.status).toBe(200);
  });

  it.each([undefined, 'Basic YTpi', 'Digest x', 'polar_at_u_bare', 'BearerX polar_at_u_x'])(
    'asks for a token if the Authorization header is %s',
    async (authorization) => {
      await start();
      const get = request(api.app).get('/api');
      if (authorization !== undefined) get.set('authorization', authorization);
      expect(challenge(await get)).toEqual([401, 'Bearer realm="polar"']);
      expect(api.introspections()).toBe(0);
    },
  );

  it.each(['Bearer', 'Bearer a b', 'Bearer a, Bearer b', 'Bearer \u00e9', 'Bearer\tpolar at'])(
    'refuses the malformed Authorization header %j',
    async (authorization) => {
      await start();
      expect(challenge(await request(api.app).get('/api').set('authorization', authorization))).toEqual([
        400,
        malformed,
      ]);
      expect(api.introspections()).toBe(0);
    },
  );

  it.each([
    '?access_token=',
    '?a=1&access_token=x',
    '?access%5Ftoken=x',
    '?access_token[]=x',
    '?access_token=&access_token=',
  ])('refuses a token in the query, with or without a header: %s', async (query) => {
    await start();
    expect(challenge(await api.get(api.tokens().accessToken, `/api${query}`))).toEqual([400, twoPlaces]);
    expect(challenge(await request(api.app).get(`/api${query}`))).toEqual([400, twoPlaces]);
    expect(api.introspections()).toBe(0);
  });

  it('refuses a token in the query of an app without a query parser', async () => {
    await start({ routes: (app) => app.set('query parser', false) });
    expect((await request(api.app).get('/api?access_token=x')).status).toBe(400);
  });

  it.each(['form', 'json'])('refuses a token in a body (%s)', async (type) => {
    await start();
    const { accessToken } = api.tokens();
    const post = () => request(api.app).post('/api').type(type);
    expect(challenge(await post().send({ access_token: accessToken }))).toEqual([400, twoPlaces]);
    const both = post().set('authorization', `Bearer ${accessToken}`);
    expect(challenge(await both.send({ access_token: accessToken }))).toEqual([400, twoPlaces]);
    const good = post().set('authorization', `Bearer ${accessToken}`);
    expect((await good.send({ access_tokens: '1' })).status).toBe(200);
  });

  it('refuses two Authorization headers, though Node shows only the first', async () => {
    await start();
    const headers = ['Authorization', `Bearer ${api.tokens().accessToken}`];
    expect((await rawGet(api.app, headers)).statusCode).toBe(200);
    const twice = await rawGet(api.app, [...headers, 'authorization', 'Basic YTpi']);
    expect([twice.statusCode, twice.headers['www-authenticate']]).toEqual([
      400,
      'Bearer realm="polar", error="invalid_request", error_description="The request has more than one Authorization header"',
    ]);
  });

  it('refuses a CORS preflight, which carries no token, unless middleware before it responds', async () => {
    const preflight = () =>
      request(api.app)
        .options('/api')
        .set({ origin: 'https://app.example', 'access-control-request-headers': 'authorization' });
    await start();
    expect(challenge(await preflight())).toEqual([401, 'Bearer realm="polar"']);
    await api.emulator.close();
    await start({ routes: (app) => app.options('/api', (_req, res) => void res.status(204).end()) });
    expect(challenge(await preflight())).toEqual([204, undefined]);
  });

  it.each<[string, number, NonNullable<BearerApiOptions['routes']>]>([
    [
      'another strategy of the route accepts',
      200,
      (app, { passport }) => {
        const anyone = { name: 'anyone', authenticate: () => {} };
        anyone.authenticate = function (this: { success(user: object): void }) {
          this.success({});
        };
        passport.use(anyone as never);
        const options = { session: false, scope: 'orders:read' };
        app.get('/route', passport.authenticate(['polar-bearer', 'anyone'], options), answerUser);
      },
    ],
    [
      'a custom callback lets through',
      200,
      (app, { passport }) =>
        app.get('/route', (req, res, next) =>
          passport.authenticate('polar-bearer', { scope: 'orders:read' }, (error: unknown) =>
            error ? next(error) : answerUser(req, res),
          )(req, res, next),
        ),
    ],
    [
      'a route redirects',
      302,
      (app, { passport }) =>
        app.get(
          '/route',
          passport.authenticate('polar-bearer', { scope: 'orders:read', failureRedirect: '/log-in' }),
        ),
    ],
    [
      'a custom callback responds to with its own challenge',
      403,
      (app, { passport }) =>
        app.get('/route', (req, res, next) =>
          passport.authenticate('polar-bearer', { scope: 'orders:read' }, () =>
            res.status(403).set('WWW-Authenticate', 'Own').end(),
          )(req, res, next),
        ),
    ],
  ])('sends no challenge of its own with a request that %s', async (_how, status, routes) => {
    await start({ routes });
    expect(challenge(await api.get(api.tokens().accessToken, '/route').redirects(0))).toEqual([
      status,
      status === 403 ? 'Own' : undefined,
    ]);
  });
});
