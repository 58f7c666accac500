import { Readable } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { RequestHandler } from 'express';
import { refreshesAt, requestsTo } from '../support/emulator-requests.js';
import { startMisbehavingServer } from '../support/misbehaving-server.js';
import { startTestApp, type TestApp } from '../support/test-app.js';
import { until } from '../support/until.js';

let app: TestApp;
let call: RequestHandler;
beforeEach(async () => {
  app = await startTestApp({
    strategy: { scope: ['openid', 'email', 'organizations:read'] },
    routes: (server) => server.get('/call', (req, res, next) => call(req, res, next)),
  });
});
afterEach(() => app.close());

const api = () => requestsTo(app.emulator, 'api');
const calls =
  (path: string | URL, init?: RequestInit): RequestHandler =>
  async (req, res) => {
    const answer = await req.polar.fetch(path, init);
    res.json({ status: answer.status, body: await answer.json().catch(() => null) });
  };
async function loggedIn() {
  return app.loggedInBrowser();
}

it('req.polar.fetch calls the Polar API with the access token', async () => {
  const browser = await loggedIn();
  call = calls('/v1/organizations/');
  const { body } = await browser.get('/call');
  expect(body.status).toBe(200);
  expect(body.body.items.map(({ slug }: { slug: string }) => slug)).toContain('acme');
  expect(api()[0]?.headers.authorization).toBe(`Bearer ${await browser.token()}`);
});

