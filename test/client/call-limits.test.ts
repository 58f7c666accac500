/** The limits of every call to Polar, and responses that make no sense. */
import { inspect } from 'node:util';
import { describe, expect, it } from '@jest/globals';
import {
  type CallOptions,
  PolarConfigurationError,
  type PolarOAuthClient,
  PolarResponseError,
  PolarTransientError,
} from 'passport-polar-sh';
import type { PolarEmulatorEndpoint, PolarEmulatorFault } from 'passport-polar-sh/emulator';
import { CALLBACK, CHALLENGE, failureOf, PolarWorld, VERIFIER } from './support/polar-world.js';

const world = new PolarWorld();
const METADATA = { clientName: 'Example app', redirectURIs: [CALLBACK] };

type Call = (client: PolarOAuthClient, options?: CallOptions) => Promise<unknown>;
const managed: readonly PolarEmulatorEndpoint[] = ['register', 'api'];

/** Every operation that makes a request, and the endpoints that it may call. */
const calls: Readonly<Record<string, readonly [Call, readonly PolarEmulatorEndpoint[]]>> = {
  exchangeCode: [
    (client, options) =>
      client.exchangeCode({ code: 'polar_ac_1', redirectURI: CALLBACK, codeVerifier: VERIFIER }, options),
    ['token'],
  ],
  refresh: [(client, options) => client.refresh(world.tokens(), options), ['token']],
  exchangeWebSession: [
    (client, options) => client.exchangeWebSession({ sessionToken: world.session() }, options),
    ['token'],
  ],
  revoke: [(client, options) => client.revoke(world.tokens().refreshToken, options), ['revoke']],
  introspect: [(client, options) => client.introspect(world.tokens().accessToken, options), ['introspect']],
  userInfo: [(client, options) => client.userInfo(world.tokens().accessToken, options), ['userinfo']],
  register: [(client, options) => client.registrations.register(METADATA, options), managed],
  readRegistration: [(client, options) => client.registrations.readRegistration(world.own, options), managed],
  updateRegistration: [
    (client, options) => client.registrations.updateRegistration(world.own, METADATA, options),
    managed,
  ],
  deleteRegistration: [
    (client, options) => client.registrations.deleteRegistration(world.own, options),
    managed,
  ],
};

/** Makes one call while its endpoint has a fault. */
async function failing(name: string, fault: PolarEmulatorFault, options?: CallOptions): Promise<unknown> {
  const [call, endpoints] = calls[name] ?? [];
  for (const endpoint of endpoints ?? []) world.emulator.fail(endpoint, fault);
  const error = await failureOf(call?.(world.as(world.own), options) ?? Promise.resolve());
  for (const endpoint of endpoints ?? []) world.emulator.heal(endpoint);
  return error;
}

describe.each(Object.keys(calls))('client.%s', (name) => {
  const call: Call = calls[name]?.[0] as Call;

  it('sends nothing if its signal is already aborted', async () => {
    const reason = new Error('not needed any more');
    const options = { signal: AbortSignal.abort(reason) };
    expect(await failureOf(call(world.as(world.own), options))).toBe(reason);
    expect(world.emulator.requests).toEqual([]);
  });

  it('rejects with the reason of a signal that is aborted later', async () => {
    const controller = new AbortController();
    const reason = new Error('they left');
    setTimeout(() => controller.abort(reason), 30);
    expect(await failing(name, 'hang', { signal: controller.signal })).toBe(reason);
  });

  it('rejects after the time-out of the call', async () => {
    const error = await failing(name, 'hang', { timeoutMs: 40 });
    expect(error).toBeInstanceOf(PolarTransientError);
    expect(error).toMatchObject({ code: 'timeout', status: 503, message: expect.stringContaining('40 ms') });
    world.expectNoSecretIn(error);
  });

  it.each([0, -1, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 31])(
    'refuses a time-out of %p ms',
    async (timeoutMs) => {
      const error = await failureOf(call(world.as(world.own), { timeoutMs }));
      expect(error).toBeInstanceOf(PolarConfigurationError);
      expect(error).toMatchObject({ code: 'invalid_option', message: expect.stringContaining('timeoutMs') });
      expect(world.emulator.requests).toEqual([]);
    },
  );

  it('ignores all other fields of its options', async () => {
    const options = { url: 'http://127.0.0.1:1/', method: 'PATCH', headers: { authorization: 'Basic x' } };
    const result = call(world.as(world.own), { ...options, json: 1 } as CallOptions);
    await result.catch((error: unknown) => expect(error).toMatchObject({ code: 'invalid_grant' }));
    const [request] = world.emulator.requests;
    expect(calls[name]?.[1]).toContain(request?.endpoint);
    expect(request?.method).not.toBe('PATCH');
    expect(request?.headers.authorization).not.toBe('Basic x');
    expect(request?.body).not.toBe('1');
  });

  it.each([
    [{ status: 429 }, 'rate_limited', 60],
    [{ status: 429, retryAfterSeconds: 7 }, 'rate_limited', 7],
    [{ status: 503, retryAfterSeconds: 9 }, 'server_error', 9],
    [{ status: 500, body: { error: 'invalid_grant' } }, 'server_error', undefined],
  ])('rejects with the time to wait, if there is one: %j', async (fault, code, seconds) => {
    const error = await failing(name, fault);
    expect(error).toBeInstanceOf(PolarTransientError);
    expect(error).toMatchObject({ code, status: 503 });
    expect((error as PolarTransientError).retryAfterSeconds).toBe(seconds);
    world.expectNoSecretIn(error);
  });

  it('fails with network_error when the connection breaks', async () => {
    const error = await failing(name, 'reset-before');
    expect(error).toBeInstanceOf(PolarTransientError);
    expect(error).toMatchObject({ code: 'network_error', status: 503 });
    world.expectNoSecretIn(error);
  });

  it.each(['garbage', 'html'] as const)('rejects with malformed_response for %s', async (fault) => {
    if (name === 'revoke' || name === 'deleteRegistration') return; // only their status matters
    const error = await failing(name, fault);
    expect(error).toBeInstanceOf(PolarResponseError);
    expect(error).toMatchObject({ code: 'malformed_response', status: 502 });
    world.expectNoSecretIn(error);
  });

  it('follows no redirect', async () => {
    const error = await failing(name, { status: 307, headers: { location: '/elsewhere' } });
    expect(error).toBeInstanceOf(PolarResponseError);
    expect(error).toMatchObject({ code: 'unexpected_redirect' });
    expect(world.emulator.requests).toHaveLength(1);
  });
});

