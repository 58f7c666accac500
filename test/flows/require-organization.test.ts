import { afterEach, describe, expect, it } from '@jest/globals';
import type { Express } from 'express';
import { logout, requireLogin, requireOrganization, requireScope } from 'passport-polar-sh';
import type { Browser } from '../support/browser.js';
import { startTestApp, type TestApp, type TestAppOptions } from '../support/test-app.js';

let app: TestApp;
afterEach(() => app.close());

const acme = '22222220-2222-4222-8222-222222222222';
const engines = '22222221-2222-4222-8222-222222222222';
const compilers = '22222222-2222-4222-8222-222222222222';
const loginPath = '/auth/polar';

const routes = (server: Express): void => {
  server.use(
    '/orgs/:org',
    requireOrganization((req) => req.params['org'], { loginPath }),
    (req, res) => void res.json({ scopes: [...req.polar.scopes].sort() }),
  );
};
const start = async (options: TestAppOptions = {}) => {
  app = await startTestApp({
    ...options,
    strategy: { scope: ['openid', 'email', 'organizations:read'], ...options.strategy },
    routes: (server, parts) => {
      server.post('/logout', logout(parts.polar, { redirectTo: '/' }));
      (options.routes ?? routes)(server, parts);
    },
  });
  return app.browser();
};

const page = (browser: Browser, path: string) => browser.get(path).set('accept', 'text/html,*/*');
const program = (browser: Browser, path: string) => browser.get(path).set('accept', 'application/json');
const outcome = ({ status, body }: { status: number; body: { code?: string } }) => [status, body.code];
/** Opens the authorize page to which a page redirects. */
async function sentToPolar(browser: Browser, path: string): Promise<URL> {
  const answer = await page(browser, path);
  expect(answer.status).toBe(303);
  return browser.startLogin(answer.headers['location'] as string);
}
/** Picks organizations at Polar, and comes back. */
const pick = async (browser: Browser, authorizeURL: URL, ...organizations: string[]) =>
  browser.get(await app.emulator.authorize(authorizeURL, { organizations }));
const logIn = async (browser: Browser, ...organizations: string[]) =>
  pick(browser, await browser.startLogin(), ...organizations);
const asked = () => app.emulator.requests.filter(({ path }) => path.startsWith('/v1/organizations/')).length;

describe('requireOrganization for a login that reaches the organization', () => {
  it.each([[[]], [['acme']]])('lets it through, limited to %j', async (limits) => {
    const browser = await start();
    await logIn(browser, ...limits);
    expect((await page(browser, `/orgs/${acme}`)).status).toBe(200);
    expect((await program(browser, `/orgs/${acme.toUpperCase()}`)).status).toBe(200);
    expect(asked()).toBe(1);
  });

  it('asks Polar once for all requests, and again after half a minute', async () => {
    const browser = await start();
    await logIn(browser);
    const answers = await Promise.all(Array.from({ length: 20 }, () => program(browser, `/orgs/${acme}`)));
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
    expect(asked()).toBe(1);
    // The clock also runs by itself.
    app.emulator.advanceTime(15);
    await program(browser, `/orgs/${acme}`).expect(200);
    expect(asked()).toBe(1);
    app.emulator.advanceTime(16);
    await program(browser, `/orgs/${acme}`).expect(200);
    expect(asked()).toBe(2);
  });

  it('accepts the scope organizations:write alone', async () => {
    const browser = await start({ strategy: { scope: ['openid', 'organizations:write'] } });
    await logIn(browser);
    expect((await page(browser, `/orgs/${acme}`)).status).toBe(200);
  });
});

