import { describe, expect, it } from '@jest/globals';
import type { PolarEmulatorEndpoint, PolarEmulatorFault } from 'passport-polar-sh/emulator';
import { LocalPolar } from './support/local-polar';

const polar = new LocalPolar();

/** The status of a request to each endpoint. */
const statusOf: Readonly<Record<PolarEmulatorEndpoint, () => Promise<number>>> = {
  authorize: async () => (await polar.authorize()).status,
  token: async () => (await polar.token({})).status,
  userinfo: async () => (await polar.get('/v1/oauth2/userinfo')).status,
  revoke: async () => (await polar.post('/v1/oauth2/revoke', {})).status,
  introspect: async () => (await polar.post('/v1/oauth2/introspect', {})).status,
  register: async () => (await polar.post('/v1/oauth2/register', {})).status,
  jwks: async () => (await polar.get('/.well-known/jwks.json')).status,
  discovery: async () => (await polar.get('/.well-known/openid-configuration')).status,
  api: async () => (await polar.get('/v1/organizations/')).status,
};

const endpoints = Object.keys(statusOf) as PolarEmulatorEndpoint[];

/** The live refresh tokens, which show whether a refresh took effect. */
const liveRefreshTokens = () => polar.emulator.liveTokens().map(({ refreshToken }) => refreshToken);

describe('a fault', () => {
  it.each(endpoints)('of the endpoint %s occurs as often as requested and nowhere else', async (endpoint) => {
    polar.emulator.fail(endpoint, { status: 599 }, 2);
    for (const other of endpoints.filter((each) => each !== endpoint)) {
      expect(await statusOf[other]()).not.toBe(599);
    }
    const statuses = [];
    for (let times = 0; times < 3; times += 1) statuses.push(await statusOf[endpoint]());
    expect(statuses.map((status) => status === 599)).toEqual([true, true, false]);
  });

  it('occurs after an earlier one of the same endpoint', async () => {
    polar.emulator.fail('jwks', { status: 500 });
    polar.emulator.fail('jwks', { status: 502 });
    expect([await statusOf.jwks(), await statusOf.jwks(), await statusOf.jwks()]).toEqual([500, 502, 200]);
  });

  it('occurs until it is healed', async () => {
    polar.emulator.fail('jwks', { status: 500 }, Number.POSITIVE_INFINITY);
    polar.emulator.fail('api', { status: 500 });
    expect([await statusOf.jwks(), await statusOf.jwks()]).toEqual([500, 500]);
    polar.emulator.heal('jwks');
    expect([await statusOf.jwks(), await statusOf.api()]).toEqual([200, 500]);
    polar.emulator.fail('api', { status: 500 });
    polar.emulator.heal();
    expect(await statusOf.api()).toBe(401);
  });

  it('is refused when its endpoint or name is misspelt', () => {
    const fail = polar.emulator.fail as (endpoint: string, fault: string) => void;
    expect(() => fail('tokens', 'hang')).toThrow('unknown endpoint "tokens"');
    expect(() => fail('token', 'hangup')).toThrow('unknown fault "hangup"');
    expect(() => polar.emulator.heal('tokens' as 'token')).toThrow('must be one of authorize, token,');
  });

  const senseless: ReadonlyArray<readonly [unknown, unknown, string]> = [
    [undefined, 1, 'unknown fault "undefined". Faults: hang,'],
    [503, 1, 'unknown fault "503". Faults: hang,'],
    [{ delay: 5 }, 1, 'unknown fault {"delay":5}. Faults: hang,'],
    [{ status: 42 }, 1, '`status` must be a number from 200 to 599, not 42'],
    [{ status: '500' }, 1, '`status` must be a number from 200 to 599, not "500"'],
    [{ status: 500.5 }, 1, '`status` must be a whole number'],
    [{ status: 429, retryAfter: 5 }, 1, 'has no option "retryAfter". Options: status, retryAfterSeconds,'],
    [{ status: 429, retryAfterSeconds: -1 }, 1, '`retryAfterSeconds` must be a number of at least 0'],
    [{ status: 500, headers: { 'x y': 'z' } }, 1, 'x y'],
    [{ status: 500, delayMs: 5 }, 1, 'has no option "delayMs"'],
    [{ delayMs: Number.NaN }, 1, '`delayMs` must be a number from 0 to 2147483647, not NaN'],
    [{ slowBodyMs: -1 }, 1, '`slowBodyMs` must be a number'],
    ['hang', 0, '`times` must be a number of at least 1, not 0'],
    ['hang', 'twice', '`times` must be a number of at least 1, not "twice"'],
  ];
  it.each(senseless)('is refused immediately when it is %p, %p times', async (fault, times, message) => {
    const fail = polar.emulator.fail as (...values: unknown[]) => void;
    expect(() => fail('jwks', fault, times)).toThrow(message);
    expect(await statusOf.jwks()).toBe(200);
  });

  it('is recorded with the request', async () => {
    polar.emulator.fail('jwks', { status: 503 });
    await statusOf.jwks();
    expect(polar.emulator.requests.at(-1)).toMatchObject({
      endpoint: 'jwks',
      status: 503,
      fault: { status: 503 },
    });
  });
});

