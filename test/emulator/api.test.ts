import { request as httpRequest } from 'node:http';
import { connect } from 'node:net';
import { describe, expect, it } from '@jest/globals';
import { ACME, bearer, ENGINES, LocalPolar } from './support/local-polar';

const polar = new LocalPolar();

const mint = (scope: string, organization?: string) =>
  polar.emulator.issueTokens({
    clientID: polar.client.clientID,
    user: 'ada@example.com',
    scope,
    organization,
  }).accessToken;

const slugs = (json: Readonly<Record<string, unknown>>) =>
  (json['items'] as { slug: string }[]).map(({ slug }) => slug);

describe('organizations', () => {
  it('lists those of the user', async () => {
    const { status, headers, json } = await polar.get('/v1/organizations/', mint('organizations:read'));
    expect([status, headers.get('cache-control')]).toEqual([200, 'private, no-store']);
    expect(slugs(json)).toEqual(['acme', 'analytical-engines']);
    expect(json['pagination']).toEqual({ total_count: 2, max_page: 1 });
  });

  it('lists those the token is limited to', async () => {
    const { json } = await polar.get('/v1/organizations/', mint('organizations:write', 'acme'));
    expect(slugs(json)).toEqual(['acme']);
  });

  it('lists the organization a legacy token belongs to', async () => {
    const { accessToken } = polar.emulator.issueTokens({
      clientID: polar.client.clientID,
      user: 'ada@example.com',
      subType: 'organization',
    });
    expect(slugs((await polar.get('/v1/organizations/', accessToken)).json)).toEqual(['acme']);
  });

  it('can be filtered and paged', async () => {
    const token = mint('organizations:read');
    const list = async (query: string) => (await polar.get(`/v1/organizations/?${query}`, token)).json;
    expect(slugs(await list('slug=acme'))).toEqual(['acme']);
    expect(slugs(await list('limit=1&page=2'))).toEqual(['analytical-engines']);
    expect((await list('limit=1'))['pagination']).toEqual({ total_count: 2, max_page: 2 });
    expect(slugs(await list('page=9&limit=5000'))).toEqual([]);
    for (const query of ['page=0', 'limit=x']) {
      expect((await polar.get(`/v1/organizations/?${query}`, token)).status).toBe(422);
    }
  });

  it('are read one by one, if they are the token’s', async () => {
    const token = mint('organizations:read', 'acme');
    expect((await polar.get(`/v1/organizations/${ACME}`, token)).json).toMatchObject({ name: 'acme' });
    expect((await polar.get(`/v1/organizations/${ENGINES}`, token)).status).toBe(404);
  });

  it('need a token', async () => {
    const { status, headers, json } = await polar.get('/v1/organizations/');
    expect(status).toBe(401);
    expect(headers.get('www-authenticate')).toBe('Bearer realm="polar"');
    expect(json).toEqual({ error: 'Unauthorized', detail: 'Unauthorized' });
  });

  it('without the slash, Polar sends the client to the path with it', async () => {
    const { status, headers } = await polar.get('/v1/organizations?limit=1', mint('organizations:read'));
    expect(status).toBe(307);
    expect(headers.get('location')).toBe(`${polar.emulator.url}/v1/organizations/?limit=1`);
    expect((await polar.get('/v1/organizations')).headers.get('location')).toMatch(/organizations\/$/);
  });
});

describe('users/me', () => {
  it('is for Polar’s web app, not for tokens', async () => {
    const { status, headers, json } = await polar.get('/v1/users/me', mint('user:read'));
    expect([status, json]).toEqual([403, { error: 'NotPermitted', detail: 'Not permitted' }]);
    expect(headers.has('www-authenticate')).toBe(false);
    expect((await polar.get('/v1/users/me')).status).toBe(401);
  });

  it('tells users’ tokens their scopes', async () => {
    const { json } = await polar.get('/v1/users/me/scopes', mint('openid user:read'));
    expect(json).toEqual({ scopes: ['openid', 'user:read'] });
    const { accessToken } = polar.emulator.issueTokens({
      clientID: polar.client.clientID,
      user: 'ada@example.com',
      subType: 'organization',
    });
    const { status, json: refusal } = await polar.get('/v1/users/me/scopes', accessToken);
    expect([status, refusal]).toEqual([401, { error: 'Unauthorized', detail: 'Unauthorized' }]);
  });
});