describe('requireOrganization for a login that is limited to others', () => {
  it('sends the person to pick the organization, and back', async () => {
    const browser = await start();
    await logIn(browser, 'acme');
    const first = await page(browser, `/orgs/${engines.toUpperCase()}?week=3`);
    expect([first.status, first.headers['location'], first.headers['cache-control']]).toEqual([
      303,
      `/auth/polar?return_to=%2Forgs%2F${engines.toUpperCase()}%3Fweek%3D3&scope=organizations%3Aread&organization=${engines}`,
      'no-store',
    ]);
    const polar = await browser.startLogin(first.headers['location'] as string);
    expect(Object.fromEntries(polar.searchParams)).toMatchObject({
      sub_type: 'organization',
      prompt: 'consent',
      scope: 'openid email organizations:read',
    });
    // Polar would count it as picked, whatever the person picks.
    expect(polar.searchParams.has('organizations')).toBe(false);
    const back = await pick(browser, polar, 'analytical-engines');
    expect(back.headers['location']).toBe(`/orgs/${engines.toUpperCase()}?week=3`);
    expect((await page(browser, `/orgs/${engines}`)).status).toBe(200);
    expect(app.emulator.liveTokens().map(({ organizations }) => organizations)).toEqual([[engines]]);
  });

  it.each([
    ['as they are', undefined],
    ['sealed with keys of the app', ['k'.repeat(32)]],
  ])(
    'reports an error instead of asking again if the person picks another one (entries %s)',
    async (_how, encryptionKeys) => {
      const browser = await start({ strategy: { encryptionKeys } });
      await logIn(browser, 'acme');
      await pick(browser, await sentToPolar(browser, `/orgs/${engines}`), 'acme');
      for (let visit = 0; visit < 3; visit++) {
        const answer = await page(browser, `/orgs/${engines}`);
        expect(outcome(answer)).toEqual([403, 'organization_not_accessible']);
        expect(answer.body.message).toMatch(/^Your login with Polar has no access to this organization/);
      }
      expect((await page(browser, `/orgs/${acme}`)).status).toBe(200);
      // For yet another organization, the person is asked.
      await pick(browser, await sentToPolar(browser, `/orgs/${compilers}`), 'acme');
      expect((await page(browser, `/orgs/${compilers}`)).status).toBe(403);
    },
  );

  it('keeps the login if the person refuses at Polar', async () => {
    const browser = await start();
    await logIn(browser, 'acme');
    const polar = await sentToPolar(browser, `/orgs/${engines}`);
    await browser.get(await app.emulator.authorize(polar, { deny: true }));
    expect((await page(browser, `/orgs/${acme}`)).status).toBe(200);
  });

  it('keeps the scopes that were granted on demand', async () => {
    const browser = await start({
      routes: (server) => {
        server.get('/orders', requireScope('orders:read', { loginPath }), (_req, res) => void res.json({}));
        routes(server);
      },
    });
    await logIn(browser);
    await pick(browser, await sentToPolar(browser, '/orders'), 'acme');
    await pick(browser, await sentToPolar(browser, `/orgs/${engines}`), 'analytical-engines');
    expect((await page(browser, `/orgs/${engines}`)).body.scopes).toContain('orders:read');
  });

  it('responds 403 to a program, without asking Polar what the login is limited to', async () => {
    const browser = await start();
    await logIn(browser, 'acme');
    const answer = await program(browser, `/orgs/${engines}`);
    expect(outcome(answer)).toEqual([403, 'organization_not_accessible']);
    expect(answer.headers['cache-control']).toBe('no-store');
    expect(app.errors).toMatchObject([{ organizationId: engines, status: 403 }]);
    expect(app.emulator.requests.some(({ endpoint }) => endpoint === 'introspect')).toBe(false);
  });

  it('reports an error at once for an organization that the person has left', async () => {
    const browser = await start();
    await logIn(browser, 'acme');
    app.emulator.fail('api', {
      status: 404,
      body: { error: 'ResourceNotFound', detail: 'Not found' },
    });
    expect(outcome(await page(browser, `/orgs/${acme}`))).toEqual([403, 'organization_not_accessible']);
  });
});

describe('requireOrganization for a login that is not limited', () => {
  it('reports an error for an organization to which the person does not belong', async () => {
    const browser = await start();
    await logIn(browser);
    for (const open of [page, program])
      expect(outcome(await open(browser, `/orgs/${compilers}`))).toEqual([
        403,
        'organization_not_accessible',
      ]);
    expect(asked()).toBe(1);
    app.emulator.advanceTime(6);
    await program(browser, `/orgs/${compilers}`);
    expect(asked()).toBe(2);
  });

  it('does not let it into an organization that enforces SSO', async () => {
    const browser = await start();
    await logIn(browser);
    app.emulator.enforceSSO('acme');
    expect(outcome(await page(browser, `/orgs/${acme}`))).toEqual([403, 'organization_not_accessible']);
  });
});

