import { createPublicKey, type JsonWebKey, verify } from 'node:crypto';
import { describe, expect, it, jest } from '@jest/globals';
import { startPolarEmulator } from 'passport-polar-sh/emulator';
import { ACME, CALLBACK, ENGINES, LocalPolar } from '../support/local-polar';

const polar = new LocalPolar();

const keys = async () =>
  (await polar.get('/.well-known/jwks.json')).json['keys'] as (JsonWebKey & { kid: string })[];

function isSignedBy(idToken: string, key: JsonWebKey): boolean {
  const [header = '', payload = '', signature = ''] = idToken.split('.');
  const publicKey = createPublicKey({ key, format: 'jwk' });
  return verify(
    'sha256',
    Buffer.from(`${header}.${payload}`),
    publicKey,
    Buffer.from(signature, 'base64url'),
  );
}

describe('the signing key', () => {
  it('is replaced and no longer published after a rotation', async () => {
    const [old] = await keys();
    polar.emulator.rotateKeys();
    const [current, ...others] = await keys();
    expect(others).toEqual([]);
    expect(current?.kid).not.toBe(old?.kid);
    const { idToken } = await polar.login();
    expect(isSignedBy(idToken, current ?? {})).toBe(true);
    expect(isSignedBy(idToken, old ?? {})).toBe(false);
  });

  it('is replaced but still published after a rotation with keepOld', async () => {
    polar.emulator.rotateKeys({ keepOld: true });
    const { idToken } = await polar.login();
    const published = await keys();
    expect(published.map(Object.keys)).toEqual([
      ['n', 'e', 'kty', 'kid'],
      ['n', 'e', 'kty', 'kid'],
    ]);
    expect(published.map((key) => isSignedBy(idToken, key))).toEqual([false, true]);
    polar.emulator.reset();
    expect((await keys()).map(({ kid }) => kid)).toEqual(['polar_dev']);
  });

  it('is the same for every copy of the module in this process at first', async () => {
    const published = await keys();
    let start = startPolarEmulator;
    jest.isolateModules(() => {
      start = require('passport-polar-sh/emulator').startPolarEmulator;
    });
    expect(start).not.toBe(startPolarEmulator);
    const other = await start();
    try {
      const answer = await fetch(`${other.url}/.well-known/jwks.json`);
      expect(await answer.json()).toEqual({ keys: published });
    } finally {
      await other.close();
    }
  });
});

describe('the time', () => {
  it('advances on request', () => {
    const { now } = polar.emulator;
    const before = now();
    polar.emulator.advanceTime(3600);
    expect(now() - before).toBeGreaterThanOrEqual(3_600_000);
    expect(now() - before).toBeLessThan(3_605_000);
    expect(() => polar.emulator.advanceTime(Number.NaN)).toThrow(TypeError);
  });
});

describe('the tokens of the emulator', () => {
  it('are listed while one of a pair works', async () => {
    const { accessToken, refreshToken } = await polar.login({ organizations: ACME });
    const [live, ...others] = polar.emulator.liveTokens();
    expect(others).toEqual([]);
    expect(live).toEqual({
      clientID: polar.client.clientID,
      user: 'ada@example.com',
      subType: 'user',
      organizations: [ACME],
      scope: 'openid email',
      accessToken,
      accessTokenExpired: false,
      refreshToken,
      expiresAt: expect.any(Number),
    });
    expect(Math.abs((live?.expiresAt ?? 0) - polar.emulator.now() - 864_000_000)).toBeLessThan(5000);
    polar.emulator.advanceTime(900_000);
    expect(polar.emulator.liveTokens()).toMatchObject([{ accessTokenExpired: true, refreshToken }]);
    await polar.refresh(refreshToken);
    expect(polar.emulator.liveTokens()).toHaveLength(1);
    polar.emulator.revokeAll();
    expect(polar.emulator.liveTokens()).toEqual([]);
  });

  it('are not listed after they have expired when they come from the web grant', async () => {
    polar.client = polar.register({ grantTypes: ['web'] });
    const session_token = polar.emulator.createSession('grace@example.com');
    await polar.token({ grant_type: 'web', session_token });
    expect(polar.emulator.liveTokens()).toMatchObject([
      { user: 'grace@example.com', refreshToken: undefined },
    ]);
    polar.emulator.advanceTime(3700);
    expect(polar.emulator.liveTokens()).toEqual([]);
  });

  it('can be revoked for one user', async () => {
    const { clientID } = polar.client;
    const ada = polar.emulator.issueTokens({ clientID, user: 'ada@example.com' });
    const grace = polar.emulator.issueTokens({ clientID, user: 'grace@example.com', organization: ENGINES });
    expect([ada.organizations, grace.organizations]).toEqual([[], [ENGINES]]);
    polar.emulator.revokeAll('ada@example.com');
    expect(polar.emulator.liveTokens()).toEqual([grace]);
    expect(() => polar.emulator.revokeAll('nobody@example.com')).toThrow('Unknown user nobody@example.com');
  });

  it('can be issued as expired', async () => {
    const { clientID } = polar.client;
    const user = 'ada@example.com';
    const { accessToken, accessTokenExpired } = polar.emulator.issueTokens({ clientID, user, expired: true });
    expect(accessTokenExpired).toBe(true);
    expect((await polar.userinfo(accessToken)).status).toBe(401);
  });

  it('cannot be issued for an unknown client, user or organization', () => {
    const { clientID } = polar.client;
    const mint = polar.emulator.issueTokens;
    expect(() => mint({ clientID: 'x', user: 'ada@example.com' })).toThrow('No client x');
    expect(() => mint({ clientID, user: 'x' })).toThrow('Unknown user x');
    expect(() => mint({ clientID, user: 'ada@example.com', organization: 'compilers' })).toThrow('compilers');
    expect(() => mint({ clientID, user: 'katherine@example.com', subType: 'organization' })).toThrow(
      'does not belong to any organization',
    );
  });
});

