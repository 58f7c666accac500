/** Polar's SDK through `sdkCore`: the newest one, the oldest 1.x, and 0.49 through its HTTPClient. */
import { afterEach, describe, expect, it, jest } from '@jest/globals';
import * as express from 'express';
import * as library from 'passport-polar-sh';
import {
  PolarAPIVersionError,
  PolarConfigurationError,
  PolarInsufficientScopeError,
  PolarLoginRequiredError,
  type PolarSDKCore,
  type PolarStrategyOptions,
  PolarTransientError,
  sdkCore,
} from 'passport-polar-sh';
import * as oldSDK from 'polar-sdk-0';
import { polarAPI } from '../docs/sdk/sdk-0.js';
import { refreshesAt, requestsTo } from '../support/emulator-requests.js';
import { inMemoryStorage } from '../support/in-memory-storage.js';
import { startMisbehavingServer } from '../support/misbehaving-server.js';
import { startTestApp, type TestApp } from '../support/test-app.js';

type SDK = typeof import('@polar-sh/sdk/2026-10') & typeof import('@polar-sh/sdk/2026-10/services/products');

let app: TestApp;
let loginId: string;
afterEach(() => app?.close());

/** Logs in to an app with the README's routes, for an SDK and a version of the API. */
async function loggedIn(sdk: string, version: string, strategy: Partial<PolarStrategyOptions> = {}) {
  app = await startTestApp({
    strategy: {
      scope: ['openid', 'organizations:read', 'products:read'],
      storage: inMemoryStorage(),
      encryptionKeys: ['a key that only these tests know, and its jobs'],
      ...strategy,
    },
    routes: (server) => server.use('/catalogue', catalogueOf(sdk, version)),
    verify: ({ loginId: id, profile }: { loginId: string; profile: object }) => {
      loginId = id;
      return profile;
    },
  });
  return app.loggedInBrowser();
}

const catalogues = new Map<string, express.Router>();

function catalogueOf(sdk: string, version: string): express.Router {
  let router = catalogues.get(`${sdk}/${version}`);
  if (router !== undefined) return router;
  jest.isolateModules(() => {
    jest.doMock('passport-polar-sh', () => library);
    jest.doMock('express', () => express);
    for (const part of ['', '/services/organizations', '/services/products'])
      jest.doMock(`@polar-sh/sdk/2026-10${part}`, () => jest.requireActual(`${sdk}/${version}${part}`));
    router =
      jest.requireActual<typeof import('../docs/sdk/catalogue.js')>('../docs/sdk/catalogue.js').catalogue;
  });
  if (router === undefined) throw new Error('the module was not loaded');
  catalogues.set(`${sdk}/${version}`, router);
  return router;
}
const load = (sdk: string, version: string): SDK => ({
  ...jest.requireActual<SDK>(`${sdk}/${version}`),
  ...jest.requireActual<SDK>(`${sdk}/${version}/services/products`),
});

const api = () => requestsTo(app.emulator, 'api');
const refreshes = () => refreshesAt(app.emulator);
const PRODUCTS = ['Punch cards', 'Rocket fuel', 'Anvil'];

const sdks = ['@polar-sh/sdk', 'polar-sdk-oldest'].flatMap((sdk) =>
  ['2026-04', '2026-10', '2027-01'].map((version) => [sdk, version] as const),
);