describe('the cached access to organizations', () => {
  it('does not carry over to the next login, or past a logout', async () => {
    const browser = await start();
    await logIn(browser);
    await page(browser, `/orgs/${engines}`).expect(200);
    await logIn(browser, 'acme');
    expect((await program(browser, `/orgs/${engines}`)).status).toBe(403);
    await logIn(browser);
    expect((await program(browser, `/orgs/${engines}`)).status).toBe(200);
    await browser.post('/logout');
    expect(outcome(await program(browser, `/orgs/${engines}`))).toEqual([401, 'not_logged_in']);
  });

  it('is not shared with other people', async () => {
    const [ada, grace] = [await start(), app.browser()];
    await logIn(ada);
    await grace.get(await app.emulator.authorize(await grace.startLogin(), { user: 'grace@example.com' }));
    expect((await program(ada, `/orgs/${acme}`)).status).toBe(200);
    expect((await program(grace, `/orgs/${acme}`)).status).toBe(403);
    expect((await program(grace, `/orgs/${compilers}`)).status).toBe(200);
    expect((await program(ada, `/orgs/${compilers}`)).status).toBe(403);
  });
});

describe('requireOrganization for a visitor who is not logged in', () => {
  it('sends pages to log in and back, with the scope that is needed', async () => {
    const browser = await start({ strategy: { scope: ['openid'] } });
    expect(outcome(await program(browser, `/orgs/${acme}`))).toEqual([401, 'not_logged_in']);
    const polar = await sentToPolar(browser, `/orgs/${acme}`);
    expect(polar.searchParams.get('scope')).toBe('openid organizations:read');
    expect(polar.searchParams.get('sub_type')).toBe('user');
    expect((await pick(browser, polar)).headers['location']).toBe(`/orgs/${acme}`);
    expect((await page(browser, `/orgs/${acme}`)).status).toBe(200);
  });

  it('sends pages to log in again once Polar has ended the login', async () => {
    const browser = await start();
    await logIn(browser);
    app.emulator.advanceTime(60);
    app.emulator.revokeAll();
    expect((await page(browser, `/orgs/${acme}`)).headers['location']).toMatch(/^\/auth\/polar\?return_to=/);
    expect(outcome(await program(browser, `/orgs/${acme}`))).toEqual([401, 'not_logged_in']);
  });
});

describe('requireOrganization for a login without the scope', () => {
  it('asks the person once to grant it', async () => {
    const browser = await start({ strategy: { scope: ['openid'] } });
    await logIn(browser);
    const { status, body } = await program(browser, `/orgs/${acme}`);
    expect([status, body.code]).toEqual([403, 'insufficient_scope']);
    expect(body.message).toContain('organizations:read');
    app.emulator.updateClient(app.client.clientID, { scope: 'openid email' });
    await pick(browser, await sentToPolar(browser, `/orgs/${acme}`));
    expect(outcome(await page(browser, `/orgs/${acme}`))).toEqual([403, 'insufficient_scope']);
    expect(asked()).toBe(0);
  });
});

describe('requireOrganization for a public client', () => {
  it('asks the person once, as it cannot know what a login is limited to', async () => {
    const browser = await start({ publicClient: true });
    await logIn(browser, 'acme');
    await pick(browser, await sentToPolar(browser, `/orgs/${engines}`), 'analytical-engines');
    expect((await page(browser, `/orgs/${engines}`)).status).toBe(200);
    await pick(browser, await sentToPolar(browser, `/orgs/${compilers}`), 'acme');
    expect(outcome(await page(browser, `/orgs/${compilers}`))).toEqual([403, 'organization_not_accessible']);
  });
});

describe('requireOrganization', () => {
  it.each([
    'acme',
    '1',
    `${acme}0`,
    `{${acme}}`,
    acme.replaceAll('-', ''),
    '%00',
    '..%2f..',
    'x'.repeat(3000),
  ])('responds 404 to the invalid id %s without asking Polar', async (id) => {
    const browser = await start();
    await logIn(browser);
    for (const open of [page, program])
      expect(outcome(await open(browser, `/orgs/${id}`))).toEqual([404, 'invalid_organization_id']);
    expect(asked()).toBe(0);
  });

  it("treats a UUID of another version than Polar's as not accessible", async () => {
    const browser = await start();
    await logIn(browser);
    expect((await program(browser, '/orgs/22222220-2222-1222-8222-222222222222')).status).toBe(403);
  });

  it.each([
    ['nothing', undefined, 404],
    ['null', null, 404],
    ['a list', [acme], 404],
    ['a promise of an id', Promise.resolve(acme), 200],
    ['a promise of nothing', Promise.resolve(undefined), 404],
  ])('handles a function that returns %s', async (_what, found, status) => {
    const browser = await start({
      routes: (server) =>
        server.get(
          '/mine',
          requireOrganization(() => found, { loginPath }),
          (_req, res) => void res.json({}),
        ),
    });
    await logIn(browser);
    expect((await page(browser, '/mine')).status).toBe(status);
  });

  it('passes on what its function throws or rejects with', async () => {
    const browser = await start({
      routes: (server) => {
        const guard = (find: () => Promise<string>) => requireOrganization(find, { loginPath });
        server.get(
          '/throws',
          guard(() => {
            throw new Error('thrown');
          }),
        );
        server.get(
          '/rejects',
          guard(() => Promise.reject(new Error('rejected'))),
        );
      },
    });
    await logIn(browser);
    expect((await page(browser, '/throws')).body.message).toBe('thrown');
    expect((await page(browser, '/rejects')).body.message).toBe('rejected');
  });

  it.each([undefined, null, false, 'route', 'router'])(
    'lets nobody in if its function rejects with %p',
    async (reason) => {
      const browser = await start({
        routes: (server) => {
          const guard = requireOrganization(() => Promise.reject(reason), { loginPath });
          server.get('/rejects', guard, (_req, res) => void res.json('let in'));
          server.get('/rejects', (_req, res) => void res.json('gone on'));
        },
      });
      await logIn(browser);
      const answer = await page(browser, '/rejects');
      expect([answer.status, answer.body.message]).toEqual([
        500,
        expect.stringContaining('instead of an error'),
      ]);
    },
  );
});