describe('the clients of the emulator', () => {
  it('can be changed', () => {
    const { clientID } = polar.client;
    const changed = polar.emulator.updateClient(clientID, {
      redirectURIs: ['https://a.co'],
      scope: 'openid',
      name: 'Renamed',
      tokenEndpointAuthMethod: 'none',
    });
    expect(changed).toMatchObject({ redirectURIs: ['https://a.co/'], scope: 'openid' });
    expect('clientSecret' in changed).toBe(false);
    expect(polar.emulator.updateClient(clientID, {})).toEqual(changed);
  });

  it('can have a given id and secret', () => {
    const metadata = { clientID: 'polar_ci_mine', clientSecret: 'polar_cs_mine' };
    expect(polar.register(metadata)).toMatchObject(metadata);
  });

  it('must follow Polar’s rules', () => {
    const none = undefined as unknown as string[];
    expect(() => polar.register({ redirectURIs: none })).toThrow('redirectURIs, a list');
    expect(() => polar.register({ redirectURIs: ['/callback'] })).toThrow('must be an absolute URL');
    expect(() => polar.register({ redirectURIs: ['http://a.co/'] })).toThrow('or http on localhost');
    expect(() => polar.register({ scope: 'openid nope' })).toThrow('does not support all scopes');
    const tokenEndpointAuthMethod = 'private_key_jwt' as 'none';
    expect(() => polar.register({ tokenEndpointAuthMethod })).toThrow(
      'tokenEndpointAuthMethod must be one of',
    );
    expect(() => polar.emulator.updateClient('x', {})).toThrow('No client x');
  });
});

describe('the requests of the emulator', () => {
  it('are recorded in order with what was sent and the status', async () => {
    await polar.login();
    expect(polar.emulator.requests).toMatchObject([
      {
        method: 'GET',
        path: '/oauth2/authorize',
        endpoint: 'authorize',
        query: { state: 'st-1', client_id: polar.client.clientID },
        form: {},
        grantType: undefined,
        status: 302,
      },
      {
        method: 'POST',
        path: '/v1/oauth2/token',
        endpoint: 'token',
        headers: { 'content-type': expect.stringContaining('form') },
        form: { redirect_uri: CALLBACK },
        grantType: 'authorization_code',
        status: 200,
        fault: undefined,
      },
    ]);
    await polar.get('/elsewhere');
    expect(polar.emulator.requests.at(-1)).toMatchObject({ endpoint: 'other', status: 404 });
    await polar.get('/v1/elsewhere');
    expect(polar.emulator.requests.at(-1)).toMatchObject({ endpoint: 'api', status: 404 });
  });
});

describe('a reset', () => {
  it('restores everything except for the clients', async () => {
    const { emulator } = polar;
    const tokens = await polar.login();
    const code = await polar.code({ nonce: 'n' });
    const session = emulator.createSession('ada@example.com');
    emulator.consent = 'deny';
    emulator.user = 'grace@example.com';
    emulator.advanceTime(86_400);
    emulator.fail('userinfo', { status: 500 });
    emulator.reset();
    expect(emulator.requests).toEqual([]);
    expect(emulator.liveTokens()).toEqual([]);
    expect([emulator.consent, emulator.user]).toEqual(['auto', 'ada@example.com']);
    expect(Math.abs(emulator.now() - Date.now())).toBeLessThan(5000);
    expect((await polar.userinfo(tokens.accessToken)).status).toBe(401);
    expect((await polar.exchange(code)).status).toBe(400);
    emulator.consent = 'ask';
    expect((await polar.authorize({ nonce: 'n' })).status).toBe(200);
    emulator.updateClient(polar.client.clientID, { grantTypes: ['web'] });
    const { json } = await polar.token({ grant_type: 'web', session_token: session });
    expect(json).toEqual({ error: 'invalid_grant' });
  });
});

