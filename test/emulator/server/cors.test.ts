import { describe, expect, it } from '@jest/globals';
import { LocalPolar } from '../support/local-polar';

const polar = new LocalPolar();

describe('a script of another site', () => {
  const origin = 'https://app.example';

  it('may read responses, including errors', async () => {
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

  it('may send a preflight request', async () => {
    const { status, headers, text } = await ask('POST', 'authorization, polar-version');
    expect([status, text]).toEqual([200, 'OK']);
    expect(headers.get('access-control-allow-origin')).toBe('*');
    expect(headers.get('access-control-allow-methods')).toBe('DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT');
    expect(headers.get('access-control-allow-headers')).toBe(
      'Accept, Accept-Language, Authorization, Content-Language, Content-Type, Polar-Version',
    );
  });

  it('may not use every method and header', async () => {
    const { status, text } = await ask('TRACE', 'x-secret');
    expect([status, text]).toEqual([400, 'Disallowed CORS method, headers, private-network']);
  });

  it('may send a preflight request for an unknown path', async () => {
    expect((await ask('POST', 'accept', '/nowhere')).text).toBe('OK');
  });
});
