/**
 * Junk sent to an API behind PolarBearerStrategy. Polar counts introspections, logins and refreshes of one server
 * together, so what is asked about junk is missing elsewhere.
 */
import { afterEach, describe, expect, it } from '@jest/globals';
import { PolarBearerStrategy, type PolarServer } from 'passport-polar-sh';
import request from 'supertest';
import { answerUser, type BearerApi, type BearerApiOptions, startBearerApi } from '../support/bearer-api.js';
import { startTestApp } from '../support/test-app.js';

let api: BearerApi;
const start = async (options?: BearerApiOptions) => {
  api = await startBearerApi(options);
};
afterEach(() => api?.emulator.close());

const unknownToken =
  'Bearer realm="polar", error="invalid_token", error_description="The access token is expired, revoked or not of this app"';
const junk = (index: number): string => `polar_at_u_junk${index}`;

/** What comes of so many requests, each with junk of its own: how many of each status. */
async function sendJunk(times: number, first = 0): Promise<Record<number, number>> {
  const counts: Record<number, number> = {};
  for (let index = 0; index < times; index++) {
    const { status } = await api.get(junk(first + index));
    counts[status] = (counts[status] ?? 0) + 1;
  }
  return counts;
}

describe('at Polar itself', () => {
  const asked: string[] = [];
  /** An API whose tokens are Polar's own, and a Polar that knows none of them. */
  const startAt = async (server: PolarServer) => {
    asked.length = 0;
    await start({
      strategy: {
        server,
        now: undefined,
        fetch: async (url, { body }) => {
          asked.push(new URLSearchParams(String(body)).get('token') ?? '');
          if (url.endsWith('/openid-configuration')) return discovery(url);
          return Response.json({ active: false });
        },
      },
    });
  };
  const discovery = (url: string) => {
    const api = new URL(url).origin;
    const endpoints = ['authorization', 'token', 'introspection'].map((name) => [
      `${name}_endpoint`,
      `${api}/${name}`,
    ]);
    return Response.json({
      issuer: 'https://polar.sh',
      jwks_uri: `${api}/jwks`,
      ...Object.fromEntries(endpoints),
    });
  };
  const own: [string, PolarServer][] = [
    ['production', 'production'],
    ['sandbox', 'sandbox'],
    ['its addresses', { webURL: 'https://polar.sh', apiURL: 'https://api.polar.sh' }],
    [
      'its metadata',
      {
        discoveryURL: 'https://sandbox-api.polar.sh/.well-known/openid-configuration',
        issuer: 'https://polar.sh',
      },
    ],
  ];

  it.each(own)('what cannot be an access token is refused without asking: %s', async (_what, server) => {
    await startAt(server);
    const others = [
      'junk',
      'polar_at',
      'POLAR_AT_u_x',
      'polar_pat_x',
      'polar_oat_x',
      'polar_cs_x',
      'xpolar_at_u_x',
    ];
    for (const token of [...others, 'eyJhbGciOiJSUzI1NiJ9.e30.c2ln']) {
      const { status, headers } = await api.get(token);
      expect([status, headers['www-authenticate']]).toEqual([401, unknownToken]);
    }
    expect(asked).toEqual([]);
  });

  it.each(own)('what can be an access token is asked about: %s', async (_what, server) => {
    await startAt(server);
    for (const token of ['polar_at_u_x', 'polar_at_o_x', 'polar_at_x_new'])
      expect((await api.get(token)).status).toBe(401);
    expect(asked.filter(Boolean)).toEqual(['polar_at_u_x', 'polar_at_o_x', 'polar_at_x_new']);
  });

  it.each([
    ['production', 250],
    ['sandbox', 50],
  ] as const)('in %s no more than %i unknown tokens a minute are asked about', async (server, budget) => {
    await startAt(server);
    expect(await sendJunk(budget + 10)).toEqual({ 401: budget, 503: 10 });
    expect(asked).toHaveLength(budget);
  });
});

