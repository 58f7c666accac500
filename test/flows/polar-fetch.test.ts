/** `req.polar.fetch`: where it sends the token, and what it makes of redirects, refusals and custom fetches. */
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { RequestHandler } from 'express';
import { callRoute, calls } from '../support/call-route.js';
import { requestsTo } from '../support/emulator-requests.js';
import { startMisbehavingServer } from '../support/misbehaving-server.js';
import { startTestApp, type TestApp } from '../support/test-app.js';

let app: TestApp;
let call: RequestHandler;
beforeEach(async () => {
  app = await startTestApp({
    strategy: { scope: ['openid', 'email', 'organizations:read'] },
    routes: callRoute(() => call),
  });
});
afterEach(() => app.close());

const api = () => requestsTo(app.emulator, 'api');

it('req.polar.fetch calls the Polar API with the access token', async () => {
  const browser = await app.loggedInBrowser();
  call = calls('/v1/organizations/');
  const { body } = await browser.get('/call');
  expect(body.status).toBe(200);
  expect(body.body.items.map(({ slug }: { slug: string }) => slug)).toContain('acme');
  expect(api()[0]?.headers.authorization).toBe(`Bearer ${await browser.token()}`);
});

it('req.polar.fetch accepts absolute addresses of the API, and URLs', async () => {
  const browser = await app.loggedInBrowser();
  for (const address of [
    `${app.emulator.apiURL}/v1/organizations/`,
    new URL('/v1/organizations/', app.emulator.apiURL),
  ]) {
    call = calls(address);
    expect((await browser.get('/call')).body.status).toBe(200);
  }
});

describe('req.polar.fetch', () => {
  it.each([
    'https://evil.example/v1/',
    '//evil.example/',
    '/\\evil.example/',
    '\\\\evil.example/',
    '\t//evil.example/',
    ' https://evil.example/',
    'https:evil.example/',
    'http://127.0.0.1:1/',
    'https://api.polar.sh/v1/',
    'file:///etc/passwd',
    'data:application/json,{}',
  ])('does not send the token to %j', async (address) => {
    const browser = await app.loggedInBrowser();
    const before = app.emulator.requests.length;
    call = calls(address);
    expect((await browser.get('/call')).body.code).toBe('origin_not_allowed');
    expect(app.emulator.requests).toHaveLength(before);
  });

  it('keeps to the API although the URL standard drops tabs and line breaks', async () => {
    const browser = await app.loggedInBrowser();
    call = calls('/\t/evil.example/\n');
    await browser.get('/call');
    expect(app.emulator.requests.at(-1)?.path).toBe('//evil.example/');
  });

  /** Addresses that look like that of the API, which is `origin`. */
  const lookalikes: [string, (origin: string) => string][] = [
    ['userinfo', (origin) => `${origin}@evil.example/v1/`],
    ['a host that begins the same', (origin) => `${origin.replace(/:\d+$/, '')}.evil.example/v1/`],
    ['another port', (origin) => origin.replace(/\d$/, (digit) => String((Number(digit) + 1) % 10))],
    ['no port', (origin) => `${origin.replace(/:\d+$/, '')}/v1/`],
    ['another name of the same machine', (origin) => `${origin.replace('127.0.0.1', 'localhost')}/v1/`],
    ['https', (origin) => `${origin.replace('http:', 'https:')}/v1/`],
    ['a blob', (origin) => `blob:${origin}/0e5b-1`],
  ];
  it.each(lookalikes)('does not send the token to a lookalike of the API: %s', async (_what, addressOf) => {
    const browser = await app.loggedInBrowser();
    const address = addressOf(app.emulator.apiURL);
    const inputs: unknown[] = [address, new URL(address)];
    if (!address.includes('@')) inputs.push(new Request(address));
    for (const input of inputs) {
      const before = app.emulator.requests.length;
      call = calls(input as string);
      expect((await browser.get('/call')).body.code).toBe('origin_not_allowed');
      expect(app.emulator.requests).toHaveLength(before);
    }
  });

  it('refuses an address with a name and a password', async () => {
    const browser = await app.loggedInBrowser();
    call = calls(app.emulator.apiURL.replace('http://', 'http://somebody:secret@'));
    expect((await browser.get('/call')).status).toBe(500);
    expect(api()).toHaveLength(0);
  });

  it('ignores a url and an Authorization header in init', async () => {
    const browser = await app.loggedInBrowser();
    call = calls('/v1/organizations/', {
      url: 'https://evil.example',
      headers: { authorization: 'Bearer mine', 'x-mine': 'kept' },
    } as RequestInit);
    expect((await browser.get('/call')).body.status).toBe(200);
    expect(api()[0]?.headers.authorization).toBe(`Bearer ${await browser.token()}`);
    expect(api()[0]?.headers['x-mine']).toBe('kept');
  });
});

it('req.polar.fetch rejects with 401 if nobody is logged in', async () => {
  call = calls('/v1/organizations/');
  const answer = await app.browser().get('/call');
  expect([answer.status, answer.body.code]).toEqual([401, 'not_logged_in']);
});