describe('a response', () => {
  const token = { token_type: 'Bearer', access_token: 'polar_at_u_1' };
  const registration = { client_id: 'polar_ci_1', redirect_uris: [CALLBACK] };
  const texts = [7, {}, ['x']];

  it.each([
    ['refresh', token, { access_token: [undefined, 'two words', ...texts] }],
    ['refresh', token, { token_type: ['mac'], refresh_token: texts }],
    [
      'exchangeCode',
      token,
      { token_type: ['mac'], expires_in: ['3600', -1], refresh_token: texts, scope: texts },
    ],
    ['refresh', token, { refresh_token: ['two\nlines', 'two\u007fwords'] }],
    ['exchangeCode', token, { id_token: texts }],
    ['exchangeWebSession', token, { access_token: [null], expires_in: [true] }],
    ['introspect', { active: true }, { active: ['yes', undefined], organizations: ['x', [7]], aud: [7] }],
    ['introspect', { active: true }, { client_id: texts, token_type: texts, scope: texts, sub_type: texts }],
    ['introspect', { active: true }, { sub: texts, iss: texts, exp: ['1'], iat: [{}] }],
    [
      'userInfo',
      { sub: 'x' },
      { sub: [undefined, '', 7], email: texts, email_verified: ['yes'], name: texts },
    ],
    [
      'register',
      registration,
      { client_id: [undefined, '', ...texts], redirect_uris: [undefined, 'x', [7]] },
    ],
    ['register', registration, { client_secret: texts, client_name: texts, scope: texts }],
    ['register', registration, { token_endpoint_auth_method: texts, default_sub_type: texts }],
    ['register', registration, { grant_types: ['x', [7]], response_types: ['x', {}] }],
    [
      'readRegistration',
      registration,
      { client_uri: texts, logo_uri: texts, tos_uri: texts, policy_uri: texts },
    ],
    ['readRegistration', registration, { client_id_issued_at: ['1'], client_secret_expires_at: [true] }],
    ['updateRegistration', registration, { registration_access_token: ['two words', ...texts] }],
    ['updateRegistration', registration, { registration_client_uri: texts }],
  ] as [string, object, Record<string, unknown[]>][])(
    'is refused by %s if a field has the wrong type, and the error names it: %j %j',
    async (name, good, bad) => {
      for (const [field, values] of Object.entries(bad)) {
        for (const value of values) {
          const error = await failing(name, { status: 200, body: { ...good, [field]: value } });
          expect(error).toBeInstanceOf(PolarResponseError);
          expect(error).toMatchObject({ code: 'malformed_response', field, status: 502 });
          expect((error as Error).message).toContain(field);
          expect(inspect(error)).not.toContain('two words');
        }
      }
    },
  );

  it('loses only its malformed fields in a refresh, since the old tokens are dead', async () => {
    const odd = { ...token, refresh_token: 'polar_rt_u_2', expires_in: -1, scope: 7, id_token: {} };
    world.emulator.fail('token', { status: 200, body: odd });
    const refreshed = await calls['refresh']?.[0](world.as(world.own));
    expect(refreshed).toEqual({
      accessToken: 'polar_at_u_1',
      refreshToken: 'polar_rt_u_2',
      tokenType: 'Bearer',
    });
  });

  it.each([
    ['refresh', 'token', token],
    ['introspect', 'introspect', { active: true }],
    ['userInfo', 'userinfo', { sub: 'x' }],
    ['register', 'register', registration],
  ] as const)('keeps an unknown field in raw: %s', async (name, endpoint, good) => {
    world.emulator.fail(endpoint, { status: 200, body: { ...good, brand_new: { a: [1] } } });
    const answer = (await calls[name]?.[0](world.as(world.own))) as { raw: Record<string, unknown> };
    expect(answer.raw).toEqual({ ...good, brand_new: { a: [1] } });
    expect(Object.keys(answer)).not.toContain('brand_new');
  });

  it.each(['refresh', 'introspect', 'userInfo', 'register'])(
    'is refused if it is not an object: %s',
    async (name) => {
      for (const body of [[], 'text', 7, null]) {
        const error = await failing(name, { status: 200, body: JSON.stringify(body), headers: JSON_TYPE });
        expect(error).toMatchObject({ code: 'malformed_response' });
      }
    },
  );
});