describe('at another server', () => {
  it('any form of token is asked about', async () => {
    await start();
    expect((await api.get('junk')).status).toBe(401);
    expect(api.introspections()).toBe(1);
  });

  it('no more than 50 unknown tokens a minute are asked about', async () => {
    await start();
    expect(await sendJunk(60)).toEqual({ 401: 50, 503: 10 });
    expect(api.introspections()).toBe(50);
  });
});

describe('beyond the budget', () => {
  const startSmall = (options: BearerApiOptions = {}) =>
    start({ ...options, strategy: { unknownTokensPerMinute: 2, ...options.strategy } });

  it('an unknown token gets an error that says when to come again, and nothing is sent', async () => {
    await startSmall();
    expect(await sendJunk(2)).toEqual({ 401: 2 });
    const { body, headers, status } = await api.get(api.tokens().accessToken);
    expect([status, body.code, headers['www-authenticate']]).toEqual([503, 'rate_limited', undefined]);
    expect(body.message).toMatch(/unknownTokensPerMinute.* for another \d+ s/);
    expect(api.introspections()).toBe(2);
  });

  it('tokens that were good go on working, also once the answer about them is old', async () => {
    await startSmall();
    const { accessToken } = api.tokens();
    await api.get(accessToken).expect(200);
    expect(await sendJunk(3)).toEqual({ 401: 1, 503: 2 });
    await api.get(accessToken).expect(200);
    api.emulator.advanceTime(40);
    await api.get(accessToken).expect(200);
    api.emulator.advanceTime(60);
    expect(await sendJunk(3, 100)).toEqual({ 401: 2, 503: 1 });
    await api.get(accessToken).expect(200);
  });

  it('tokens that were good go on working with cacheSeconds: 0', async () => {
    await startSmall({ strategy: { cacheSeconds: 0 } });
    const { accessToken } = api.tokens();
    await api.get(accessToken).expect(200);
    expect(await sendJunk(3)).toEqual({ 401: 1, 503: 2 });
    for (let time = 0; time < 5; time++) await api.get(accessToken).expect(200);
    api.emulator.revokeAll();
    await api.get(accessToken).expect(401);
  });

  it('there is more a minute later', async () => {
    await startSmall();
    await sendJunk(3);
    api.emulator.advanceTime(61);
    await api.get(api.tokens().accessToken).expect(200);
  });

  it('what is refused without asking is refused as ever', async () => {
    await startSmall();
    await sendJunk(3);
    expect((await api.get('polar_rt_u_x')).status).toBe(401);
    expect((await request(api.app).get('/api')).status).toBe(401);
    expect((await request(api.app).get('/api?access_token=x')).status).toBe(400);
  });
});

it('each strategy has a budget of its own', async () => {
  await start({ strategy: { unknownTokensPerMinute: 1 } });
  const first = api;
  await sendJunk(2);
  await start({ strategy: { unknownTokensPerMinute: 1 } });
  expect(await sendJunk(2)).toEqual({ 401: 1, 503: 1 });
  await first.emulator.close();
});

it('junk takes nothing from the logins of the same app', async () => {
  const app = await startTestApp({
    routes: (server, { client, emulator, passport }) => {
      const { clientID, clientSecret } = client;
      passport.use(
        new PolarBearerStrategy({ clientID, clientSecret, server: emulator.server, now: emulator.now }),
      );
      server.get('/api', passport.authenticate('polar-bearer', { session: false }), answerUser);
    },
  });
  for (let index = 0; index < 99; index++)
    await request(app.url)
      .get('/api')
      .set('authorization', `Bearer ${junk(index)}`);
  const browser = app.browser();
  expect((await browser.logIn()).headers['location']).toBe('/home');
  await request(app.url)
    .get('/api')
    .set('authorization', `Bearer ${await browser.token()}`)
    .expect(503);
  // What the sandbox allows within a minute.
  expect(
    app.emulator.requests.filter(({ endpoint }) => /introspect|token/.test(endpoint)).length,
  ).toBeLessThan(100);
  await app.close();
});
