import { describe, expect, it } from '@jest/globals';
import { bearer, LocalPolar } from '../support/local-polar';

const polar = new LocalPolar();
const ID = '11111111-1111-4111-8111-111111111111';

const issue = (scope: string) => polar.issue({ scope });

const ask = (route: string, token?: string) => {
  const [method = '', path = ''] = route.split(' ');
  return polar.send(path, { method, headers: token === undefined ? {} : bearer(token) });
};

const UNAUTHORIZED = { error: 'Unauthorized', detail: 'Unauthorized' };

describe('Polar’s API', () => {
  it.each([
    ['GET /v1/refunds/', 'refunds:read refunds:write'],
    ['POST /v1/products/', 'products:write'],
    [`PATCH /v1/products/${ID}`, 'products:write'],
    ['GET /v1/orders/', 'orders:read'],
    [`GET /v1/customers/external/x/state`, 'customers:read customers:write'],
    [`POST /v1/customers/${ID}/members`, 'members:write'],
    [`DELETE /v1/organizations/${ID}`, 'organizations:write'],
    [
      `GET /v1/organizations/${ID}/account`,
      'payouts:read payouts:write transactions:read transactions:write',
    ],
    ['GET /v1/benefit-grants/', 'benefits:read benefits:write'],
    ['GET /v1/event-types/', 'events:read events:write'],
    ['GET /v1/checkout-links/', 'checkout_links:read checkout_links:write'],
    ['GET /v1/license-keys/', 'license_keys:read license_keys:write'],
    ['POST /v1/customer-sessions/', 'customer_sessions:write'],
    ['GET /v1/notifications', 'notifications:read'],
  ])('requires for %s one of the scopes %s', async (route, scopes) => {
    const nobody = await ask(route);
    expect([nobody.status, nobody.json]).toEqual([401, UNAUTHORIZED]);
    expect(nobody.headers.get('www-authenticate')).toBe('Bearer realm="polar"');
    const lacking = await ask(route, issue('openid email'));
    expect([lacking.status, lacking.json['error']]).toEqual([403, 'insufficient_scope']);
    expect(lacking.headers.get('www-authenticate')).toContain(
      ` scope="${scopes}", error="insufficient_scope"`,
    );
    for (const scope of scopes.split(' ')) {
      const { status, headers, json } = await ask(route, issue(scope));
      expect([status, headers.get('cache-control')]).toEqual([501, 'private, no-store']);
      const detail = `${route} is part of Polar's API, but the local Polar does not emulate it.`;
      expect(json).toEqual({ error: 'NotEmulated', detail });
    }
  });

  it.each([
    'GET /v1/oauth2/',
    'POST /v1/oauth2/consent',
    'GET /v1/users/me',
    'GET /v1/personal_access_tokens/',
  ])('reserves %s for Polar’s web app', async (route) => {
    expect(await ask(route)).toMatchObject({ status: 401, json: UNAUTHORIZED });
    const { status, json } = await ask(route, issue('user:read user:write'));
    expect([status, json]).toEqual([403, { error: 'NotPermitted', detail: 'Not permitted' }]);
  });

  it.each(['GET /v1/customer-portal/orders/', 'GET /v1/users/orders/'])(
    'reserves %s for customers',
    async (route) => {
      for (const token of [undefined, issue('customer_portal:read customer_portal:write')]) {
        expect(await ask(route, token)).toMatchObject({ status: 401, json: UNAUTHORIZED });
      }
    },
  );

  it('accepts legacy tokens of organizations at GET /v1/metrics/, unlike at GET /v1/payouts/', async () => {
    const token = polar.issue({ scope: 'metrics:read payouts:read', subType: 'organization' });
    expect((await ask('GET /v1/metrics/', token)).status).toBe(501);
    expect(await ask('GET /v1/payouts/', token)).toMatchObject({ status: 401, json: UNAUTHORIZED });
    expect((await ask('GET /v1/payouts/', issue('payouts:read'))).status).toBe(501);
  });

  it('has public routes, which are not emulated either', async () => {
    for (const route of [
      'GET /healthz',
      `GET /v1/checkouts/client/${ID}`,
      'POST /v1/license-keys/x/rotate',
    ]) {
      expect(
        (await ask(route, route.includes('rotate') ? issue('license_keys:write') : undefined)).status,
      ).toBe(501);
    }
  });

  it('redirects a path whose slash is missing or superfluous', async () => {
    for (const [path, right] of [
      ['/v1/products', '/v1/products/'] as const,
      ['/v1/notifications/', '/v1/notifications'] as const,
    ]) {
      const { status, headers } = await polar.get(path);
      expect([status, headers.get('location')]).toEqual([307, polar.emulator.url + right]);
    }
  });

  it('matches a specific route before a wider one, except where Polar does not', async () => {
    const { headers } = await ask('GET /v1/customers/export', issue('openid'));
    expect(headers.get('www-authenticate')).toContain('scope="customers:read customers:write"');
    const slug = await ask('GET /v1/organizations/check-slug', issue('organizations:read'));
    expect(slug.status).toBe(422);
    expect((await ask('POST /v1/organizations/check-slug', issue('organizations:write'))).status).toBe(501);
  });
});

it('the API behind the authorize page reports what is wrong with a request and that nobody is signed in', async () => {
  const get = async (changes: Record<string, string | undefined>) =>
    polar.send(polar.authorizePath(changes).replace('/oauth2', '/v1/oauth2'));
  const unknown = await get({ client_id: 'x' });
  expect([unknown.status, unknown.headers.get('content-type')]).toEqual([400, 'application/json']);
  expect(unknown.json).toMatchObject({ error: 'invalid_client', state: 'st-1' });
  expect((await get({ scope: 'x' })).location.get('error')).toBe('invalid_scope');
  expect((await get({ prompt: 'none' })).location.get('error')).toBe('login_required');
  expect((await get({ response_type: 'é' })).status).toBe(500);
  const nobody = await get({});
  expect([nobody.status, nobody.json]).toEqual([401, { detail: 'Unauthorized' }]);
  expect((await get({ scope: 'email' })).json['scopes']).toEqual(['email']);
  const path = polar.authorizePath().replace('/oauth2', '/v1/oauth2');
  expect((await polar.get(path, issue('openid'))).json['error']).toBe('NotPermitted');
});

it('an unknown route gets 404, whatever the token allows', async () => {
  for (const path of [
    '/v1/',
    '/v1/product/',
    `/v1/products/${ID}/x/y`,
    '/v1/products/x/y',
    '/v2/products/',
  ]) {
    expect((await polar.get(path, issue('products:read'))).status).toBe(404);
  }
});
