/** Each operation once at a local Polar, with every field of its response. */
import { beforeEach, describe, expect, it } from '@jest/globals';
import { PolarOAuthClient, PolarOAuthError, PolarStrategy, verifyIdToken } from 'passport-polar-sh';
import { ACME, ADA, CALLBACK, failureOf, PolarWorld, SENT_AT, VERIFIER } from './support/polar-world.js';

const world = new PolarWorld();
const seconds = () => Math.floor(world.emulator.now() / 1000);

const accessToken = expect.stringMatching(/^polar_at_u_/);
const refreshToken = expect.stringMatching(/^polar_rt_u_/);
const loggedIn = {
  accessToken,
  tokenType: 'Bearer',
  expiresAt: SENT_AT + 864_000_000,
  refreshToken,
  scopes: ['openid', 'email'],
  idToken: expect.any(String),
};

describe('a login', () => {
  it.each(['own', 'basic', 'open'] as const)('returns tokens with an id_token (client: %s)', async (kind) => {
    const client = world.as(world[kind]);
    const tokens = await client.exchangeCode(await world.grant(world[kind]));
    expect(tokens).toEqual(loggedIn);
    expect(tokens.raw['access_token']).toBe(tokens.accessToken);
    const { clientID } = world[kind];
    const { server } = world.emulator;
    const claims = await verifyIdToken(tokens.idToken ?? '', { clientID, server, nonce: world.nonce });
    expect(claims).toMatchObject({ sub: ADA, email: 'ada@example.com', email_verified: true });
  });

  it('without openid returns no id_token, and the granted scope', async () => {
    const code = await world.code(world.own, { scope: ['email'] });
    const tokens = await world
      .as(world.own)
      .exchangeCode({ code, redirectURI: CALLBACK, codeVerifier: VERIFIER });
    expect(tokens).toMatchObject({ scopes: ['email'] });
    expect('idToken' in tokens).toBe(false);
  });

  it('with sub_type=organization is limited to the organization that was picked', async () => {
    const code = await world.code(world.own, { subType: 'organization' });
    const client = world.as(world.own);
    const tokens = await client.exchangeCode({ code, redirectURI: CALLBACK, codeVerifier: VERIFIER });
    expect(await client.introspect(tokens.accessToken)).toMatchObject({
      subType: 'user',
      subject: ADA,
      organizations: [ACME],
    });
  });
});

describe('a client with the default sub_type organization', () => {
  beforeEach(() => {
    world.emulator.updateClient(world.own.clientID, { defaultSubType: 'organization' });
  });

  it('gets tokens for all organizations unless a login requests one', async () => {
    const client = world.as(world.own);
    for (const [more, organizations] of [
      [{}, []],
      [{ subType: 'organization' }, [ACME]],
    ] as const) {
      const code = await world.code(world.own, more);
      const tokens = await client.exchangeCode({ code, redirectURI: CALLBACK, codeVerifier: VERIFIER });
      expect(await client.introspect(tokens.accessToken)).toMatchObject({ organizations });
    }
  });

  it('gets tokens for all organizations from web sessions, since only Polar applies the default', async () => {
    const client = world.as(world.own);
    const { accessToken } = await client.exchangeWebSession({ sessionToken: world.session() });
    expect(world.emulator.requests.at(-1)?.form).not.toHaveProperty('sub_type');
    expect(await client.introspect(accessToken)).toMatchObject({ organizations: [] });
  });
});

describe('a refresh', () => {
  const refreshed = { ...loggedIn, expiresAt: SENT_AT + 3_600_000 };

  it.each(['own', 'basic', 'open'] as const)('returns new tokens (client: %s)', async (kind) => {
    const old = world.tokens(world[kind]);
    const { idToken: _none, ...fields } = refreshed;
    const tokens = await world.as(world[kind]).refresh(old);
    expect(tokens).toEqual(fields);
    expect([tokens.accessToken, tokens.refreshToken]).not.toContain(old.accessToken);
    expect(world.emulator.liveTokens()).toHaveLength(1);
  });

  it('narrows the scope for good', async () => {
    const client = world.as(world.own);
    const narrowed = await client.refresh({ ...world.tokens(), scope: ['openid'] });
    expect(narrowed.scopes).toEqual(['openid']);
    const wider = { refreshToken: narrowed.refreshToken ?? '', scope: ['openid', 'email'] };
    const error = await failureOf(client.refresh(wider));
    expect(error).toBeInstanceOf(PolarOAuthError);
    expect(error).toMatchObject({
      code: 'invalid_scope',
      error: 'invalid_scope',
      errorDescription: 'The requested scope is invalid, unknown, or malformed.',
      httpStatus: 400,
    });
    world.expectNoSecretIn(error);
  });
});

