/**
 * Junk sent to an API behind PolarBearerStrategy. Polar counts a server's introspections, logins and refreshes
 * together, so each introspection of junk is missing elsewhere.
 */
import { afterEach, describe, expect, it } from '@jest/globals';
import { PolarBearerStrategy, type PolarServer } from 'passport-polar-sh';
import request from 'supertest';
import {
  answerUser,
  type BearerApi,
  type BearerApiOptions,
  challenge,
  startBearerApi,
  unknownToken,
} from '../support/bearer-api.js';
import { startTestApp } from '../support/test-app.js';

let api: BearerApi;
const start = async (options?: BearerApiOptions) => {
  api = await startBearerApi(options);
};
afterEach(() => api?.emulator.close());

const junk = (index: number): string => `polar_at_u_junk${index}`;

/** Sends that many requests, each with different junk, and counts the status codes. */
async function sendJunk(times: number, first = 0): Promise<Record<number, number>> {
  const counts: Record<number, number> = {};
  for (let index = 0; index < times; index++) {
    const { status } = await api.get(junk(first + index));
    counts[status] = (counts[status] ?? 0) + 1;
  }
  return counts;
}

describe('PolarBearerStrategy at Polar itself', () => {
  const asked: string[] = [];
  /** An API for Polar's own tokens, at a Polar that knows none of them. */
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
    ["Polar's addresses", { webURL: 'https://polar.sh', apiURL: 'https://api.polar.sh' }],
    [
      "Polar's metadata",
      {
        discoveryURL: 'https://sandbox-api.polar.sh/.well-known/openid-configuration',
        issuer: 'https://polar.sh',
      },
    ],
  ];

  it.each(own)('refuses what cannot be an access token without asking Polar (%s)', async (_what, server) => {
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
      expect(challenge(await api.get(token))).toEqual([401, unknownToken]);
    }
    expect(asked).toEqual([]);
  });

  it.each(own)('introspects what can be an access token (%s)', async (_what, server) => {
    await startAt(server);
    for (const token of ['polar_at_u_x', 'polar_at_o_x', 'polar_at_x_new'])
      expect((await api.get(token)).status).toBe(401);
    expect(asked.filter(Boolean)).toEqual(['polar_at_u_x', 'polar_at_o_x', 'polar_at_x_new']);
  });

  it.each([
    [250, 'production'],
    [50, 'sandbox'],
  ] as const)('introspects at most %i unknown tokens a minute (%s)', async (budget, server) => {
    await startAt(server);
    expect(await sendJunk(budget + 10)).toEqual({ 401: budget, 503: 10 });
    expect(asked).toHaveLength(budget);
  });
});

describe('PolarBearerStrategy at another server', () => {
  it('introspects tokens of any form', async () => {
    await start();
    expect((await api.get('junk')).status).toBe(401);
    expect(api.introspections()).toBe(1);
  });

  it('introspects at most 50 unknown tokens a minute', async () => {
    await start();
    expect(await sendJunk(60)).toEqual({ 401: 50, 503: 10 });
    expect(api.introspections()).toBe(50);
  });
});

describe('PolarBearerStrategy beyond its budget', () => {
  const startSmall = (options: BearerApiOptions = {}) =>
    start({ ...options, strategy: { unknownTokensPerMinute: 2, ...options.strategy } });

  it('responds to an unknown token with an error that says when to try again, and asks Polar nothing', async () => {
    await startSmall();
    expect(await sendJunk(2)).toEqual({ 401: 2 });
    const { body, headers, status } = await api.get(api.tokens().accessToken);
    expect([status, body.code, headers['www-authenticate']]).toEqual([503, 'rate_limited', undefined]);
    expect(body.message).toMatch(/unknownTokensPerMinute.* Try again in \d+ s/);
    expect(api.introspections()).toBe(2);
  });

  it('keeps accepting tokens that were valid, also after their cached response expires', async () => {
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

  it('keeps accepting tokens that were valid with cacheSeconds: 0', async () => {
    await startSmall({ strategy: { cacheSeconds: 0 } });
    const { accessToken } = api.tokens();
    await api.get(accessToken).expect(200);
    expect(await sendJunk(3)).toEqual({ 401: 1, 503: 2 });
    for (let time = 0; time < 5; time++) await api.get(accessToken).expect(200);
    api.emulator.revokeAll();
    await api.get(accessToken).expect(401);
  });

  it('asks about unknown tokens again a minute later', async () => {
    await startSmall();
    await sendJunk(3);
    api.emulator.advanceTime(61);
    await api.get(api.tokens().accessToken).expect(200);
  });

  it('still refuses what it can refuse without asking Polar', async () => {
    await startSmall();
    await sendJunk(3);
    expect((await api.get('polar_rt_u_x')).status).toBe(401);
    expect((await request(api.app).get('/api')).status).toBe(401);
    expect((await request(api.app).get('/api?access_token=x')).status).toBe(400);
  });
});

it('each bearer strategy has a budget of its own', async () => {
  await start({ strategy: { unknownTokensPerMinute: 1 } });
  const first = api;
  await sendJunk(2);
  await start({ strategy: { unknownTokensPerMinute: 1 } });
  expect(await sendJunk(2)).toEqual({ 401: 1, 503: 1 });
  await first.emulator.close();
});

it('logins succeed while the same app receives junk bearer tokens', async () => {
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
  // The sandbox's limit per minute.
  expect(
    app.emulator.requests.filter(({ endpoint }) => /introspect|token/.test(endpoint)).length,
  ).toBeLessThan(100);
  await app.close();
});