const JSON_TYPE = { 'content-type': 'application/json' };

describe('a value that cannot be a token', () => {
  it.each(['hidden\n', 'hidden\r\nx: y', 'hiddenü', 'hidden\u0000', ''])(
    'is neither sent nor quoted: %j',
    async (token) => {
      const client = world.as(world.own);
      const access = { clientID: world.own.clientID, registrationAccessToken: token };
      for (const call of [
        client.userInfo(token),
        client.revoke(token),
        client.introspect(token),
        client.refresh({ refreshToken: token }),
        client.exchangeWebSession({ sessionToken: token }),
        client.registrations.readRegistration(access),
        client.registrations.updateRegistration(access, METADATA),
        client.registrations.deleteRegistration(access),
      ]) {
        const error = await failureOf(call);
        expect(error).toBeInstanceOf(PolarConfigurationError);
        expect(error).toMatchObject({ code: 'invalid_option' });
        expect(inspect(error, { depth: 9, showHidden: true })).not.toContain('hidden');
      }
      expect(world.emulator.requests).toEqual([]);
    },
  );
});

describe('a call that has to read the metadata first', () => {
  const discovering = () =>
    world.as(world.own, {
      server: {
        discoveryURL: `${world.emulator.url}/.well-known/openid-configuration`,
        issuer: 'https://polar.sh',
      },
    });
  const parameters = {
    redirectURI: CALLBACK,
    scope: ['openid'],
    state: 's',
    nonce: 'n',
    codeChallenge: CHALLENGE,
  };
  const every: Readonly<Record<string, Call>> = {
    ...Object.fromEntries(Object.entries(calls).map(([name, [call]]) => [name, call])),
    discover: (client, options) => client.discover(options),
    authorizationURL: (client, options) => client.authorizationURL(parameters, options),
  };

  it.each(Object.keys(every))('respects its time-out and its signal: %s', async (name) => {
    world.emulator.fail('discovery', 'hang', 2);
    const call = every[name] as Call;
    const timeout = await failureOf(call(discovering(), { timeoutMs: 40 }));
    expect(timeout).toMatchObject({
      code: 'timeout',
      message: expect.stringContaining('openid-configuration'),
    });
    const controller = new AbortController();
    const reason = new Error('they left');
    setTimeout(() => controller.abort(reason), 30);
    expect(await failureOf(call(discovering(), { signal: controller.signal }))).toBe(reason);
  });

  it.each(Object.keys(every))('reads no metadata if its signal is already aborted: %s', async (name) => {
    const reason = new Error('not needed any more');
    const options = { signal: AbortSignal.abort(reason) };
    expect(await failureOf((every[name] as Call)(discovering(), options))).toBe(reason);
    expect(world.emulator.requests).toEqual([]);
  });

  it('does not cancel the read for other calls when it times out', async () => {
    const client = discovering();
    world.emulator.fail('discovery', { delayMs: 150 });
    const patient = client.discover();
    expect(await failureOf(client.discover({ timeoutMs: 30 }))).toMatchObject({ code: 'timeout' });
    expect(await patient).toMatchObject({ issuer: 'https://polar.sh' });
    expect(world.emulator.requests).toHaveLength(1);
  });
});