describe('the web grant', () => {
  it('returns an access token of the user with every scope of the client', async () => {
    const sessionToken = world.session();
    const tokens = await world.as(world.own).exchangeWebSession({ sessionToken });
    expect(tokens).toEqual({
      accessToken,
      tokenType: 'Bearer',
      expiresAt: SENT_AT + 3_600_000,
      scopes: ['openid', 'email', 'profile', 'organizations:read'],
    });
    expect(world.emulator.requests.at(-1)?.form).toEqual({
      grant_type: 'web',
      session_token: sessionToken,
      client_id: world.own.clientID,
      client_secret: world.own.clientSecret,
    });
  });

  it.each(['own', 'basic'] as const)('returns a token for one organization (client: %s)', async (kind) => {
    const client = world.as(world[kind]);
    const tokens = await client.exchangeWebSession({
      sessionToken: world.session(world[kind]),
      subType: 'organization',
      sub: ACME,
      scope: ['openid', 'email'],
    });
    expect(tokens).toEqual({
      accessToken,
      tokenType: 'Bearer',
      expiresAt: SENT_AT + 3_600_000,
      scopes: ['openid', 'email'],
    });
    expect(await client.introspect(tokens.accessToken)).toMatchObject({
      subject: ADA,
      organizations: [ACME],
    });
  });

  it.each([
    ['user', ACME, 'invalid_request', "Can't specify 'sub' for user sub_type"],
    ['organization', 'acme', 'invalid_request', "Invalid 'sub' UUID"],
    ['organization', ADA, 'invalid_grant', undefined],
  ] as const)('is refused with sub_type %s and sub %s', async (subType, sub, code, errorDescription) => {
    const grant = { sessionToken: world.session(), subType, sub };
    const error = await failureOf(world.as(world.own).exchangeWebSession(grant));
    expect(error).toMatchObject({ code, error: code, httpStatus: 400 });
    expect((error as PolarOAuthError).errorDescription).toBe(errorDescription);
    world.expectNoSecretIn(error);
  });
});

describe('introspection', () => {
  it.each(['own', 'basic'] as const)('returns all fields of a live token (client: %s)', async (kind) => {
    const { clientID } = world[kind];
    const { accessToken } = world.tokens(world[kind]);
    const said = await world.as(world[kind]).introspect(accessToken);
    expect(said).toEqual({
      active: true,
      clientID,
      tokenType: 'Bearer',
      scopes: ['openid', 'email'],
      subType: 'user',
      subject: ADA,
      organizations: [],
      audience: clientID,
      issuer: 'https://polar.sh',
      issuedAt: expect.any(Number),
      expiresAt: expect.any(Number),
      raw: expect.objectContaining({ active: true, sub: ADA }),
    });
    expect(Math.abs((said.issuedAt ?? 0) / 1000 - seconds())).toBeLessThan(5);
    expect((said.expiresAt ?? 0) - (said.issuedAt ?? 0)).toBe(864_000_000);
  });

  it('returns only that a dead, unknown or foreign token is inactive', async () => {
    const client = world.as(world.own);
    const foreign = world.tokens(world.other).accessToken;
    const expired = world.tokens(world.own, { expired: true });
    for (const token of [foreign, expired.accessToken, expired.refreshToken, 'polar_at_u_unknown']) {
      expect(await client.introspect(token)).toEqual({ active: false, raw: { active: false } });
    }
  });
});