const WEB_CLIENT = {
  redirectURIs: [CALLBACK],
  clientID: 'polar_ci_web',
  clientSecret: 'polar_cs_web',
  grantTypes: ['web'],
} as const;

it('a bug in the emulator causes a 500 that says so, and does not stop it', async () => {
  polar.emulator.consent = 'ask';
  const { clientID } = polar.register({ name: 1n as unknown as string });
  const { status, text } = await polar.authorize({ client_id: clientID });
  expect([status, text]).toEqual([500, expect.stringContaining('The Polar emulator failed')]);
  expect((await polar.authorize()).status).toBe(200);
});

describe('two emulators in one process', () => {
  const other = new LocalPolar();

  it('have separate tokens, codes, clients and grants', async () => {
    const { accessToken, refreshToken } = await polar.login();
    expect((await other.userinfo(accessToken)).status).toBe(401);
    expect((await other.refresh(refreshToken)).json).toEqual({ error: 'invalid_grant' });
    expect((await other.exchange(await polar.code())).json['error']).toBe('invalid_grant');
    expect((await other.send(polar.authorizePath())).json['error']).toBe('invalid_client');
    expect(other.emulator.liveTokens()).toEqual([]);
    const shared = { clientID: 'polar_ci_shared' };
    polar.client = polar.register(shared);
    other.client = other.register(shared);
    await polar.login({ nonce: 'n' });
    await polar.code({ nonce: 'abandoned' });
    other.emulator.consent = 'ask';
    expect((await other.authorize({ prompt: 'none' })).location.get('error')).toBe('consent_required');
    expect((await other.authorize({ nonce: 'abandoned' })).status).toBe(200);
  });

  it('have separate consent pages and browser sessions', async () => {
    polar.emulator.consent = 'ask';
    other.client = other.register({ clientID: polar.client.clientID });
    const page = await polar.send(`${polar.authorizePath()}&polar_emulator_user=grace@example.com`);
    const cookie = page.headers.get('set-cookie')?.split(';')[0] ?? '';
    const form = /name="consent_form" value="([^"]+)"/.exec(page.text)?.[1] ?? '';
    const path = `${polar.authorizePath().replace('authorize', 'consent')}&polar_emulator_user=grace@example.com`;
    const fields = { consent_form: form, action: 'allow' };
    expect((await other.post(path, fields)).status).toBe(400);
    expect((await polar.post(path, fields)).status).toBe(302);
    other.emulator.consent = 'ask';
    const { text } = await other.send(other.authorizePath(), { headers: { cookie } });
    expect(text).toContain('Ada Lovelace</strong>');
  });

  it('have separate users, clocks, faults, keys and requests, and are reset and closed separately', async () => {
    const { accessToken, refreshToken } = await polar.login();
    const { length } = polar.emulator.requests;
    other.emulator.advanceTime(864_001);
    expect(Math.abs(polar.emulator.now() - Date.now())).toBeLessThan(60_000);
    other.emulator.user = 'grace@example.com';
    expect(polar.emulator.user).toBe('ada@example.com');
    other.emulator.consent = 'deny';
    expect(polar.emulator.consent).toBe('auto');
    other.emulator.fail('userinfo', { status: 500 });
    expect((await polar.userinfo(accessToken)).status).toBe(200);
    expect((await other.userinfo('x')).status).toBe(500);
    const [before] = await keys();
    other.emulator.rotateKeys();
    expect(await keys()).toEqual([before]);
    expect((await other.get('/.well-known/jwks.json')).json['keys']).not.toEqual([before]);
    expect(polar.emulator.requests).toHaveLength(length + 3);
    expect(other.emulator.requests.map(({ path }) => path)).toEqual([
      '/v1/oauth2/userinfo',
      '/.well-known/jwks.json',
    ]);
    other.emulator.revokeAll();
    other.emulator.reset();
    await other.emulator.close();
    await other.emulator.close();
    expect(polar.emulator.requests).toHaveLength(length + 3);
    expect((await polar.refresh(refreshToken)).status).toBe(200);
  });

  it('can have the same users with other organizations', async () => {
    const users = [{ email: 'ada@example.com', organizations: [{ slug: 'acme' }] }];
    const third = await startPolarEmulator({ users, clients: [WEB_CLIENT] });
    try {
      const issued = { user: 'ada@example.com', organization: 'acme' };
      const [here, there] = [
        polar.emulator.issueTokens({ ...issued, clientID: polar.client.clientID }),
        third.issueTokens({ ...issued, clientID: WEB_CLIENT.clientID }),
      ];
      expect(here.organizations).toEqual([ACME]);
      expect(there.organizations).not.toEqual([ACME]);
    } finally {
      await third.close();
    }
  });
});
