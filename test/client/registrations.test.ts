/** Dynamic client registration (RFC 7591, RFC 7592) at a local Polar. */
import { describe, expect, it } from '@jest/globals';
import {
  type ClientMetadata,
  PolarConfigurationError,
  PolarOAuthClient,
  PolarOAuthError,
  PolarRegistrationClient,
  PolarResponseError,
  PolarStrategy,
} from 'passport-polar-sh';
import { answersJSON, startMisbehavingServer } from '../support/misbehaving-server.js';
import { CALLBACK, failureOf, PolarWorld } from './support/polar-world.js';

const world = new PolarWorld();

const MINIMUM: ClientMetadata = { clientName: 'My app', redirectURIs: [CALLBACK] };
const EVERYTHING: ClientMetadata = {
  ...MINIMUM,
  redirectURIs: [CALLBACK, 'https://app.example'],
  scope: ['openid', 'email'],
  tokenEndpointAuthMethod: 'client_secret_basic',
  grantTypes: ['authorization_code'],
  responseTypes: ['code'],
  defaultSubType: 'organization',
  clientURI: 'https://app.example/',
  logoURI: 'https://app.example/logo.png',
  tosURI: 'https://app.example/terms',
  policyURI: 'https://app.example/privacy',
};

/** Both ways: a client for registrations, and the client of a strategy. */
const ways: Readonly<Record<string, () => Pick<PolarRegistrationClient, keyof PolarRegistrationClient>>> = {
  PolarRegistrationClient: () => world.registrations,
  'strategy.client.registrations': () => {
    const { clientID, clientSecret } = world.own;
    const { server } = world.emulator;
    return new PolarStrategy({ clientID, clientSecret, callbackURL: CALLBACK, server }).client.registrations;
  },
};

describe.each(Object.keys(ways))('%s', (way) => {
  const client = () => (ways[way] as () => PolarRegistrationClient)();

  it('registers, reads, updates and deletes a client', async () => {
    const registration = await client().register({ ...MINIMUM, scope: ['openid'] });
    const seconds = Math.floor(world.emulator.now() / 1000);
    expect(registration).toEqual({
      clientID: expect.stringMatching(/^polar_ci_/),
      clientSecret: expect.stringMatching(/^polar_cs_/),
      redirectURIs: [CALLBACK],
      clientName: 'My app',
      scope: ['openid'],
      tokenEndpointAuthMethod: 'client_secret_post',
      grantTypes: ['authorization_code', 'refresh_token'],
      responseTypes: ['code'],
      clientIDIssuedAt: expect.any(Number),
      clientSecretExpiresAt: 0,
      registrationAccessToken: expect.stringMatching(/^polar_crt_/),
      registrationClientURI: `${world.emulator.url}/v1/oauth2/register/${registration.clientID}`,
      raw: expect.objectContaining({ client_id: registration.clientID }),
    });
    expect(Math.abs((registration.clientIDIssuedAt ?? 0) / 1000 - seconds)).toBeLessThan(5);

    const { raw: _raw, ...known } = registration;
    expect(await client().readRegistration(registration)).toMatchObject(known);

    const changed = await client().updateRegistration(registration, { ...MINIMUM, clientName: 'Renamed' });
    expect(changed).toMatchObject({ clientID: registration.clientID, clientName: 'Renamed' });
    expect(changed.scope).toContain('organizations:write'); // not sent, so Polar's default applies again
    expect(world.emulator.requests.at(-1)).toMatchObject({ method: 'PUT' });

    expect(await client().deleteRegistration(registration)).toBeUndefined();
    expect(await failureOf(client().readRegistration(registration))).toMatchObject({
      code: 'invalid_client',
    });
  });
});