describe.each(sdks)('sdkCore with %s/%s', (sdk, version) => {
  it('lists organizations and products with the token of the login and the version of the SDK', async () => {
    const browser = await loggedIn(sdk, version);
    expect((await browser.get('/catalogue/organizations')).body).toEqual(['acme', 'Analytical Engines']);
    expect((await browser.get('/catalogue/products')).body).toEqual(PRODUCTS);
    const token = await browser.token();
    for (const { headers } of api())
      expect([headers.authorization, headers['polar-version']]).toEqual([`Bearer ${token}`, version]);
  });

  it('guards its own pages only, wherever an app mounts it', async () => {
    await loggedIn(sdk, version);
    const stranger = app.browser();
    expect((await stranger.get('/catalogue/products')).status).toBe(401);
    expect((await stranger.get('/catalogue/another-page')).status).toBe(404);
  });

  it('lists every page, also if the token expires between two of them', async () => {
    await loggedIn(sdk, version);
    const { createPolarCore, iterListProducts } = load(sdk, version);
    const core = sdkCore(app.polar.tokensFor(loginId), createPolarCore);
    const names: string[] = [];
    for await (const { name } of iterListProducts(core)({ limit: 1 })) {
      names.push(name);
      if (names.length === 1) app.emulator.advanceTime(864_000);
    }
    expect(names).toEqual(PRODUCTS);
    expect([api().length, refreshes().length]).toEqual([3, 1]);
    expect(new Set(api().map(({ headers }) => headers.authorization)).size).toBe(2);
  });

  it('continues after a 401 for a token that has expired at Polar but not by the clock of the app', async () => {
    let behindMs = 0;
    const browser = await loggedIn(sdk, version, { now: () => app.emulator.now() - behindMs });
    behindMs = 3_600_000;
    app.emulator.advanceTime(864_000);
    expect((await browser.get('/catalogue/products')).body).toEqual(PRODUCTS);
    expect(api().map(({ status }) => status)).toEqual([401, 200]);
  });

  it('works ten days later, and ten days after that', async () => {
    const browser = await loggedIn(sdk, version);
    for (let days = 0; days < 30; days += 10) {
      expect((await browser.get('/catalogue/organizations')).body).toHaveLength(2);
      app.emulator.advanceTime(864_000);
    }
    expect(refreshes()).toHaveLength(2);
  });

  it('passes on that a scope is missing', async () => {
    const browser = await loggedIn(sdk, version, { scope: ['openid', 'organizations:read'] });
    const { status, body } = await browser.get('/catalogue/products');
    expect([status, body.code]).toEqual([403, 'insufficient_scope']);
    expect(app.errors[0]).toBeInstanceOf(PolarInsufficientScopeError);
    expect(app.errors[0]).toMatchObject({ scopes: ['products:read', 'products:write'] });
  });

  it('passes on that the login has ended', async () => {
    await loggedIn(sdk, version);
    const { createPolarCore, listProducts } = load(sdk, version);
    const core = sdkCore(app.polar.tokensFor(loginId), createPolarCore);
    app.emulator.revokeAll();
    app.emulator.advanceTime(864_000);
    await expect(listProducts(core)()).rejects.toBeInstanceOf(PolarLoginRequiredError);
    await expect(listProducts(core)()).rejects.toMatchObject({ code: 'login_expired', status: 401 });
  });

  it('passes on that Polar no longer has the version of the SDK', async () => {
    await loggedIn(sdk, version);
    app.emulator.defaultAPIVersion = version === '2026-10' ? '2027-01' : '2026-10';
    app.emulator.retireAPIVersion(version as '2026-10');
    const { createPolarCore, listProducts } = load(sdk, version);
    const listing = listProducts(sdkCore(app.polar.tokensFor(loginId), createPolarCore))();
    await expect(listing).rejects.toBeInstanceOf(PolarAPIVersionError);
    await expect(listing).rejects.toMatchObject({
      apiVersion: version,
      message: expect.stringContaining('update the SDK'),
    });
  });

  it('leaves the responses that req.polar.fetch returns to the errors of the SDK', async () => {
    await loggedIn(sdk, version);
    const { createPolarCore, getProducts, listProducts } = load(sdk, version);
    const core = sdkCore(app.polar.tokensFor(loginId), createPolarCore);
    await expect(getProducts(core)('33333333-3333-4333-8333-333333333333')).rejects.toMatchObject({
      name: 'ResourceNotFound',
      statusCode: 404,
    });
    app.emulator.fail('api', { status: 429, retryAfterSeconds: 7 });
    await expect(listProducts(core)()).rejects.toMatchObject({ name: 'PolarRateLimitError', retryAfter: 7 });
  });

  it('stores no token, whatever it was used for', async () => {
    await loggedIn(sdk, version);
    const { createPolarCore, listProducts } = load(sdk, version);
    const access = app.polar.tokensFor(loginId);
    const core = sdkCore(access, createPolarCore);
    await listProducts(core)();
    expect(JSON.stringify(core)).toContain('"accessToken":""');
    expect(JSON.stringify(core)).not.toContain(await access.getAccessToken());
  });

  it('times out after the timeout of the SDK, also in the middle of a response', async () => {
    const slow = await startMisbehavingServer((res) => {
      res.writeHead(200, { 'content-type': 'application/json' });
      res.write('{"items":[');
    });
    try {
      await loggedIn(sdk, version, {
        fetch: (url, init) => fetch(url.includes('/v1/products/') ? slow.url : url, init),
      });
      const { createPolarCore, listProducts } = load(sdk, version);
      const access = app.polar.tokensFor(loginId);
      const core = sdkCore(access, createPolarCore, { timeout: 0.05 });
      for (const listing of [
        listProducts(core)(),
        listProducts(sdkCore(access, createPolarCore))({}, { timeout: 0.05 }),
      ]) {
        const error = await listing.catch((reason: unknown) => reason);
        expect(error).toBeInstanceOf(PolarTransientError);
        expect(error).toMatchObject({ code: 'timeout', status: 503 });
        expect(String(error)).toMatch(/GET \/v1\/products\/ took longer than 50 ms\..*the SDK's timeout/);
      }
    } finally {
      await slow.close();
    }
  });

  it('passes on that Polar cannot be reached', async () => {
    await loggedIn(sdk, version);
    const { createPolarCore, listProducts } = load(sdk, version);
    app.emulator.fail('api', 'reset-before', 2);
    const listing = listProducts(sdkCore(app.polar.tokensFor(loginId), createPolarCore))();
    await expect(listing).rejects.toMatchObject({ code: 'network_error', status: 503 });
  });

  it('accepts no other token and no other server', async () => {
    await loggedIn(sdk, version);
    const { createPolarCore, listProducts } = load(sdk, version);
    const access = app.polar.tokensFor(loginId);
    for (const more of [
      { accessToken: 'mine' },
      { environment: 'sandbox' },
      { baseUrl: 'https://evil.example' },
    ])
      expect(() => sdkCore(access, createPolarCore, more as object)).toThrow(PolarConfigurationError);
    expect(() => sdkCore(access, createPolarCore, null as never)).not.toThrow();
    const core = sdkCore(access, createPolarCore);
    await expect(listProducts(core)({}, { accessToken: 'mine' })).rejects.toMatchObject({
      code: 'invalid_option',
    });
    await expect(listProducts(core)({}, { timeout: -1 })).rejects.toMatchObject({ code: 'invalid_option' });
    await expect(listProducts(core)({}, { timeout: Number.NaN })).rejects.toMatchObject({
      code: 'invalid_option',
    });
    expect(api()).toHaveLength(0);
  });
});

it('sdkCore sends the organizationId of the SDK in its header', async () => {
  await loggedIn('@polar-sh/sdk', '2026-10');
  const { createPolarCore, listProducts } = load('@polar-sh/sdk', '2026-10');
  const organizationId = '22222220-2222-4222-8222-222222222222';
  await listProducts(sdkCore(app.polar.tokensFor(loginId), createPolarCore, { organizationId }))();
  expect(api()[0]?.headers['polar-organization']).toBe(organizationId);
});

describe('sdkCore with an unsupported SDK', () => {
  const access = { fetch: async () => new Response() };
  class OtherCore {
    buildRequest(): [string, RequestInit] {
      return ['/v1/', {}];
    }
  }
  const { createPolar, createPolarCore } = load('@polar-sh/sdk', '2026-10');

  it.each<[string, unknown]>([
    ['the root of 1.x, which has no createPolarCore', (require('@polar-sh/sdk') as SDK).createPolarCore],
    ['createPolar in place of createPolarCore', createPolar],
    ['the client of 0.49', oldSDK.Polar],
    ['a core without sendRequest', () => new OtherCore()],
    [
      'a core that builds requests in another way',
      () => ({ buildRequest: () => new Request('https://polar.sh'), sendRequest() {} }),
    ],
    ['a core with its own address', () => createPolarCore({ accessToken: '', environment: 'sandbox' })],
    ['a core that cannot be changed', () => Object.freeze(createPolarCore({ accessToken: '', baseUrl: '' }))],
    ['nothing', () => undefined],
    ['a string', 'createPolarCore'],
  ])('reports one clear error: %s', (_what, createCore) => {
    const attempt = () => sdkCore(access, createCore as () => PolarSDKCore);
    expect(attempt).toThrow(PolarConfigurationError);
    expect(attempt).toThrow(/^sdkCore needs createPolarCore of @polar-sh\/sdk 1\.x, .* docs\/sdk\.md\.$/);
  });

  it('reports a different error for a mistake in the first argument', () => {
    expect(() => sdkCore(undefined as never, createPolarCore)).toThrow(/^sdkCore needs req\.polar/);
  });
});

describe('@polar-sh/sdk 0.49, through its HTTPClient', () => {
  const sdkOf = () => polarAPI(app.polar.tokensFor(loginId), { serverURL: app.emulator.apiURL });
  const productsOf = async () => {
    const names: string[] = [];
    for await (const { result } of await sdkOf().products.list({ limit: 1 }))
      names.push(...result.items.map(({ name }) => name));
    return names;
  };

  it('lists every page, after ten days and after a 401', async () => {
    await loggedIn('@polar-sh/sdk', '2026-10');
    expect(await productsOf()).toEqual(PRODUCTS);
    app.emulator.advanceTime(864_000);
    app.emulator.fail('api', { status: 401 });
    expect(await productsOf()).toEqual(PRODUCTS);
    expect(new Set(api().map(({ headers }) => headers['polar-version']))).toEqual(new Set(['2026-04']));
  });

  it('reports our errors as the cause of its own', async () => {
    await loggedIn('@polar-sh/sdk', '2026-10', { scope: ['openid'] });
    const error = (await productsOf().catch((reason: unknown) => reason)) as Error;
    expect(error.cause).toBeInstanceOf(PolarInsufficientScopeError);
  });

  it('is refused at another server than that of the strategy, and sends nothing', async () => {
    await loggedIn('@polar-sh/sdk', '2026-10');
    const { products } = polarAPI(app.polar.tokensFor(loginId), { server: 'sandbox' });
    await expect(products.list({})).rejects.toMatchObject({ cause: { code: 'origin_not_allowed' } });
  });
});
