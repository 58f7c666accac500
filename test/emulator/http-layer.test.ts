import { request as httpRequest, type IncomingHttpHeaders } from 'node:http';
import { text } from 'node:stream/consumers';
import { describe, expect, it } from '@jest/globals';
import { LocalPolar } from './support/local-polar';

const polar = new LocalPolar();

interface BareReply {
  readonly statusCode: number | undefined;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** A request with headers that fetch would not send. */
function bare(path: string, method: string, headers: Record<string, string> = {}): Promise<BareReply> {
  return new Promise((resolve, reject) => {
    const request = httpRequest(new URL(path, polar.emulator.url), { method, headers }, (response) => {
      const { statusCode, headers: received } = response;
      text(response).then((body) => resolve({ statusCode, headers: received, body }), reject);
    });
    request.on('error', reject);
    request.end();
  });
}

describe('before everything else', () => {
  it('an unknown Polar-Version is not found, and told no version', async () => {
    const { status, headers, json } = await polar.send('/v1/oauth2/userinfo', {
      headers: { 'polar-version': '1999-12', authorization: 'Bearer bad', origin: 'https://app.example' },
    });
    expect([status, json]).toEqual([404, { detail: 'Not Found' }]);
    const names = [...headers.keys()];
    for (const name of ['cache-control', 'polar-version', 'access-control-allow-origin']) {
      expect(names).not.toContain(name);
    }
    expect((await polar.send('/.well-known/jwks.json', { headers: { 'polar-version': '' } })).status).toBe(
      200,
    );
  });

  it.each(['POST', 'PUT', 'PATCH'])('a %s needs a Content-Length, whatever its token', async (method) => {
    const { statusCode, headers, body } = await bare('/v1/oauth2/token', method, {
      authorization: 'Bearer bad',
      'transfer-encoding': 'chunked',
    });
    expect(statusCode).toBe(411);
    expect(headers['content-type']).toBe('application/json');
    expect(headers['cache-control']).toBeUndefined();
    expect(JSON.parse(body)).toEqual({
      error: 'LengthRequired',
      detail: 'A Content-Length header is required.',
    });
  });
});

describe('the Bearer header', () => {
  const userinfo = (authorization: string) =>
    polar.send('/v1/oauth2/userinfo', { headers: { authorization } });

  it('may be spelt in any case, with any number of spaces', async () => {
    const { accessToken } = await polar.login();
    expect((await userinfo(`bEARER   ${accessToken}`)).status).toBe(200);
  });

  it('that is empty, or not ASCII, is none for every endpoint but userinfo', async () => {
    for (const authorization of ['Bearer', 'Bearer é', 'Basic x', 'Bearer polar_crt_x']) {
      const { status, json } = await polar.send('/v1/organizations/', { headers: { authorization } });
      expect([authorization, status, json['error']]).toEqual([authorization, 401, 'Unauthorized']);
    }
    for (const authorization of ['Bearer', 'bearer', 'Bearer polar_crt_x']) {
      const { status, headers, json } = await userinfo(authorization);
      expect([status, json['error']]).toEqual([401, 'invalid_token']);
      expect(headers.get('www-authenticate')).toMatch(/^Bearer realm="polar", error="invalid_token"/);
    }
    const { status, headers, json } = await userinfo('Basic x');
    expect([status, json['error']]).toEqual([401, 'Unauthorized']);
    expect(headers.get('www-authenticate')).toBe('Bearer realm="polar"');
  });

  it.each(['polar_oat_x', 'polar_pat_x', 'x y'])('with %s is refused', async (token) => {
    const { status, json } = await userinfo(`Bearer ${token}`);
    expect([status, json['error']]).toEqual([401, 'invalid_token']);
  });

  it('with a refresh token is refused', async () => {
    const { refreshToken } = await polar.login();
    expect((await userinfo(`Bearer ${refreshToken}`)).json['error']).toBe('invalid_token');
  });

  it('is the only place for a token', async () => {
    const { accessToken } = await polar.login();
    expect((await polar.send(`/v1/oauth2/userinfo?access_token=${accessToken}`)).status).toBe(401);
    expect((await polar.post('/v1/oauth2/userinfo', { access_token: accessToken })).status).toBe(401);
  });
});

describe('paths', () => {
  it.each([
    ['/v1/oauth2/token//?a=b', '/v1/oauth2/token?a=b'],
    ['/v1/organizations', '/v1/organizations/'],
  ])('%s leads to %s, method and all', async (from, to) => {
    for (const method of ['GET', 'POST']) {
      const { status, headers } = await polar.send(from, { method });
      expect([status, headers.get('location')]).toEqual([307, polar.emulator.url + to]);
    }
  });

  it('lead on on the host that was asked for', async () => {
    const { headers } = await bare('/v1/organizations', 'GET', { host: 'polar.test:8080' });
    expect(headers.location).toBe('http://polar.test:8080/v1/organizations/');
  });

  it.each(['HEAD', 'OPTIONS'])('%s is not allowed', async (method) => {
    const { status, headers } = await polar.send('/v1/oauth2/userinfo', { method });
    expect([status, headers.get('allow')]).toEqual([405, 'GET']);
  });
});

describe('scripts of other sites', () => {
  const origin = 'https://app.example';

  it('may read answers, errors included', async () => {
    for (const path of ['/v1/oauth2/userinfo', '/v1/nowhere', '/nowhere', '/.well-known/jwks.json']) {
      const { headers } = await polar.send(path, { headers: { origin } });
      expect(headers.get('access-control-allow-origin')).toBe('*');
      expect(headers.get('access-control-expose-headers')).toBe('Polar-Version');
    }
    expect((await polar.get('/v1/oauth2/userinfo')).headers.has('access-control-allow-origin')).toBe(false);
  });

  it.each(['/', '/oauth2/authorize', '/oauth2/consent', '/%6Fauth2/authorize%0A'])(
    'may not read %s',
    async (path) => {
      const { headers } = await polar.send(path, { headers: { origin } });
      expect(headers.has('access-control-allow-origin')).toBe(false);
    },
  );

  const ask = (method: string, wanted: string, path = '/v1/oauth2/token') =>
    polar.send(path, {
      method: 'OPTIONS',
      headers: {
        origin,
        'access-control-request-method': method,
        'access-control-request-headers': wanted,
        ...(method === 'TRACE' ? { 'access-control-request-private-network': 'true' } : {}),
      },
    });

  it('may ask ahead', async () => {
    const { status, headers, text } = await ask('POST', 'authorization, polar-version');
    expect([status, text]).toEqual([200, 'OK']);
    expect(headers.get('access-control-allow-origin')).toBe('*');
    expect(headers.get('access-control-allow-methods')).toBe('DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT');
    expect(headers.get('access-control-allow-headers')).toBe(
      'Accept, Accept-Language, Authorization, Content-Language, Content-Type, Polar-Version',
    );
  });

  it('may not do everything', async () => {
    const { status, text } = await ask('TRACE', 'x-secret');
    expect([status, text]).toEqual([400, 'Disallowed CORS method, headers, private-network']);
  });

  it('may ask ahead where there is nothing', async () => {
    expect((await ask('POST', 'accept', '/nowhere')).text).toBe('OK');
  });
});
