import { createServer } from 'node:net';
import { describe, expect, it } from '@jest/globals';
import { type PolarEmulatorOptions, startPolarEmulator } from 'passport-polar-sh/emulator';
import { CALLBACK, LocalPolar } from './support/local-polar';

const polar = new LocalPolar();

describe('the options of the emulator', () => {
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

  it('describe users with few or many details', async () => {
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

  it('are refused when they are invalid', async () => {
    const users = [{ id: 'ada', email: 'ada@example.com' }];
    await expect(startPolarEmulator({ users })).rejects.toThrow('must be a UUID, not "ada"');
    await expect(startPolarEmulator({ clients: [{ redirectURIs: ['x'] }] })).rejects.toThrow('absolute URL');
    const misspelt = { concent: 'auto' } as PolarEmulatorOptions;
    await expect(startPolarEmulator(misspelt)).rejects.toThrow('no option "concent"');
    await expect(startPolarEmulator({ users: [] })).rejects.toThrow('at least one user');
    await expect(startPolarEmulator({ user: 'nobody@example.com' })).rejects.toThrow('Unknown user');
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
    [{ host: '' }, 'host must be a non-empty string, not ""'],
    [{ issuer: 7 }, 'issuer must be a non-empty string, not 7'],
    [{ realistic: 'yes' }, '`realistic`: expected an object, not yes'],
    [{ realistic: { commitLag: 1 } }, 'no option "commitLag". Options: commitLagMs, refreshRaces, rateLimit'],
    [{ realistic: { seed: 7 } }, '`realistic` must set commitLagMs, refreshRaces or rateLimit, or be true'],
    [{ realistic: { commitLagMs: -1 } }, 'commitLagMs must be a number from 0 to 2147483647, not -1'],
    [{ realistic: { commitLagMs: [900, 0] } }, 'commitLagMs: the maximum must be a number from 900 to'],
    [
      { realistic: { commitLagMs: [1] } },
      'commitLagMs: the maximum must be a number from 1 to 2147483647, not und',
    ],
    [
      { realistic: { commitLagMs: [1, 2, 3] } },
      'commitLagMs must be a number or a range of two numbers, not 1,2,3',
    ],
    [
      { realistic: { commitLagMs: [1, 2, 3] } },
      'commitLagMs must be a number or a range of two numbers, not 1,2,3',
    ],
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
    [{ users: [{ name: 'Ada' }] }, "A user's `email` must be a non-empty string, not undefined"],
    [{ users: [{ email: 'a@b.c', organisations: [] }] }, 'A user has no option "organisations"'],
    [{ users: [{ email: 'a@b.c', organizations: [{ name: 'x' }] }] }, "An organization's `slug` must be"],
    [{ users: [{ email: 'a@b.c' }, { email: 'a@b.c' }] }, 'two users have the e-mail address a@b.c'],
    [{ clients: { redirectURIs: [CALLBACK] } }, 'clients must be a list'],
    [
      { clients: [{ redirectUris: [CALLBACK] }] },
      'A client has no option "redirectUris". Options: redirectURIs',
    ],
    [{ clients: [{ redirectURIs: [CALLBACK], grantTypes: ['code'] }] }, 'A grant type must be one of'],
    [{ clients: [{ redirectURIs: [CALLBACK], defaultSubType: 'team' }] }, 'defaultSubType must be one of'],
  ];
  it.each(senseless)('cause a helpful error for %j', async (options, message) => {
    await expect(startPolarEmulator(options as PolarEmulatorOptions)).rejects.toThrow(message);
    await expect(startPolarEmulator(options as PolarEmulatorOptions)).rejects.toThrow(TypeError);
  });

  it('are validated in the controls as well', async () => {
    const { emulator } = polar;
    const { clientID } = polar.client;
    const request = { clientID, user: 'ada@example.com' };
    const misspelt = (name: string) => ({ [name]: true }) as object;
    expect(() => emulator.rotateKeys(misspelt('keepold'))).toThrow('no option "keepold". Options: keepOld');
    expect(() => emulator.issueTokens({ ...request, ...misspelt('scopes') })).toThrow('no option "scopes"');
    expect(() => emulator.issueTokens({ ...request, scope: 'openid nope' })).toThrow('all scopes of');
    expect(() => emulator.issueTokens({ ...request, subType: 'org' as 'user' })).toThrow('subType must be');
    expect(() => emulator.updateClient(clientID, misspelt('clientID'))).toThrow('no option "clientID"');
    await expect(emulator.authorize('x', misspelt('email'))).rejects.toThrow('no option "email"');
  });

  it('set the issuer, lifetimes and clients', async () => {
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

  it('set the host and the port', async () => {
    await starting({ host: '0.0.0.0' }, ({ url }) => expect(url).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/));
    const { port } = new URL(polar.emulator.url);
    await expect(startPolarEmulator({ port: Number(port) })).rejects.toThrow('EADDRINUSE');
    if (await hasIPv6()) {
      await starting({ host: '::1' }, ({ url }) => expect(url).toMatch(/^http:\/\/\[::1\]:\d+$/));
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