it('req.polar.fetch accepts absolute addresses of the API, and URLs', async () => {
  const browser = await loggedIn();
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
    const browser = await loggedIn();
    const before = app.emulator.requests.length;
    call = calls(address);
    expect((await browser.get('/call')).body.code).toBe('origin_not_allowed');
    expect(app.emulator.requests).toHaveLength(before);
  });

  it('keeps to the API although the URL standard drops tabs and line breaks', async () => {
    const browser = await loggedIn();
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
    const browser = await loggedIn();
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
    const browser = await loggedIn();
    call = calls(app.emulator.apiURL.replace('http://', 'http://somebody:secret@'));
    expect((await browser.get('/call')).status).toBe(500);
    expect(api()).toHaveLength(0);
  });

  it('ignores a url and an Authorization header in init', async () => {
    const browser = await loggedIn();
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

describe('req.polar.fetch after a 401', () => {
  it('refreshes and tries once more', async () => {
    const browser = await loggedIn();
    // Polar has dropped the access token early; the clock of the app does not show it.
    app.emulator.advanceTime(10);
    app.emulator.fail('api', { status: 401 });
    call = calls('/v1/organizations/', { method: 'GET' });
    expect((await browser.get('/call')).body.status).toBe(200);
    expect(api()).toHaveLength(2);
    expect(api()[0]?.headers.authorization).not.toBe(api()[1]?.headers.authorization);
  });

  it('never tries a third time, and does not refresh for every request', async () => {
    const browser = await loggedIn();
    app.emulator.fail('api', { status: 401 }, 10);
    call = calls('/v1/organizations/');
    app.emulator.advanceTime(10);
    expect((await browser.get('/call')).body.status).toBe(401);
    expect(api()).toHaveLength(2);
    app.emulator.advanceTime(10);
    expect((await browser.get('/call')).body.status).toBe(401);
    expect(api()).toHaveLength(3);
    expect(refreshesAt(app.emulator)).toHaveLength(1);
  });

  it('repeats the request with a token that was issued a moment ago', async () => {
    const browser = await loggedIn();
    app.emulator.advanceTime(864_000);
    await browser.token();
    app.emulator.fail('api', { status: 401 });
    call = calls('/v1/organizations/');
    expect((await browser.get('/call')).body.status).toBe(200);
    expect(api()[0]?.headers.authorization).toBe(api()[1]?.headers.authorization);
  });

  it('refreshes a young token once it was refused twice', async () => {
    const browser = await loggedIn();
    app.emulator.fail('api', { status: 401 }, 3);
    call = calls('/v1/organizations/');
    expect((await browser.get('/call')).body.status).toBe(401); // tried as it is, twice
    expect((await browser.get('/call')).body.status).toBe(200); // refreshed
    const tokens = api().map(({ headers }) => headers.authorization);
    expect(new Set(tokens.slice(0, 3)).size).toBe(1);
    expect(tokens[3]).not.toBe(tokens[0]);
  });

  it('keeps a login whose tokens Polar has not committed yet', async () => {
    await app.close();
    app = await startTestApp({
      emulator: { realistic: { commitLagMs: 300 } },
      routes: (server) => server.get('/call', (req, res, next) => call(req, res, next)),
    });
    const browser = await loggedIn();
    call = calls('/v1/users/me');
    expect((await browser.get('/call')).status).toBeLessThan(500);
    expect(await browser.token()).toBe(app.emulator.liveTokens()[0]?.accessToken);
    expect(refreshesAt(app.emulator)).toHaveLength(0);
  });

  it('counts neither failed refreshes nor those of others against its one refresh a minute', async () => {
    const browser = await loggedIn();
    app.emulator.advanceTime(10);
    app.emulator.fail('api', { status: 401 }, 2);
    app.emulator.fail('token', { status: 500 });
    call = calls('/v1/organizations/');
    expect((await browser.get('/call')).status).toBe(503);
    expect((await browser.get('/call')).body.status).toBe(200);
  });

  it('sends a body again if it can', async () => {
    const browser = await loggedIn();
    app.emulator.fail('api', { status: 401 });
    call = calls('/v1/organizations/', {
      method: 'POST',
      body: JSON.stringify({ name: 'x' }),
      headers: { 'content-type': 'application/json' },
    });
    await browser.get('/call');
    expect(api().map(({ body }) => body)).toEqual(['{"name":"x"}', '{"name":"x"}']);
  });

  const form = (): FormData => {
    const data = new FormData();
    data.set('name', 'Ünïcode');
    data.set('file', new Blob(['content']), 'a.txt');
    return data;
  };
  it.each<[string, () => unknown, string, RegExp]>([
    ['text', () => 'name=x', 'name=x', /^text\/plain/],
    [
      'URLSearchParams',
      () => new URLSearchParams({ a: '1 2' }),
      'a=1+2',
      /^application\/x-www-form-urlencoded/,
    ],
    ['a Blob', () => new Blob(['blob'], { type: 'image/x-test' }), 'blob', /^image\/x-test$/],
    ['bytes', () => new TextEncoder().encode('bytes'), 'bytes', /^$/],
    ['FormData', form, 'name="name"\r\n\r\nÜnïcode', /^multipart\/form-data; boundary=/],
  ])('sends %s again unchanged', async (_what, makeBody, content, type) => {
    const browser = await loggedIn();
    app.emulator.advanceTime(10);
    app.emulator.fail('api', { status: 401 });
    call = calls('/v1/organizations/', { method: 'POST', body: makeBody() } as RequestInit);
    await browser.get('/call');
    const [first, second, ...more] = api();
    expect(more).toEqual([]);
    expect(first?.body).toContain(content);
    expect(second?.body).toBe(first?.body);
    for (const sent of [first, second]) {
      expect(sent?.headers['content-type'] ?? '').toMatch(type);
      expect(Number(sent?.headers['content-length'])).toBeGreaterThan(0);
    }
  });

  async function* pieces() {
    yield new TextEncoder().encode('piece by ');
    yield new TextEncoder().encode('piece');
  }
  it.each<[string, () => unknown]>([
    ['a web stream', () => new Blob(['piece by piece']).stream()],
    ['an async iterable', pieces],
    ['a Node stream', () => Readable.from(pieces())],
  ])('sends %s in one piece, and only once', async (_what, makeBody) => {
    const browser = await loggedIn();
    app.emulator.advanceTime(10);
    app.emulator.fail('api', { status: 401 });
    call = calls('/v1/organizations/', { method: 'POST', body: makeBody(), duplex: 'half' } as RequestInit);
    expect((await browser.get('/call')).body.status).toBe(401);
    expect(api().map(({ body, headers }) => [body, headers['content-length']])).toEqual([
      ['piece by piece', '14'],
    ]);
  });

  it('does not send a stream twice', async () => {
    const browser = await loggedIn();
    app.emulator.fail('api', { status: 401 });
    call = calls('/v1/organizations/', {
      method: 'POST',
      body: new Blob(['x']).stream(),
      duplex: 'half',
    } as RequestInit);
    expect((await browser.get('/call')).body.status).toBe(401);
    expect(api()).toHaveLength(1);
  });
});

it('req.polar.fetch follows no redirect, neither for a Request nor to another host', async () => {
  const browser = await loggedIn();
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
        'Polar redirects /v1/organizations/, and req.polar.fetch follows no redirect. Check the path.',
      ]);
    }
    expect(evil.requests).toEqual([]);
  } finally {
    await evil.close();
  }
});

