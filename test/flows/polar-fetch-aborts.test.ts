/** `req.polar.fetch` with callers that abort, and with time-outs. */
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { RequestHandler } from 'express';
import { callRoute, calls } from '../support/call-route.js';
import { refreshesAt, requestsTo } from '../support/emulator-requests.js';
import { startTestApp, type TestApp } from '../support/test-app.js';
import { until } from '../support/until.js';

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

it('req.polar.fetch lets the signal of the caller abort the body too', async () => {
  const browser = await app.loggedInBrowser();
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
  const browser = await app.loggedInBrowser();
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
    const browser = await app.loggedInBrowser();
    app.emulator.advanceTime(864_000);
    const controller = new AbortController();
    controller.abort(reason);
    call = signalled(controller);
    expect((await browser.get('/call')).body.failure).toBe(String(reason));
    expect(api()).toEqual([]);
    expect(tokenRequests()).toEqual([]);
  });

  it('during a refresh stops waiting, while the refresh goes on for others', async () => {
    const browser = await app.loggedInBrowser();
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
    const browser = await app.loggedInBrowser();
    app.emulator.fail('api', 'hang');
    const controller = new AbortController();
    call = signalled(controller);
    const answer = browser.get('/call').then(({ body }) => body);
    await until(() => api().length === 1);
    controller.abort(reason);
    expect((await answer).failure).toBe(String(reason));
  });

  it('between a 401 and the second attempt prevents that attempt', async () => {
    const browser = await app.loggedInBrowser();
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
    const browser = await app.loggedInBrowser();
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
    routes: callRoute(() => call),
  });
  const browser = await app.loggedInBrowser();
  app.emulator.fail('api', 'hang');
  call = calls('/v1/organizations/');
  expect((await browser.get('/call')).body.code).toBe('timeout');
});