describe('the metadata of a client', () => {
  it('are all sent and read back', async () => {
    const registration = await world.registrations.register(EVERYTHING);
    expect(JSON.parse(world.emulator.requests[0]?.body ?? '')).toEqual({
      redirect_uris: EVERYTHING.redirectURIs,
      client_name: 'My app',
      scope: 'openid email',
      token_endpoint_auth_method: 'client_secret_basic',
      grant_types: ['authorization_code'],
      response_types: ['code'],
      default_sub_type: 'organization',
      client_uri: 'https://app.example/',
      logo_uri: 'https://app.example/logo.png',
      tos_uri: 'https://app.example/terms',
      policy_uri: 'https://app.example/privacy',
    });
    const { defaultSubType: _checkedAndForgotten, ...kept } = EVERYTHING;
    expect(registration).toMatchObject({ ...kept, redirectURIs: [CALLBACK, 'https://app.example/'] });
  });

  it('may have fields that are newer than this package, which replace none of ours', async () => {
    const extra = { software_id: 's-1', client_name: 'Other', scope: 'openid' };
    await world.registrations.register({ ...MINIMUM, extra });
    expect(JSON.parse(world.emulator.requests[0]?.body ?? '')).toEqual({
      redirect_uris: [CALLBACK],
      client_name: 'My app',
      software_id: 's-1',
      scope: 'openid',
    });
  });

  it('may consist of the required fields only', async () => {
    await world.registrations.register(MINIMUM);
    expect(JSON.parse(world.emulator.requests[0]?.body ?? '')).toEqual({
      redirect_uris: [CALLBACK],
      client_name: 'My app',
    });
  });

  it('can describe a public client, which has no secret and works', async () => {
    const registration = await world.registrations.register({
      ...MINIMUM,
      tokenEndpointAuthMethod: 'none',
    });
    expect('clientSecret' in registration).toBe(false);
    expect('clientSecretExpiresAt' in registration).toBe(false);
    const { clientID, clientSecret } = registration;
    const { server } = world.emulator;
    const client = new PolarOAuthClient({ clientID, clientSecret, server });
    expect(client.isPublic).toBe(true);
    expect(await client.refresh(world.tokens({ ...world.open, clientID }))).toMatchObject({
      tokenType: 'Bearer',
    });
  });

  it.each([
    [
      { redirectURIs: ['http://example.com/cb?zzz-input=1'] },
      'redirect_uris.0: Value error, An HTTPS URL is',
    ],
    [{ redirectURIs: [CALLBACK, 'zzz-input nonsense'] }, 'redirect_uris.1: '],
    [{ clientName: undefined as never }, 'client_name: Field required'],
    [{ tokenEndpointAuthMethod: 'zzz-input' as never }, 'token_endpoint_auth_method: '],
    [{ grantTypes: ['zzz-input'] }, 'grant_types.0: '],
    [{ logoURI: 'zzz-input' }, 'logo_uri: '],
    [{ defaultSubType: 'zzz-input' as never }, 'default_sub_type: '],
  ])('are refused with the field and the reason, but not the value: %j', async (change, reason) => {
    const error = await failureOf(world.registrations.register({ ...MINIMUM, ...change }));
    expect(error).toBeInstanceOf(PolarOAuthError);
    expect(error).toMatchObject({
      code: 'invalid_request',
      error: 'RequestValidationError',
      httpStatus: 422,
    });
    const { message, errorDescription } = error as PolarOAuthError;
    for (const text of [message, errorDescription]) {
      expect(text).toContain(reason);
      expect(text).not.toContain('zzz-input');
    }
  });

  it('are refused with every wrong field', async () => {
    const wrong = { clientName: undefined as never, redirectURIs: ['http://example.com/'] };
    const error = await failureOf(world.registrations.register(wrong));
    expect((error as PolarOAuthError).errorDescription).toMatch(/redirect_uris\.0: .*; client_name: /);
  });

  it('are refused if the scope is unknown', async () => {
    const error = await failureOf(world.registrations.register({ ...MINIMUM, scope: ['openid', 'nope'] }));
    expect(error).toMatchObject({
      code: 'invalid_client_metadata',
      error: 'invalid_client_metadata',
      errorDescription: "Invalid claim: 'scope'",
      httpStatus: 400,
      status: 502,
    });
  });
});