describe('requireOrganization while Polar is down', () => {
  it.each([
    [{ status: 500 }, 'server_error'],
    [{ status: 429, retryAfterSeconds: 9 }, 'rate_limited'],
    ['half-body', 'network_error'],
  ] as const)('reports %j as a transient error that is not cached', async (fault, code) => {
    const browser = await start();
    await logIn(browser);
    app.emulator.fail('api', fault, 2);
    expect(outcome(await page(browser, `/orgs/${acme}`))).toEqual([503, code]);
    app.emulator.heal();
    expect((await page(browser, `/orgs/${acme}`)).status).toBe(200);
  });

  it('reports a failed introspection as a transient error, and redirects nobody', async () => {
    const browser = await start();
    await logIn(browser, 'acme');
    app.emulator.fail('introspect', { status: 500 });
    expect(outcome(await page(browser, `/orgs/${engines}`))).toEqual([503, 'server_error']);
    expect((await page(browser, `/orgs/${engines}`)).status).toBe(303);
  });

  it('does not take a 404 about something else for a refusal', async () => {
    const browser = await start({
      strategy: {
        fetch: async (input, init) =>
          input.includes('/v1/organizations/')
            ? Response.json({ message: 'No such page' }, { status: 404 })
            : fetch(input, init),
      },
    });
    await logIn(browser);
    expect(outcome(await page(browser, `/orgs/${acme}`))).toEqual([502, 'malformed_response']);
  });
});

describe('a login address from a stranger', () => {
  it('does no more than make Polar ask the person', async () => {
    const browser = await start();
    await logIn(browser, 'acme');
    const polar = await browser.startLogin(`/auth/polar?organization=${engines}&return_to=/me`);
    expect(polar.searchParams.get('prompt')).toBe('consent');
    expect(polar.search).not.toContain(engines);
    expect((await page(browser, `/orgs/${acme}`)).status).toBe(200);
    await pick(browser, polar, 'acme');
    expect((await page(browser, `/orgs/${acme}`)).status).toBe(200);
  });

  it.each(['acme', '', `${engines}%20${acme}`, `${engines}&organizations=${acme}&sub_type=organization`])(
    'with a malformed organization (x%s) has no effect',
    async (value) => {
      const browser = await start();
      const { searchParams } = await browser.startLogin(`/auth/polar?organization=x${value}`);
      for (const name of ['organization', 'organizations', 'prompt'])
        expect(searchParams.has(name)).toBe(false);
      expect(searchParams.get('sub_type')).toBe('user');
    },
  );
});

describe('requireOrganization with missing options', () => {
  it('names what it needs', async () => {
    await start();
    expect(() => requireOrganization(undefined as never, { loginPath })).toThrow(
      'requireOrganization needs a function that returns the organization id',
    );
    for (const options of [undefined, {}, { loginPath: '//evil.example' }])
      expect(() => requireOrganization(() => acme, options as never)).toThrow(
        "requireOrganization needs loginPath, the path of the route that starts the login: requireOrganization((req) => req.params.org, { loginPath: '/auth/polar' })",
      );
    expect(() => requireLogin(undefined as never)).toThrow("requireLogin({ loginPath: '/auth/polar' })");
  });
});
