import { createPublicKey, type JsonWebKey, verify } from 'node:crypto';
import { createServer } from 'node:net';
import { describe, expect, it, jest } from '@jest/globals';
import { type PolarEmulatorOptions, startPolarEmulator } from 'passport-polar-sh/emulator';
import { ACME, CALLBACK, ENGINES, LocalPolar } from './support/local-polar';

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

describe('keys', () => {
  it('rotated: the new one signs, and the old one is gone', async () => {
    const [old] = await keys();
    polar.emulator.rotateKeys();
    const [current, ...others] = await keys();
    expect(others).toEqual([]);
    expect(current?.kid).not.toBe(old?.kid);
    const { idToken } = await polar.login();
    expect(isSignedBy(idToken, current ?? {})).toBe(true);
    expect(isSignedBy(idToken, old ?? {})).toBe(false);
  });

  it('rotated with the old one kept: both are published, the new one signs', async () => {
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

  it('the first one is the same for every copy of the module in this process', async () => {
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

describe('time', () => {
  it('passes when it is told to', () => {
    const { now } = polar.emulator;
    const before = now();
    polar.emulator.advanceTime(3600);
    expect(now() - before).toBeGreaterThanOrEqual(3_600_000);
    expect(now() - before).toBeLessThan(3_605_000);
    expect(() => polar.emulator.advanceTime(Number.NaN)).toThrow(TypeError);
  });
});

describe('tokens', () => {
  it('are listed while something of them works', async () => {
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

  it('of the web grant are not listed once they have expired', async () => {
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
    expect(() => polar.emulator.revokeAll('nobody@example.com')).toThrow(
      'There is no user nobody@example.com',
    );
  });

  it('can be issued expired', async () => {
    const { clientID } = polar.client;
    const user = 'ada@example.com';
    const { accessToken, accessTokenExpired } = polar.emulator.issueTokens({ clientID, user, expired: true });
    expect(accessTokenExpired).toBe(true);
    expect((await polar.userinfo(accessToken)).status).toBe(401);
  });

  it('cannot be issued for what does not exist', () => {
    const { clientID } = polar.client;
    const mint = polar.emulator.issueTokens;
    expect(() => mint({ clientID: 'x', user: 'ada@example.com' })).toThrow('No client x');
    expect(() => mint({ clientID, user: 'x' })).toThrow('There is no user x');
    expect(() => mint({ clientID, user: 'ada@example.com', organization: 'compilers' })).toThrow('compilers');
    expect(() => mint({ clientID, user: 'katherine@example.com', subType: 'organization' })).toThrow(
      'belongs to no organization',
    );
  });
});

describe('clients', () => {
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

  it('can have ids and secrets of one’s choice', () => {
    const metadata = { clientID: 'polar_ci_mine', clientSecret: 'polar_cs_mine' };
    expect(polar.register(metadata)).toMatchObject(metadata);
  });

  it('are held to Polar’s rules', () => {
    const none = undefined as unknown as string[];
    expect(() => polar.register({ redirectURIs: none })).toThrow('a list of redirectURIs');
    expect(() => polar.register({ redirectURIs: ['/callback'] })).toThrow('not an absolute URL');
    expect(() => polar.register({ redirectURIs: ['http://a.co/'] })).toThrow('plain http is for localhost');
    expect(() => polar.register({ scope: 'openid nope' })).toThrow('does not know every scope');
    const tokenEndpointAuthMethod = 'private_key_jwt' as 'none';
    expect(() => polar.register({ tokenEndpointAuthMethod })).toThrow('is not an authentication method');
    expect(() => polar.emulator.updateClient('x', {})).toThrow('No client x');
  });
});

describe('requests', () => {
  it('are on record with what was sent and answered, in order', async () => {
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

describe('reset', () => {
  it('is a fresh start for everything but the clients', async () => {
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

describe('options', () => {
  async function starting<Result>(
    options: PolarEmulatorOptions,
    use: (emulator: Awaited<ReturnType<typeof startPolarEmulator>>) => Result,
  ): Promise<Awaited<Result>> {
    const emulator = await startPolarEmulator(options);
    try {
      return await use(emulator);
    } finally {
      await emulator.close();
    }
  }

  it('say who has an account, with as little or as much as one likes', async () => {
    const users = [
      { email: 'a@example.com', organizations: [{ slug: 'shared' }] },
      {
        email: 'b@example.com',
        name: 'Bee',
        organizations: [{ slug: 'shared' }, { slug: 'own', name: 'Own' }],
      },
    ];
    await starting({ users, user: 'b@example.com' }, (emulator) => {
      expect(emulator.user).toBe('b@example.com');
      const { clientID } = emulator.registerClient({ redirectURIs: [CALLBACK] });
      const [a, b] = ['a@example.com', 'b@example.com'].map((user) =>
        emulator.issueTokens({ clientID, user, organization: 'shared' }),
      );
      expect(a?.organizations).toEqual(b?.organizations);
    });
  });

  it('that make no sense are refused', async () => {
    const users = [{ id: 'ada', email: 'ada@example.com' }];
    await expect(startPolarEmulator({ users })).rejects.toThrow('"ada" is not a UUID');
    await expect(startPolarEmulator({ clients: [{ redirectURIs: ['x'] }] })).rejects.toThrow('absolute URL');
    const misspelt = { concent: 'auto' } as PolarEmulatorOptions;
    await expect(startPolarEmulator(misspelt)).rejects.toThrow('no option "concent"');
    await expect(startPolarEmulator({ users: [] })).rejects.toThrow('at least one user');
    await expect(startPolarEmulator({ user: 'nobody@example.com' })).rejects.toThrow('There is no user');
    await expect(startPolarEmulator({ consent: 'maybe' as 'ask' })).rejects.toThrow(
      'consent must be one of ask, auto, deny, not "maybe"',
    );
    expect(() => {
      polar.emulator.consent = 'maybe' as 'ask';
    }).toThrow(TypeError);
    expect(() => {
      polar.emulator.user = 'nobody@example.com';
    }).toThrow(TypeError);
  });

  const senseless: ReadonlyArray<readonly [unknown, string]> = [
    [null, 'expected an object, not null'],
    [{ port: '4100' }, 'port must be a number from 0 to 65535, not "4100"'],
    [{ port: 70_000 }, 'port must be a number from 0 to 65535, not 70000'],
    [{ port: 0.5 }, 'port must be a whole number'],
    [{ host: '' }, 'host must be a text, not ""'],
    [{ issuer: 7 }, 'issuer must be a text, not 7'],
    [{ realistic: 'yes' }, '`realistic`: expected an object, not yes'],
    [{ realistic: { commitLag: 1 } }, 'no option "commitLag". Options: commitLagMs, refreshRaces, rateLimit'],
    [{ realistic: { seed: 7 } }, '`realistic` must name commitLagMs, refreshRaces or rateLimit, or be true'],
    [{ realistic: { commitLagMs: -1 } }, 'commitLagMs must be a number from 0 to 2147483647, not -1'],
    [{ realistic: { commitLagMs: [900, 0] } }, 'commitLagMs: the most must be a number from 900 to'],
    [
      { realistic: { commitLagMs: [1] } },
      'commitLagMs: the most must be a number from 1 to 2147483647, not und',
    ],
    [{ realistic: { commitLagMs: [1, 2, 3] } }, 'commitLagMs must be a number or two, not 1,2,3'],
    [
      { realistic: { refreshRaces: { processes: 2 } } },
      'no option "processes". Options: workers, lockTimeout',
    ],
    [{ realistic: { refreshRaces: { workers: 1.5 } } }, 'workers must be a whole number, not 1.5'],
    [{ realistic: { refreshRaces: null } }, '`refreshRaces`: expected an object, not null'],
    [{ realistic: { refreshRaces: { workers: 0 } } }, 'workers must be a number from 1 to 1000, not 0'],
    [{ realistic: { refreshRaces: { lockTimeoutMs: '30' } } }, 'lockTimeoutMs must be a number from 0'],
    [{ realistic: { rateLimit: 'strict' } }, 'rateLimit must be one of production, sandbox, not "strict"'],
    [{ realistic: { rateLimit: 'sandbox', seed: 0.5 } }, 'seed must be a whole number, not 0.5'],
    [{ realistic: { rateLimit: 'sandbox', seed: '7' } }, 'seed must be a number of at least 0, not "7"'],
    [{ lifetimes: { accessTokenSeconds: 1 } }, 'no option "accessTokenSeconds". Options: authorizationCode'],
    [{ lifetimes: { loginAccessTokenSeconds: Number.NaN } }, 'lifetimes.loginAccessTokenSeconds must be a'],
    [{ users: 'ada@example.com' }, 'users must be a list, not "ada@example.com"'],
    [{ users: ['ada@example.com'] }, 'A user: expected an object, not ada@example.com'],
    [{ users: [{ name: 'Ada' }] }, "A user's `email` must be a text, not undefined"],
    [{ users: [{ email: 'a@b.c', organisations: [] }] }, 'A user has no option "organisations"'],
    [{ users: [{ email: 'a@b.c', organizations: [{ name: 'x' }] }] }, "An organization's `slug` must be"],
    [{ users: [{ email: 'a@b.c' }, { email: 'a@b.c' }] }, 'two users are called a@b.c'],
    [{ clients: { redirectURIs: [CALLBACK] } }, 'clients must be a list'],
    [
      { clients: [{ redirectUris: [CALLBACK] }] },
      'A client has no option "redirectUris". Options: redirectURIs',
    ],
    [{ clients: [{ redirectURIs: [CALLBACK], grantTypes: ['code'] }] }, 'A grant type must be one of'],
    [{ clients: [{ redirectURIs: [CALLBACK], defaultSubType: 'team' }] }, 'defaultSubType must be one of'],
  ];
  it.each(senseless)('%j: an error that helps', async (options, message) => {
    await expect(startPolarEmulator(options as PolarEmulatorOptions)).rejects.toThrow(message);
    await expect(startPolarEmulator(options as PolarEmulatorOptions)).rejects.toThrow(TypeError);
  });

  it('of the controls are held to the same', async () => {
    const { emulator } = polar;
    const { clientID } = polar.client;
    const request = { clientID, user: 'ada@example.com' };
    const misspelt = (name: string) => ({ [name]: true }) as object;
    expect(() => emulator.rotateKeys(misspelt('keepold'))).toThrow('no option "keepold". Options: keepOld');
    expect(() => emulator.issueTokens({ ...request, ...misspelt('scopes') })).toThrow('no option "scopes"');
    expect(() => emulator.issueTokens({ ...request, scope: 'openid nope' })).toThrow('every scope of');
    expect(() => emulator.issueTokens({ ...request, subType: 'org' as 'user' })).toThrow('subType must be');
    expect(() => emulator.updateClient(clientID, misspelt('clientID'))).toThrow('no option "clientID"');
    await expect(emulator.authorize('x', misspelt('email'))).rejects.toThrow('no option "email"');
  });

  it('set issuer, lifetimes and clients', async () => {
    const options = {
      issuer: 'https://polar.example',
      lifetimes: { loginAccessTokenSeconds: 60 },
      clients: [{ redirectURIs: [CALLBACK], clientID: 'polar_ci_fixed' }],
    };
    await starting(options, async (emulator) => {
      expect(emulator.server).toEqual({
        webURL: emulator.url,
        apiURL: emulator.url,
        issuer: 'https://polar.example',
      });
      const { expiresAt } = emulator.issueTokens({ clientID: 'polar_ci_fixed', user: emulator.user });
      expect(Math.abs(expiresAt - emulator.now() - 60_000)).toBeLessThan(5000);
      const answer = await fetch(`${emulator.url}/.well-known/openid-configuration`);
      expect(await answer.json()).toMatchObject({ issuer: 'https://polar.example' });
    });
  });

  it('set where it listens', async () => {
    await starting({ host: '0.0.0.0' }, ({ url }) => expect(url).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/));
    const { port } = new URL(polar.emulator.url);
    await expect(startPolarEmulator({ port: Number(port) })).rejects.toThrow('EADDRINUSE');
    if (await hasIPv6()) {
      await starting({ host: '::1' }, ({ url }) => expect(url).toMatch(/^http:\/\/\[::1\]:\d+$/));
    }
  });
});

it('a mistake inside the emulator is a 500 that says so, and it lives on', async () => {
  polar.emulator.consent = 'ask';
  const { clientID } = polar.register({ name: 1n as unknown as string });
  const { status, text } = await polar.authorize({ client_id: clientID });
  expect([status, text]).toEqual([500, expect.stringContaining('The Polar emulator failed')]);
  expect((await polar.authorize()).status).toBe(200);
});

describe('two emulators in one process', () => {
  const other = new LocalPolar();

  it('have tokens, codes, clients and grants of their own', async () => {
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

  it('have consent pages and browsers of their own', async () => {
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

  it('have users, a clock, faults, keys and requests of their own, and are reset and closed alone', async () => {
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

function hasIPv6(): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once('error', () => resolve(false));
    probe.listen(0, '::1', () => probe.close(() => resolve(true)));
  });
}