it('req.polar.fetch follows no redirect, neither for a Request nor to another host', async () => {
  const browser = await app.loggedInBrowser();
  const evil = await startMisbehavingServer();
  try {
    call = calls(new Request(`${app.emulator.apiURL}/v1/organizations`, { redirect: 'follow' }) as never);
    expect((await browser.get('/call')).body.code).toBe('unexpected_redirect');
    for (const status of [301, 302, 303, 307, 308]) {
      app.emulator.fail('api', { status, headers: { location: evil.url } });
      call = calls('/v1/organizations/', { redirect: 'follow' });
      const { body } = await browser.get('/call');
      expect([body.code, body.message]).toEqual([
        'unexpected_redirect',
        'Polar redirected /v1/organizations/, and req.polar.fetch follows no redirects. Check the path.',
      ]);
    }
    expect(evil.requests).toEqual([]);
  } finally {
    await evil.close();
  }
});

it('req.polar.fetch follows no redirect, whatever the caller asks for, and points out the missing slash', async () => {
  const browser = await app.loggedInBrowser();
  call = calls('/v1/organizations', { redirect: 'follow' });
  const { body } = await browser.get('/call');
  expect(body.code).toBe('unexpected_redirect');
  expect(body.message).toContain('/v1/organizations/');
  expect(api()).toHaveLength(1);
});

it('req.polar.fetch names the missing scopes', async () => {
  await app.close();
  app = await startTestApp({
    routes: callRoute(() => call),
  });
  const browser = await app.loggedInBrowser();
  call = calls('/v1/organizations/');
  const answer = await browser.get('/call');
  expect([answer.status, answer.body.code]).toEqual([403, 'insufficient_scope']);
  expect(app.errors[0]).toMatchObject({ scopes: ['organizations:write', 'organizations:read'] });
});

it.each([
  ['orders:read "x', ['orders:read']],
  ['orders:read TOKEN xTOKENx', ['orders:read']],
  ['caf\u00e9 a\\b orders:read', ['orders:read']],
])('req.polar.fetch names only valid scopes, and no token: %s', async (scope, named) => {
  await app.close();
  app = await startTestApp({
    routes: callRoute(() => call),
    strategy: {
      fetch: async (url, init) => {
        if (!url.endsWith('/v1/organizations/')) return fetch(url, init);
        const token = new Headers(init.headers).get('authorization')?.slice('Bearer '.length) ?? '';
        const challenge = `Bearer error="insufficient_scope", scope="${scope.replaceAll('TOKEN', token)}"`;
        return new Response(null, { status: 403, headers: { 'www-authenticate': challenge } });
      },
    },
  });
  const browser = await app.loggedInBrowser();
  call = calls('/v1/organizations/');
  await browser.get('/call').expect(403);
  expect(app.errors).toMatchObject([{ code: 'insufficient_scope', scopes: named }]);
});

it('req.polar.fetch refuses anything that is not an address', async () => {
  const browser = await app.loggedInBrowser();
  call = calls({ url: 'https://evil.example' } as never);
  expect((await browser.get('/call')).body.code).toBe('origin_not_allowed');
});

describe('a custom fetch', () => {
  /** Serves the login normally, and the API as the test says. */
  const started = async (brought: () => unknown): Promise<void> => {
    await app.close();
    app = await startTestApp({
      routes: callRoute(() => call),
      strategy: {
        fetch: ((url: string, init: RequestInit) =>
          url.includes('/v1/organizations') ? brought() : fetch(url, init)) as never,
      },
    });
    call = calls('/v1/organizations/');
  };

  it.each<[string, () => unknown, string]>([
    ['nothing', () => undefined, 'undefined'],
    ['a string', () => 'organizations', 'string'],
    ['an object that is not a response', async () => ({ items: [] }), 'an object without a status'],
  ])('that returns %s is reported', async (_what, brought, told) => {
    await started(brought);
    const { body } = await (await app.loggedInBrowser()).get('/call');
    expect(body.code).toBe('malformed_response');
    expect(body.message).toContain(told);
    expect(body.message).toContain('instead of a Response');
  });

  it('that throws synchronously is reported', async () => {
    await started(() => {
      throw new Error('a token');
    });
    const { body } = await (await app.loggedInBrowser()).get('/call');
    expect([body.code, body.message]).toEqual([
      'network_error',
      expect.stringContaining('threw instead of returning a promise'),
    ]);
  });

  it.each<[string, () => unknown]>([
    ['returns its response without a promise', () => Response.json({ items: [] })],
    [
      'returns an object without headers',
      () => ({ status: 200, ok: true, json: async () => ({ items: [] }) }),
    ],
  ])('that %s is accepted', async (_what, brought) => {
    await started(brought);
    expect((await (await app.loggedInBrowser()).get('/call')).body).toEqual({
      status: 200,
      body: { items: [] },
    });
  });
});