describe('userinfo', () => {
  it('says no more than the scopes allow, by GET or POST', async () => {
    const token = mint('openid');
    const sub = '11111111-1111-4111-8111-111111111111';
    expect((await polar.userinfo(token)).json).toEqual({ sub });
    const posted = await polar.post('/v1/oauth2/userinfo', {}, bearer(token));
    expect([posted.status, posted.json]).toEqual([200, { sub }]);
    polar.emulator.user = 'unverified@example.com';
    const { accessToken } = await polar.login();
    expect((await polar.userinfo(accessToken)).json['email_verified']).toBe(false);
  });

  it('of a legacy organization has its name only with openid', async () => {
    const request = {
      clientID: polar.client.clientID,
      user: 'ada@example.com',
      subType: 'organization',
    } as const;
    const named = polar.emulator.issueTokens({ ...request, scope: 'openid' });
    expect((await polar.userinfo(named.accessToken)).json).toEqual({ sub: ACME, name: 'acme' });
    const unnamed = polar.emulator.issueTokens({ ...request, scope: 'email' });
    expect((await polar.userinfo(unnamed.accessToken)).json).toEqual({ sub: ACME });
  });
});

it('discovery names no address but its own', async () => {
  const { json, headers } = await polar.get('/.well-known/openid-configuration');
  expect([json['issuer'], headers.get('cache-control')]).toEqual(['https://polar.sh', 'private, no-store']);
  const addresses = Object.entries(json).filter(([name]) => /_endpoint$|^jwks_uri$/.test(name));
  expect(addresses).toHaveLength(7);
  for (const [, address] of addresses) expect(address).toContain(`${polar.emulator.url}/`);
  const other = await polar.get('/.well-known/oauth-authorization-server');
  expect([other.status, other.json]).toEqual([404, { detail: 'Not Found' }]);
});

describe('oddities', () => {
  it('a POST without Content-Length gets 411', async () => {
    const status = await new Promise((resolve, reject) => {
      const request = httpRequest(`${polar.emulator.url}/v1/oauth2/token`, { method: 'POST' }, (answer) => {
        answer.resume();
        resolve(answer.statusCode);
      });
      request.on('error', reject);
      request.write('grant_type=refresh_token');
      request.end();
    });
    expect(status).toBe(411);
  });

  it('an unknown Polar-Version gets 404, the current one does not', async () => {
    const get = (version: string) =>
      polar.send('/.well-known/jwks.json', { headers: { 'polar-version': version } });
    expect((await get('1999-12')).status).toBe(404);
    const { status, headers } = await get('2026-04');
    expect([status, headers.get('polar-version')]).toEqual([200, '2026-04']);
  });

  it.each(['/v1/oauth2/token', '/.well-known/jwks.json', '/nowhere'])(
    'a bad Bearer header gets 401 from %s',
    async (path) => {
      const { status, json } = await polar.send(path, { headers: bearer('polar_at_u_dead') });
      expect([status, json['error']]).toEqual([401, 'invalid_token']);
    },
  );

  it('what Polar does not have is 404, what it does not do is 405', async () => {
    expect((await polar.get('/nowhere')).json).toEqual({ detail: 'Not Found' });
    expect((await polar.get('/v1/nowhere')).status).toBe(404);
    const { status, headers } = await polar.send('/v1/oauth2/userinfo', { method: 'PUT' });
    expect([status, headers.get('allow')]).toEqual([405, 'GET']);
  });
});

describe('malformed requests', () => {
  it('with a body too large get 413', async () => {
    const { status, json } = await polar.post('/v1/oauth2/token', { code: 'x'.repeat(10 * 1024 * 1024) });
    const detail = 'Request body exceeded the maximum allowed size of 10485760 bytes.';
    expect([status, json]).toEqual([413, { error: 'RequestBodyTooLarge', detail }]);
  });

  it('do not disturb anybody else', async () => {
    await polar.send('/oauth2/authorize?client_id=%E0%A4%A&scope=%zz');
    await polar.send('/v1/oauth2/register', {
      method: 'POST',
      body: '{{{',
      headers: { 'content-type': 'application/json' },
    });
    await raw('NONSENSE\r\n\r\n');
    await raw(`GET /v1/organizations\u00e9 HTTP/1.1\r\nhost: x\r\n\r\n`);
    await raw(`GET / HTTP/1.1\r\nhost: x\r\nx: ${'y'.repeat(100_000)}\r\n\r\n`);
    await raw('POST /v1/oauth2/token HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\ngrant', true);
    await raw('GET //[::bad/ HTTP/1.1\r\nhost: x\r\nauthorization: Basic %%%\r\nconnection: close\r\n\r\n');
    expect((await polar.login()).accessToken).toMatch(/^polar_at_u_/);
  });
});

/** Sends bytes, and waits for the connection to end, or ends it. */
function raw(bytes: string, hangUp = false): Promise<void> {
  return new Promise((resolve) => {
    const socket = connect(Number(new URL(polar.emulator.url).port), '127.0.0.1');
    socket.on('close', () => resolve());
    socket.on('error', () => socket.destroy());
    socket.write(bytes, 'latin1', () => {
      if (hangUp) socket.destroy();
    });
    socket.once('data', () => socket.destroy());
  });
}