describe('revocation', () => {
  it.each(['own', 'basic'] as const)('ends both tokens (client: %s)', async (kind) => {
    const { refreshToken } = world.tokens(world[kind]);
    expect(await world.as(world[kind]).revoke(refreshToken)).toBeUndefined();
    expect(world.emulator.liveTokens()).toEqual([]);
  });

  it('succeeds for an unknown token, and fails for a token of another app', async () => {
    const client = world.as(world.own);
    expect(await client.revoke('polar_rt_u_unknown')).toBeUndefined();
    const error = await failureOf(client.revoke(world.tokens(world.other).accessToken));
    expect(error).toMatchObject({ code: 'invalid_grant', error: 'invalid_grant', httpStatus: 400 });
    world.expectNoSecretIn(error);
    expect(world.emulator.liveTokens()).toHaveLength(1);
  });
});

describe('userinfo', () => {
  it('returns who a user is, as far as the scope allows', async () => {
    const client = world.as(world.own);
    const { accessToken } = world.tokens();
    const all = { sub: ADA, email: 'ada@example.com', email_verified: true };
    expect(await client.userInfo(accessToken)).toEqual({
      subject: ADA,
      email: 'ada@example.com',
      emailVerified: true,
      raw: all,
    });
    const narrow = world.tokens(world.own, { scope: 'openid' }).accessToken;
    expect(await client.userInfo(narrow)).toEqual({ subject: ADA, raw: { sub: ADA } });
  });
});

describe('a legacy token of an organization', () => {
  const legacy = () => world.tokens(world.own, { subType: 'organization', organization: 'acme' });

  it('is introspected as a token of the organization', async () => {
    const { accessToken } = legacy();
    expect(accessToken).toMatch(/^polar_at_o_/);
    expect(await world.as(world.own).introspect(accessToken)).toMatchObject({
      active: true,
      subType: 'organization',
      subject: ACME,
      organizations: [],
    });
  });

  it('has userinfo with a name', async () => {
    const { accessToken } = legacy();
    expect(await world.as(world.own).userInfo(accessToken)).toEqual({
      subject: ACME,
      name: 'acme',
      raw: { sub: ACME, name: 'acme' },
    });
  });

  it('is refreshed into a token of its one member, limited to the organization', async () => {
    const client = world.as(world.own);
    const tokens = await client.refresh(legacy());
    expect(tokens).toEqual({
      accessToken,
      refreshToken,
      tokenType: 'Bearer',
      expiresAt: SENT_AT + 3_600_000,
      scopes: ['openid', 'email'],
    });
    expect(await client.introspect(tokens.accessToken)).toMatchObject({
      subType: 'user',
      subject: ADA,
      organizations: [ACME],
    });
  });
});

describe('discovery', () => {
  const issuer = 'https://polar.sh';

  it('takes the options that a local Polar has for a strategy', async () => {
    const client = new PolarOAuthClient(world.emulator.strategyOptions());
    expect((await client.discover()).tokenEndpoint).toBe(`${world.emulator.url}/v1/oauth2/token`);
  });

  it('makes no request for known addresses', async () => {
    const { url } = world.emulator;
    expect(await world.as(world.own).discover()).toEqual({
      issuer,
      authorizationEndpoint: `${url}/oauth2/authorize`,
      tokenEndpoint: `${url}/v1/oauth2/token`,
      jwksURI: `${url}/.well-known/jwks.json`,
      userinfoEndpoint: `${url}/v1/oauth2/userinfo`,
      revocationEndpoint: `${url}/v1/oauth2/revoke`,
      introspectionEndpoint: `${url}/v1/oauth2/introspect`,
      registrationEndpoint: `${url}/v1/oauth2/register`,
    });
    expect(world.emulator.requests).toEqual([]);
  });

  it('reads the same from Polar’s metadata, and keeps the other fields', async () => {
    const discoveryURL = `${world.emulator.url}/.well-known/openid-configuration`;
    const discovered = await world.as(world.own, { server: { discoveryURL, issuer } }).discover();
    expect(discovered).toEqual({ ...(await world.as(world.own).discover()), raw: discovered.raw });
    expect(discovered.raw?.['scopes_supported']).toContain('organizations:read');
  });
});

it('strategy.client is a client with the options of the strategy', async () => {
  const { clientID, clientSecret } = world.own;
  const { server } = world.emulator;
  const { client } = new PolarStrategy({ clientID, clientSecret, callbackURL: CALLBACK, server });
  expect(client.isPublic).toBe(false);
  expect(await client.introspect(world.tokens().accessToken)).toMatchObject({ active: true });
  expect(await client.registrations.readRegistration(world.own)).toMatchObject({ clientID });
});
