import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { RequestHandler } from 'express';
import { startTestApp, type TestApp } from '../support/test-app.js';

let app: TestApp;
let call: RequestHandler;
beforeEach(async () => {
  app = await startTestApp({
    strategy: { scope: ['openid', 'email', 'organizations:read'] },
    routes: (server) => server.get('/call', (req, res, next) => call(req, res, next)),
  });
});
afterEach(() => app.close());

const api = () => app.emulator.requests.filter(({ endpoint }) => endpoint === 'api');
const calls =
  (path: string | URL, init?: RequestInit): RequestHandler =>
  async (req, res) => {
    const answer = await req.polar.fetch(path, init);
    res.json({ status: answer.status, body: await answer.json().catch(() => null) });
  };
async function loggedIn() {
  const browser = app.browser();
  await browser.logIn();
  return browser;
}

it('calls the Polar API with the access token', async () => {
  const browser = await loggedIn();
  call = calls('/v1/organizations/');
  const { body } = await browser.get('/call');
  expect(body.status).toBe(200);
  expect(body.body.items.map(({ slug }: { slug: string }) => slug)).toContain('acme');
  expect(api()[0]?.headers.authorization).toBe(`Bearer ${await browser.token()}`);
});

it('takes absolute addresses of the API, and URLs', async () => {
  const browser = await loggedIn();
  for (const address of [
    `${app.emulator.apiURL}/v1/organizations/`,
    new URL('/v1/organizations/', app.emulator.apiURL),
  ]) {
    call = calls(address);
    expect((await browser.get('/call')).body.status).toBe(200);
  }
});

it.each([
  'https://evil.example/v1/',
  '//evil.example/',
  '/\\evil.example/',
  'http://127.0.0.1:1/',
  'https://api.polar.sh/v1/',
])('sends the token nowhere else: %s', async (address) => {
  const browser = await loggedIn();
  call = calls(address);
  expect((await browser.get('/call')).body.code).toBe('origin_not_allowed');
});

it('rejects with 401 when nobody is logged in', async () => {
  call = calls('/v1/organizations/');
  const answer = await app.browser().get('/call');
  expect([answer.status, answer.body.code]).toEqual([401, 'not_logged_in']);
});

describe('after a 401', () => {
  it('refreshes and tries once more', async () => {
    const browser = await loggedIn();
    // Polar has forgotten the access token early: the clock of the app says nothing of it.
    app.emulator.advanceTime(10);
    app.emulator.fail('api', { status: 401 });
    call = calls('/v1/organizations/', { method: 'GET' });
    expect((await browser.get('/call')).body.status).toBe(200);
    expect(api()).toHaveLength(2);
    expect(api()[0]?.headers.authorization).not.toBe(api()[1]?.headers.authorization);
  });

  it('never tries a third time, and does not refresh at every request', async () => {
    const browser = await loggedIn();
    app.emulator.fail('api', { status: 401 }, 10);
    call = calls('/v1/organizations/');
    app.emulator.advanceTime(10);
    expect((await browser.get('/call')).body.status).toBe(401);
    expect(api()).toHaveLength(2);
    app.emulator.advanceTime(10);
    expect((await browser.get('/call')).body.status).toBe(401);
    expect(api()).toHaveLength(3);
    expect(app.emulator.requests.filter(({ grantType }) => grantType === 'refresh_token')).toHaveLength(1);
  });

  it('tries a token that was minted a moment ago again as it is', async () => {
    const browser = await loggedIn();
    app.emulator.advanceTime(864_000);
    await browser.token();
    app.emulator.fail('api', { status: 401 });
    call = calls('/v1/organizations/');
    expect((await browser.get('/call')).body.status).toBe(200);
    expect(api()[0]?.headers.authorization).toBe(api()[1]?.headers.authorization);
  });

  it('does not take a token that was refused twice for too young', async () => {
    const browser = await loggedIn();
    app.emulator.fail('api', { status: 401 }, 3);
    call = calls('/v1/organizations/');
    expect((await browser.get('/call')).body.status).toBe(401); // tried as it is, twice
    expect((await browser.get('/call')).body.status).toBe(200); // refreshed
    const tokens = api().map(({ headers }) => headers.authorization);
    expect(new Set(tokens.slice(0, 3)).size).toBe(1);
    expect(tokens[3]).not.toBe(tokens[0]);
  });

  it('does not lose a login whose tokens Polar has not committed yet', async () => {
    await app.close();
    app = await startTestApp({
      emulator: { commitLagMs: 300 },
      routes: (server) => server.get('/call', (req, res, next) => call(req, res, next)),
    });
    const browser = await loggedIn();
    call = calls('/v1/users/me');
    expect((await browser.get('/call')).status).toBeLessThan(500);
    expect(await browser.token()).toBe(app.emulator.liveTokens()[0]?.accessToken);
    expect(app.emulator.requests.filter(({ grantType }) => grantType === 'refresh_token')).toHaveLength(0);
  });

  it('counts neither what others refreshed nor what failed against the one refresh a minute', async () => {
    const browser = await loggedIn();
    app.emulator.advanceTime(10);
    app.emulator.fail('api', { status: 401 }, 2);
    app.emulator.fail('token', { status: 500 });
    call = calls('/v1/organizations/');
    expect((await browser.get('/call')).status).toBe(503);
    expect((await browser.get('/call')).body.status).toBe(200);
  });

  it('sends a body again where it can', async () => {
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

it('follows no redirect, whatever the caller says, and tells of the missing slash', async () => {
  const browser = await loggedIn();
  call = calls('/v1/organizations', { redirect: 'follow' });
  const { body } = await browser.get('/call');
  expect(body.code).toBe('unexpected_redirect');
  expect(body.message).toContain('/v1/organizations/');
  expect(api()).toHaveLength(1);
});

it('names the scopes that are missing', async () => {
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

it('retries a Request with a body', async () => {
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

it('takes nothing that is no address', async () => {
  const browser = await loggedIn();
  call = calls({ url: 'https://evil.example' } as never);
  expect((await browser.get('/call')).body.code).toBe('origin_not_allowed');
});

it('lets the signal of the caller end the body too', async () => {
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

it('respects the signal of the caller', async () => {
  const browser = await loggedIn();
  app.emulator.fail('api', 'hang');
  call = calls('/v1/organizations/', { signal: AbortSignal.timeout(50) });
  await browser.get('/call');
  expect((app.errors[0] as Error).name).toBe('TimeoutError');
});

it('times out while waiting for the headers', async () => {
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