describe('a fault with a status', () => {
  it('of 429 has an empty body and says how long to wait', async () => {
    polar.emulator.fail('token', { status: 429 });
    const { status, headers, text } = await polar.refresh('x');
    expect([status, headers.get('retry-after'), headers.get('content-type'), text]).toEqual([
      429,
      '60',
      null,
      '',
    ]);
  });

  it('can have a body, headers and another retry-after', async () => {
    polar.emulator.fail('token', {
      status: 503,
      retryAfterSeconds: 7,
      body: 'down',
      headers: { 'x-a': 'b' },
    });
    const { headers, text } = await polar.refresh('x');
    expect([headers.get('retry-after'), headers.get('x-a'), text]).toEqual(['7', 'b', 'down']);
    polar.emulator.fail('token', { status: 200, body: { access_token: 'x' } });
    const made = await polar.refresh('x');
    expect([made.headers.get('content-type'), made.json]).toEqual([
      'application/json',
      { access_token: 'x' },
    ]);
  });
});

describe('a fault that prevents the effect of a request', () => {
  it.each<[string, PolarEmulatorFault]>([
    ['a status', { status: 500 }],
    ['garbage', 'garbage'],
    ['html', 'html'],
    ['huge-body', 'huge-body'],
    ['reset-before', 'reset-before'],
  ])('can be %s', async (_, fault) => {
    const { refreshToken } = await polar.login();
    polar.emulator.fail('token', fault);
    await polar.refresh(refreshToken).catch(() => undefined);
    expect(liveRefreshTokens()).toEqual([refreshToken]);
    expect((await polar.refresh(refreshToken)).status).toBe(200);
  });

  it('can send broken JSON (garbage), a page (html) or 10 MiB of JSON (huge-body)', async () => {
    polar.emulator.fail('token', 'garbage');
    const garbage = await polar.refresh('x');
    expect([garbage.status, garbage.headers.get('content-type')]).toEqual([200, 'application/json']);
    expect(() => JSON.parse(garbage.text) as unknown).toThrow();
    polar.emulator.fail('token', 'html');
    expect((await polar.refresh('x')).headers.get('content-type')).toBe('text/html; charset=utf-8');
    polar.emulator.fail('token', 'huge-body');
    const huge = await polar.refresh('x');
    expect(huge.text.length).toBeGreaterThan(10 * 1024 * 1024);
    expect(() => JSON.parse(huge.text) as unknown).not.toThrow();
  });

  it('can leave the request without a response (hang)', async () => {
    const { refreshToken } = await polar.login();
    polar.emulator.fail('token', 'hang');
    const { clientID, clientSecret = '' } = polar.client;
    const fields = { grant_type: 'refresh_token', refresh_token: refreshToken };
    const body = new URLSearchParams({ ...fields, client_id: clientID, client_secret: clientSecret });
    const init = { method: 'POST', body, signal: AbortSignal.timeout(100) };
    await expect(polar.send('/v1/oauth2/token', init)).rejects.toThrow();
    expect(liveRefreshTokens()).toEqual([refreshToken]);
    expect(polar.emulator.requests.at(-1)).toMatchObject({ fault: 'hang', status: undefined });
  });
});

describe('a fault after the effect of a request', () => {
  it('can lose the response to a refresh and thus the login (reset-after)', async () => {
    const { refreshToken } = await polar.login();
    polar.emulator.fail('token', 'reset-after');
    await expect(polar.refresh(refreshToken)).rejects.toThrow();
    expect(liveRefreshTokens()).toHaveLength(1);
    expect(liveRefreshTokens()).not.toEqual([refreshToken]);
    expect((await polar.refresh(refreshToken)).status).toBe(400);
  });

  it('can break the connection within the response (half-body)', async () => {
    const { refreshToken } = await polar.login();
    polar.emulator.fail('token', 'half-body');
    await expect(polar.refresh(refreshToken)).rejects.toThrow();
    expect(liveRefreshTokens()).not.toEqual([refreshToken]);
  });

  it('can leave the request without a response (hang-after)', async () => {
    const { accessToken } = await polar.login();
    polar.emulator.fail('revoke', 'hang-after');
    const { clientID, clientSecret = '' } = polar.client;
    const body = new URLSearchParams({
      token: accessToken,
      client_id: clientID,
      client_secret: clientSecret,
    });
    const init = { method: 'POST', body, signal: AbortSignal.timeout(500) };
    await expect(polar.send('/v1/oauth2/revoke', init)).rejects.toThrow();
    expect(polar.emulator.liveTokens()).toEqual([]);
  });

  it('can delay the correct response (delayMs)', async () => {
    const { refreshToken } = await polar.login();
    polar.emulator.fail('token', { delayMs: 50 });
    const started = performance.now();
    expect((await polar.refresh(refreshToken)).status).toBe(200);
    expect(performance.now() - started).toBeGreaterThan(45);
  });

  it('can send the correct body slowly (slowBodyMs)', async () => {
    const { refreshToken } = await polar.login();
    polar.emulator.fail('token', { slowBodyMs: 100 });
    const started = performance.now();
    expect((await polar.refresh(refreshToken)).json).toHaveProperty('access_token');
    expect(performance.now() - started).toBeGreaterThan(90);
  });

  it('ends with the connection when it is slow', async () => {
    polar.emulator.fail('jwks', { delayMs: 60_000 });
    polar.emulator.fail('jwks', { slowBodyMs: 60_000 });
    for (let times = 0; times < 2; times += 1) {
      const init = { signal: AbortSignal.timeout(100) };
      await expect(polar.send('/.well-known/jwks.json', init)).rejects.toThrow();
    }
    expect(await statusOf.jwks()).toBe(200);
  });
});

it('closing the emulator drops requests that hang', async () => {
  polar.emulator.fail('jwks', 'hang');
  const hanging = expect(statusOf.jwks()).rejects.toThrow();
  while (polar.emulator.requests.length === 0) await new Promise((resolve) => setImmediate(resolve));
  await polar.emulator.close();
  await hanging;
});
