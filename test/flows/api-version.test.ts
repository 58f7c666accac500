/** The API version that requests ask for, and what happens once Polar has removed it. */
import { afterEach, describe, expect, it } from '@jest/globals';
import { PolarAPIVersionError, type PolarStrategyOptions } from 'passport-polar-sh';
import { requestsTo } from '../support/emulator-requests.js';
import { inMemoryStorage } from '../support/in-memory-storage.js';
import { startMisbehavingServer } from '../support/misbehaving-server.js';
import { startTestApp, type TestApp } from '../support/test-app.js';

let app: TestApp;
let loginId: string;
afterEach(() => app.close());

async function loggedIn(strategy: Partial<PolarStrategyOptions> = {}) {
  app = await startTestApp({
    strategy: {
      scope: ['openid', 'organizations:read'],
      storage: inMemoryStorage(),
      encryptionKeys: ['a key that only these tests know, and its jobs'],
      ...strategy,
    },
    verify: ({ loginId: id, profile }: { loginId: string; profile: object }) => {
      loginId = id;
      return profile;
    },
    routes: (server) =>
      server.get('/call', async (req, res) => {
        const { path = '/v1/organizations/', version } = req.query as Record<string, string>;
        const headers = version === undefined ? {} : { 'Polar-Version': version };
        const answer = await req.polar.fetch(path, { headers });
        res.json({
          status: answer.status,
          text: await answer.text(),
          headers: Object.fromEntries(answer.headers),
        });
      }),
  });
  return app.loggedInBrowser();
}
const asked = () => app.emulator.requests.at(-1)?.headers['polar-version'];

describe('the Polar-Version header', () => {
  it('names the version with which this release was tested', async () => {
    const browser = await loggedIn();
    const { body } = await browser.get('/call');
    expect([body.status, asked(), body.headers['polar-version']]).toEqual([200, '2026-10', '2026-10']);
  });

  it('names the apiVersion of the strategy, also outside a request', async () => {
    const browser = await loggedIn({ apiVersion: '2027-01' });
    await browser.get('/call').expect(200);
    expect(asked()).toBe('2027-01');
    const answer = await app.polar.tokensFor(loginId).fetch('/v1/organizations/');
    expect([asked(), answer.headers.get('polar-version')]).toEqual(['2027-01', '2027-01']);
  });

  it('names the version that the request itself asks for', async () => {
    const browser = await loggedIn({ apiVersion: '2027-01' });
    await browser.get('/call?version=2026-04').expect(200);
    expect(asked()).toBe('2026-04');
    const request = new Request(`${app.emulator.apiURL}/v1/organizations/`, {
      headers: { 'polar-version': '2026-10' },
    });
    await app.polar.tokensFor(loginId).fetch(request);
    expect(asked()).toBe('2026-10');
  });

  it('names the same version when a request is repeated after a 401', async () => {
    const browser = await loggedIn({ apiVersion: '2027-01' });
    app.emulator.advanceTime(10);
    app.emulator.fail('api', { status: 401 });
    await browser.get('/call').expect(200);
    const api = requestsTo(app.emulator, 'api');
    expect(api.map(({ headers }) => headers['polar-version'])).toEqual(['2027-01', '2027-01']);
  });
});

describe('an API version that Polar has removed', () => {
  it('causes an error that names the version and the option', async () => {
    const browser = await loggedIn({ apiVersion: '2026-04' });
    app.emulator.retireAPIVersion('2026-04');
    const { body, status } = await browser.get('/call');
    expect([status, body.code]).toEqual([500, 'api_version_unknown']);
    expect(body.message).toBe(
      "GET /v1/organizations/: Polar's API does not support version 2026-04. Set the strategy's apiVersion to a version that Polar supports.",
    );
    expect(app.errors[0]).toBeInstanceOf(PolarAPIVersionError);
    expect(app.errors[0]).toMatchObject({ apiVersion: '2026-04', status: 500 });
  });

  it('causes an error that points to the header if the request named the version', async () => {
    const browser = await loggedIn();
    app.emulator.retireAPIVersion('2026-04');
    const { body } = await browser.get('/call?version=2026-04');
    expect(body.code).toBe('api_version_unknown');
    expect(body.message).toMatch(/not support version 2026-04.* the Polar-Version header\.$/);
  });

  it('causes an error outside a request too, and does not end the login', async () => {
    const browser = await loggedIn({ apiVersion: '2026-04' });
    app.emulator.retireAPIVersion('2026-04');
    const work = app.polar.tokensFor(loginId).fetch('/v1/organizations/');
    await expect(work).rejects.toMatchObject({ code: 'api_version_unknown', apiVersion: '2026-04' });
    await browser.get('/call?version=2026-10').expect(200);
  });

  it('appears in the error only if it looks like a version, as a header may contain anything', async () => {
    const browser = await loggedIn();
    const { body } = await browser.get('/call?version=polar_at_u_a-token-that-has-strayed-into-this-header');
    expect(body.code).toBe('api_version_unknown');
    expect(JSON.stringify([body, app.errors[0]]) + String(app.errors[0])).not.toContain('strayed');
  });
});

describe('fetch returns an ordinary 404', () => {
  it.each([
    ['for an unknown object', '/v1/organizations/33333333-3333-4333-8333-333333333333', /ResourceNotFound/],
    ['for an unknown path', '/v1/nowhere', /^\{"detail":"Not Found"\}$/],
  ])('%s, with its body', async (_what, path, text) => {
    const browser = await loggedIn();
    const { body } = await browser.get(`/call?path=${path}`);
    expect([body.status, body.headers['polar-version']]).toEqual([404, '2026-10']);
    expect(body.text).toMatch(text);
  });

  const json = { 'content-type': 'application/json' };
  it.each([
    ['an HTML page', { 'content-type': 'text/html' }, '<h1>Not Found</h1>'],
    ['other JSON', json, '{"detail":"Not Found","of":"a proxy"}'],
    ['the same text, but not as JSON', { 'content-type': 'text/plain' }, '{"detail":"Not Found"}'],
    ['a very long body', json, JSON.stringify({ detail: 'Not Found'.repeat(10_000) })],
    ['an empty body', json, ''],
  ])('from a server without API versions, with its body (%s)', async (_what, headers, text) => {
    const server = await startMisbehavingServer((res) => res.writeHead(404, headers).end(text));
    try {
      const browser = await loggedIn({
        fetch: (url, init) =>
          fetch(url.includes('/v1/organizations/') ? `${server.url}/v1/organizations/` : url, init),
      });
      const { body } = await browser.get('/call');
      expect([body.status, body.text]).toEqual([404, text]);
    } finally {
      await server.close();
    }
  });

  it.each<[string, object]>([
    ['headers that are a plain object', { headers: json }],
    ['headers with nothing but get()', { headers: { get: (name: string) => new Headers(json).get(name) } }],
    ['no headers', {}],
  ])('from a mock without clone() and with %s', async (_what, mock) => {
    await loggedIn({
      fetch: async (url, init) =>
        url.includes('/v1/organizations/')
          ? ({ status: 404, text: async () => 'none', ...mock } as unknown as Response)
          : fetch(url, init),
    });
    const response = await app.polar.tokensFor(loginId).fetch('/v1/organizations/');
    expect([response.status, await response.text()]).toEqual([404, 'none']);
  });
});