describe('a registration', () => {
  const operations = {
    read: (access: object) => world.registrations.readRegistration(access as never),
    update: (access: object) => world.registrations.updateRegistration(access as never, MINIMUM),
    delete: (access: object) => world.registrations.deleteRegistration(access as never),
  };
  const names = Object.keys(operations) as (keyof typeof operations)[];

  it.each(names)('cannot be managed with a wrong token or another client’s: %s', async (name) => {
    const { clientID } = world.own;
    for (const registrationAccessToken of ['polar_crt_wrong', world.other.registrationAccessToken]) {
      const error = await failureOf(operations[name]({ clientID, registrationAccessToken }));
      expect(error).toBeInstanceOf(PolarOAuthError);
      expect(error).toMatchObject({ code: 'invalid_client', error: 'invalid_client', httpStatus: 401 });
      // clientSecret is unrelated.
      expect((error as Error).message).toContain('Check that the client still exists');
      expect((error as Error).message).not.toContain('clientSecret');
      world.expectNoSecretIn(error);
    }
  });

  it.each(names)('cannot be managed with an access token: %s', async (name) => {
    const { clientID } = world.own;
    const live = world.tokens().accessToken;
    expect(await failureOf(operations[name]({ clientID, registrationAccessToken: live }))).toMatchObject({
      code: 'oauth_error',
      error: 'NotPermitted',
      httpStatus: 403,
    });
    const error = await failureOf(operations[name]({ clientID, registrationAccessToken: 'polar_at_u_dead' }));
    expect(error).toMatchObject({ code: 'invalid_token', httpStatus: 401 });
    expect((error as Error).message).toContain('polar_crt_');
  });

  it.each(names)('cannot be managed after its deletion: %s', async (name) => {
    await world.registrations.deleteRegistration(world.own);
    expect(await failureOf(operations[name](world.own))).toMatchObject({
      code: 'invalid_client',
      error: 'invalid_client',
      httpStatus: 401,
      message: expect.stringContaining('that the client still exists'),
    });
  });

  it.each(names)('cannot be managed without a valid token and id, and nothing is sent: %s', async (name) => {
    const { clientID, registrationAccessToken } = world.own;
    const wrong = [
      { clientID },
      { clientID, registrationAccessToken: '' },
      { clientID, registrationAccessToken: 'two words' },
      { registrationAccessToken },
      ...['', '.', '..'].map((id) => ({ clientID: id, registrationAccessToken })),
    ];
    for (const access of wrong) {
      const error = await failureOf(operations[name](access));
      expect(error).toBeInstanceOf(PolarConfigurationError);
      expect(error).toMatchObject({ code: 'invalid_option' });
      expect(String(error)).toMatch(/registrationAccessToken|clientID/);
    }
    expect(world.emulator.requests).toEqual([]);
  });

  it('has its own path, whatever the id', async () => {
    const { registrationAccessToken } = world.own;
    await failureOf(operations.read({ clientID: '../revoke?x#y', registrationAccessToken }));
    expect(world.emulator.requests.map(({ path }) => path)).toEqual([
      '/v1/oauth2/register/..%2Frevoke%3Fx%23y',
    ]);
  });

  it('leaves its access tokens alive when it is deleted', async () => {
    const { accessToken } = world.tokens(world.other);
    await world.registrations.deleteRegistration(world.other);
    expect(await world.as(world.own).userInfo(accessToken)).toMatchObject({ email: 'ada@example.com' });
    const revocation = world.as(world.other).revoke(accessToken);
    expect(await failureOf(revocation)).toMatchObject({ code: 'invalid_client' });
  });
});

describe('PolarRegistrationClient with a discoveryURL', () => {
  it('uses the endpoint of the metadata', async () => {
    const { url, issuer } = world.emulator;
    const server = { discoveryURL: `${url}/.well-known/openid-configuration`, issuer };
    const registrations = new PolarRegistrationClient({ server });
    const registration = await registrations.register(MINIMUM);
    expect(await registrations.readRegistration(registration)).toMatchObject({ clientName: 'My app' });
    expect(world.emulator.requests.map(({ endpoint }) => endpoint)).toEqual([
      'discovery',
      'register',
      'register',
    ]);
  });

  it('reports a provider without that endpoint, and sends nothing', async () => {
    const provider = await startMisbehavingServer();
    const { url } = provider;
    const metadata = {
      issuer: url,
      authorization_endpoint: `${url}/a`,
      token_endpoint: `${url}/t`,
      jwks_uri: `${url}/j`,
    };
    provider.behave(answersJSON(metadata));
    const server = { discoveryURL: `${url}/.well-known/openid-configuration` };
    const registrations = new PolarRegistrationClient({ server });
    for (const call of [registrations.register(MINIMUM), registrations.readRegistration(world.own)]) {
      const error = await failureOf(call);
      expect(error).toBeInstanceOf(PolarResponseError);
      expect(error).toMatchObject({
        code: 'discovery_failed',
        message: expect.stringContaining('no endpoint for registration'),
      });
    }
    expect(provider.requests).toHaveLength(1);
    await provider.close();
  });
});

it.each([
  [{ server: 'nowhere' }, /^server/],
  [{ server: { webURL: 'http://polar.example', apiURL: 'https://api.example' } }, /^server\.webURL/],
  [{ timeoutMs: 0 }, /^timeoutMs/],
  [{ fetch: 'x' }, /^fetch/],
])('PolarRegistrationClient refuses wrong options: %j', (options, message) => {
  expect(() => new PolarRegistrationClient(options as never)).toThrow(message);
});