it('req.polar.fetch follows no redirect, whatever the caller asks for, and points out the missing slash', async () => {
  const browser = await loggedIn();
  call = calls('/v1/organizations', { redirect: 'follow' });
  const { body } = await browser.get('/call');
  expect(body.code).toBe('unexpected_redirect');
  expect(body.message).toContain('/v1/organizations/');
  expect(api()).toHaveLength(1);
});

it('req.polar.fetch names the missing scopes', async () => {
  await app.close();
  app = await startTestApp({
    routes: (server) => server.get('/call', (req, res, next) => call(req, res, next)),
  });
  const browser = await loggedIn();
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
    routes: (server) => server.get('/call', (req, res, next) => call(req, res, next)),
    strategy: {
      fetch: async (url, init) => {
        if (!url.endsWith('/v1/organizations/')) return fetch(url, init);
        const token = new Headers(init.headers).get('authorization')?.slice('Bearer '.length) ?? '';
        const challenge = `Bearer error="insufficient_scope", scope="${scope.replaceAll('TOKEN', token)}"`;
        return new Response(null, { status: 403, headers: { 'www-authenticate': challenge } });
      },
    },
  });
  const browser = await loggedIn();
  call = calls('/v1/organizations/');
  await browser.get('/call').expect(403);
  expect(app.errors).toMatchObject([{ code: 'insufficient_scope', scopes: named }]);
});

it('req.polar.fetch repeats a Request with its body', async () => {
  const browser = await loggedIn();
  app.emulator.advanceTime(10);
  app.emulator.fail('api', { status: 401 });
  const request = new Request(`${app.emulator.apiURL}/v1/organizations/`, {
    method: 'POST',
    body: '{"name":"x"}',
  });
  call = calls(request as never);
  await browser.get('/call');
  expect(api().map(({ body }) => body)).toEqual(['{"name":"x"}', '{"name":"x"}']);
});

it('req.polar.fetch refuses anything that is not an address', async () => {
  const browser = await loggedIn();
  call = calls({ url: 'https://evil.example' } as never);
  expect((await browser.get('/call')).body.code).toBe('origin_not_allowed');
});

it('req.polar.fetch lets the signal of the caller abort the body too', async () => {
  const browser = await loggedIn();
  app.emulator.fail('api', { slowBodyMs: 5000 });
  call = async (req, res) => {
    const controller = new AbortController();
    const answer = await req.polar.fetch('/v1/organizations/', { signal: controller.signal });
    setTimeout(() => controller.abort(), 50);
    res.json({ status: answer.status, body: await answer.text().catch((error: Error) => error.name) });
  };
  expect((await browser.get('/call')).body).toEqual({ status: 200, body: 'AbortError' });
});

it('req.polar.fetch respects the signal of the caller', async () => {
  const browser = await loggedIn();
  app.emulator.fail('api', 'hang');
  call = calls('/v1/organizations/', { signal: AbortSignal.timeout(50) });
  await browser.get('/call');
  expect((app.errors[0] as Error).name).toBe('TimeoutError');
});

