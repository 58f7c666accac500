import { describe, expect, it } from '@jest/globals';
import { bearer, LocalPolar } from '../support/local-polar';

const polar = new LocalPolar();
const MOVED = 'The API root has moved from /api/v1 to /v1. Please update your integration.';

describe('the old API root', () => {
  it.each(['/api/v1/oauth2/userinfo', '/%61pi/v1/oauth2/user%69nfo'])(
    'serves %s like the new one',
    async (path) => {
      const { accessToken } = await polar.login();
      for (const [token, status] of [[accessToken, 200] as const, ['bad', 401] as const]) {
        const reply = await polar.send(path, { headers: bearer(token) });
        expect([reply.status, reply.headers.get('x-polar-deprecation-notice')]).toEqual([status, MOVED]);
      }
      expect(polar.emulator.requests.at(-1)).toMatchObject({ endpoint: 'userinfo' });
    },
  );

  it('redirects to the new root', async () => {
    const { headers } = await polar.get('/api/v1/organizations?limit=1');
    expect(headers.get('location')).toBe(`${polar.emulator.url}/v1/organizations/?limit=1`);
  });

  it('has the faults of the new root', async () => {
    polar.emulator.fail('token', { status: 503 });
    expect((await polar.post('/api/v1/oauth2/token', {})).status).toBe(503);
  });

  it('is only /api/v1, and has no deprecation notice before the API handles the request', async () => {
    for (const path of ['/api//v1/oauth2/userinfo', '/api/oauth2/userinfo', '/v1/api/v1/users/me']) {
      const { status, headers } = await polar.get(path);
      expect([status, headers.has('x-polar-deprecation-notice')]).toEqual([404, false]);
    }
    const { status, headers } = await polar.send('/api/v1/oauth2/userinfo', { headers: bearer('é') });
    expect([status, headers.has('x-polar-deprecation-notice')]).toEqual([500, false]);
  });

  it('may be read by scripts of other sites', async () => {
    const { headers } = await polar.send('/api/v1/users/me', { headers: { origin: 'https://app.example' } });
    expect(headers.get('access-control-allow-origin')).toBe('*');
  });
});

describe('a percent-encoded path', () => {
  it.each([
    ['/v1/oauth2/%75serinfo', 401],
    ['/v1%2Foauth2%2Fuserinfo', 401],
    ['/v1/oauth2/userinfo%0A', 401],
    ['/v1/oauth2/userinfo%0A%0A', 404],
    ['/v1/oauth2/userinfo%20', 404],
    ['/v1/oauth2/userinfo%00', 404],
    ['/v1/oauth2/%zz', 404],
    ['/V1/oauth2/userinfo', 404],
    ['//v1/oauth2/userinfo', 404],
  ])('such as %s gets %i', async (path, status) => {
    const reply = await fetch(polar.emulator.url + path);
    expect(reply.status).toBe(status);
  });

  it('is encoded again in a redirect', async () => {
    const { headers } = await polar.get('/v1/products/%C3%A9%3Fx/');
    expect(headers.get('location')).toBe(`${polar.emulator.url}/v1/products/%C3%A9?x`);
  });

  it('may contain the id of an organization', async () => {
    const { accessToken } = await polar.login({ scope: 'openid organizations:read' });
    const id = '22222220-2222-4222-8222-222222222222';
    expect((await polar.get(`/v1/organizations/%7B${id}%7D`, accessToken)).json['id']).toBe(id);
    expect((await polar.get(`/v1/organizations/${id}%2F`, accessToken)).status).toBe(307);
  });
});

describe('the Allow header', () => {
  it.each([
    ['/v1/oauth2/userinfo', 'PUT', 'GET'],
    ['/v1/oauth2/token', 'GET', 'POST'],
    ['/v1/oauth2/register', 'GET', 'POST'],
    ['/v1/oauth2/register/x', 'POST', 'GET'],
    ['/v1/organizations/', 'DELETE', 'GET'],
    ['/v1/organizations/x', 'PUT', 'GET'],
    ['/v1/integrations/slack/x', 'POST', 'GET'],
  ])('of %s, requested with %s, lists only the first method', async (path, method, allowed) => {
    const { status, headers, json } = await polar.send(path, { method });
    expect([status, headers.get('allow')]).toEqual([405, allowed]);
    expect(json).toEqual({ detail: 'Method Not Allowed' });
  });
});
