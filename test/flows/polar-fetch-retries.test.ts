/** `req.polar.fetch` after a 401: what it repeats, and what it sends only once. */
import { Readable } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { RequestHandler } from 'express';
import { callRoute, calls } from '../support/call-route.js';
import { refreshesAt, requestsTo } from '../support/emulator-requests.js';
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

describe('req.polar.fetch after a 401', () => {
  it('refreshes and tries once more', async () => {
    const browser = await app.loggedInBrowser();
    // Polar has dropped the access token early; the clock of the app does not show it.
    app.emulator.advanceTime(10);
    app.emulator.fail('api', { status: 401 });
    call = calls('/v1/organizations/', { method: 'GET' });
    expect((await browser.get('/call')).body.status).toBe(200);
    expect(api()).toHaveLength(2);
    expect(api()[0]?.headers.authorization).not.toBe(api()[1]?.headers.authorization);
  });

  it('never tries a third time, and does not refresh for every request', async () => {
    const browser = await app.loggedInBrowser();
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
    const browser = await app.loggedInBrowser();
    app.emulator.advanceTime(864_000);
    await browser.token();
    app.emulator.fail('api', { status: 401 });
    call = calls('/v1/organizations/');
    expect((await browser.get('/call')).body.status).toBe(200);
    expect(api()[0]?.headers.authorization).toBe(api()[1]?.headers.authorization);
  });

  it('refreshes a young token once it was refused twice', async () => {
    const browser = await app.loggedInBrowser();
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
      routes: callRoute(() => call),
    });
    const browser = await app.loggedInBrowser();
    call = calls('/v1/users/me');
    expect((await browser.get('/call')).status).toBeLessThan(500);
    expect(await browser.token()).toBe(app.emulator.liveTokens()[0]?.accessToken);
    expect(refreshesAt(app.emulator)).toHaveLength(0);
  });

  it('counts neither failed refreshes nor those of others against its one refresh a minute', async () => {
    const browser = await app.loggedInBrowser();
    app.emulator.advanceTime(10);
    app.emulator.fail('api', { status: 401 }, 2);
    app.emulator.fail('token', { status: 500 });
    call = calls('/v1/organizations/');
    expect((await browser.get('/call')).status).toBe(503);
    expect((await browser.get('/call')).body.status).toBe(200);
  });

  it('sends a body again if it can', async () => {
    const browser = await app.loggedInBrowser();
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
    const browser = await app.loggedInBrowser();
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
    const browser = await app.loggedInBrowser();
    app.emulator.advanceTime(10);
    app.emulator.fail('api', { status: 401 });
    call = calls('/v1/organizations/', { method: 'POST', body: makeBody(), duplex: 'half' } as RequestInit);
    expect((await browser.get('/call')).body.status).toBe(401);
    expect(api().map(({ body, headers }) => [body, headers['content-length']])).toEqual([
      ['piece by piece', '14'],
    ]);
  });

  it('does not send a stream twice', async () => {
    const browser = await app.loggedInBrowser();
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

it('req.polar.fetch repeats a Request with its body', async () => {
  const browser = await app.loggedInBrowser();
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

it('frees the connection of a 401 if no other token can be had', async () => {
  let cancelled = 0;
  const own = await startTestApp({
    strategy: {
      fetch: async (input, init) => {
        if (!input.includes('/v1/organizations/')) return fetch(input, init);
        const body = new ReadableStream({ cancel: () => void cancelled++ });
        return new Response(body, { status: 401 });
      },
    },
    routes: callRoute(() => calls('/v1/organizations/')),
  });
  try {
    const browser = await own.loggedInBrowser();
    own.emulator.advanceTime(10);
    own.emulator.fail('token', { status: 500 });
    expect((await browser.get('/call')).body.code).toBe('server_error');
    expect(cancelled).toBe(1);
  } finally {
    await own.close();
  }
});