describe('a caller of req.polar.fetch who aborts', () => {
  const reason = new Error('the caller gave up');
  const signalled =
    (controller: AbortController): RequestHandler =>
    async (req, res) => {
      const failure = await req.polar
        .fetch('/v1/organizations/', { signal: controller.signal })
        .then(() => 'an answer', String);
      res.json({ failure });
    };
  const tokenRequests = () => refreshesAt(app.emulator);

  it('before anything was sent causes no request, not even a refresh', async () => {
    const browser = await loggedIn();
    app.emulator.advanceTime(864_000);
    const controller = new AbortController();
    controller.abort(reason);
    call = signalled(controller);
    expect((await browser.get('/call')).body.failure).toBe(String(reason));
    expect(api()).toEqual([]);
    expect(tokenRequests()).toEqual([]);
  });

  it('during a refresh stops waiting, while the refresh goes on for others', async () => {
    const browser = await loggedIn();
    app.emulator.advanceTime(864_000);
    app.emulator.fail('token', { delayMs: 2000 });
    const controller = new AbortController();
    call = signalled(controller);
    const answer = browser.get('/call').then(({ body }) => body);
    await until(() => tokenRequests().length === 1);
    const other = browser.token();
    controller.abort(reason);
    expect(await Promise.race([answer, other])).toMatchObject({ failure: String(reason) });
    expect(await other).toBe(app.emulator.liveTokens()[0]?.accessToken);
    expect(api()).toEqual([]);
    expect(tokenRequests()).toHaveLength(1);
  });

  it('while waiting for the headers gets the reason of the signal', async () => {
    const browser = await loggedIn();
    app.emulator.fail('api', 'hang');
    const controller = new AbortController();
    call = signalled(controller);
    const answer = browser.get('/call').then(({ body }) => body);
    await until(() => api().length === 1);
    controller.abort(reason);
    expect((await answer).failure).toBe(String(reason));
  });

  it('between a 401 and the second attempt prevents that attempt', async () => {
    const browser = await loggedIn();
    app.emulator.advanceTime(10);
    app.emulator.fail('api', { status: 401 });
    app.emulator.fail('token', { delayMs: 500 });
    const controller = new AbortController();
    call = signalled(controller);
    const answer = browser.get('/call').then(({ body }) => body);
    await until(() => tokenRequests().length === 1);
    controller.abort(reason);
    expect((await answer).failure).toBe(String(reason));
    expect(await browser.token()).toBe(app.emulator.liveTokens()[0]?.accessToken);
    expect(api()).toHaveLength(1);
  });

  it('while a request body does not arrive stops waiting', async () => {
    const browser = await loggedIn();
    const controller = new AbortController();
    call = async (req, res) => {
      const body = new ReadableStream({ pull: () => void controller.abort(reason) }, { highWaterMark: 0 });
      const init = { method: 'POST', body, duplex: 'half', signal: controller.signal } as RequestInit;
      res.json({
        failure: await req.polar.fetch('/v1/organizations/', init).then(() => 'an answer', String),
      });
    };
    expect((await browser.get('/call')).body.failure).toBe(String(reason));
    expect(api()).toEqual([]);
  });
});

it('req.polar.fetch times out while it waits for the headers', async () => {
  await app.close();
  app = await startTestApp({
    strategy: { timeoutMs: 150 },
    routes: (server) => server.get('/call', (req, res, next) => call(req, res, next)),
  });
  const browser = await loggedIn();
  app.emulator.fail('api', 'hang');
  call = calls('/v1/organizations/');
  expect((await browser.get('/call')).body.code).toBe('timeout');
});

describe('a custom fetch', () => {
  /** Serves the login normally, and the API as the test says. */
  const started = async (brought: () => unknown): Promise<void> => {
    await app.close();
    app = await startTestApp({
      routes: (server) => server.get('/call', (req, res, next) => call(req, res, next)),
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
    const { body } = await (await loggedIn()).get('/call');
    expect(body.code).toBe('malformed_response');
    expect(body.message).toContain(told);
    expect(body.message).toContain('is not a Response');
  });

  it('that throws synchronously is reported', async () => {
    await started(() => {
      throw new Error('a token');
    });
    const { body } = await (await loggedIn()).get('/call');
    expect([body.code, body.message]).toEqual(['network_error', expect.stringContaining('threw at once')]);
  });

  it.each<[string, () => unknown]>([
    ['returns its response without a promise', () => Response.json({ items: [] })],
    [
      'returns an object without headers',
      () => ({ status: 200, ok: true, json: async () => ({ items: [] }) }),
    ],
  ])('that %s is accepted', async (_what, brought) => {
    await started(brought);
    expect((await (await loggedIn()).get('/call')).body).toEqual({ status: 200, body: { items: [] } });
  });
});
