import { connect } from 'node:net';
import { describe, expect, it } from '@jest/globals';
import { bearer, LocalPolar } from '../support/local-polar';

const polar = new LocalPolar();

describe('a request, before anything else,', () => {
  it('gets 404 and no version for an unknown Polar-Version', async () => {
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

  it.each(['POST', 'PUT', 'PATCH'])(
    'needs a Content-Length with the method %s, whatever its token',
    async (method) => {
      const { statusCode, headers, body } = await polar.bare('/v1/oauth2/token', method, {
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
    },
  );
});

describe('a path', () => {
  it.each([
    ['/v1/oauth2/token//?a=b', '/v1/oauth2/token?a=b'],
    ['/v1/organizations', '/v1/organizations/'],
  ])('such as %s is redirected to %s for any method', async (from, to) => {
    for (const method of ['GET', 'POST']) {
      const { status, headers } = await polar.send(from, { method });
      expect([status, headers.get('location')]).toEqual([307, polar.emulator.url + to]);
    }
  });

  it('is redirected on the requested host', async () => {
    const { headers } = await polar.bare('/v1/organizations', 'GET', { host: 'polar.test:8080' });
    expect(headers.location).toBe('http://polar.test:8080/v1/organizations/');
  });

  it.each(['HEAD', 'OPTIONS'])('cannot be requested with %s', async (method) => {
    const { status, headers } = await polar.send('/v1/oauth2/userinfo', { method });
    expect([status, headers.get('allow')]).toEqual([405, 'GET']);
  });
});

describe('the emulator', () => {
  it('responds 411 to a POST with a body but no Content-Length', async () => {
    const { statusCode } = await polar.bare('/v1/oauth2/token', 'POST', {}, 'grant_type=refresh_token');
    expect(statusCode).toBe(411);
  });

  it('returns 404 for an unknown Polar-Version and accepts the current one', async () => {
    const get = (version: string) =>
      polar.send('/.well-known/jwks.json', { headers: { 'polar-version': version } });
    expect((await get('1999-12')).status).toBe(404);
    const { status, headers } = await get('2026-04');
    expect([status, headers.get('polar-version')]).toEqual([200, '2026-04']);
  });

  it.each(['/v1/oauth2/token', '/.well-known/jwks.json', '/nowhere'])(
    'returns 401 from %s for a bad Bearer token',
    async (path) => {
      const { status, json } = await polar.send(path, { headers: bearer('polar_at_u_dead') });
      expect([status, json['error']]).toEqual([401, 'invalid_token']);
    },
  );

  it('returns 404 for an unknown path and 405 for an unsupported method', async () => {
    expect((await polar.get('/nowhere')).json).toEqual({ detail: 'Not Found' });
    expect((await polar.get('/v1/nowhere')).status).toBe(404);
    const { status, headers } = await polar.send('/v1/oauth2/userinfo', { method: 'PUT' });
    expect([status, headers.get('allow')]).toEqual([405, 'GET']);
  });
});

describe('a malformed request', () => {
  it('with too large a body gets 413', async () => {
    const { status, json } = await polar.post('/v1/oauth2/token', { code: 'x'.repeat(10 * 1024 * 1024) });
    const detail = 'Request body exceeded the maximum allowed size of 10485760 bytes.';
    expect([status, json]).toEqual([413, { error: 'RequestBodyTooLarge', detail }]);
  });

  it('does not disturb other requests', async () => {
    await polar.send('/oauth2/authorize?client_id=%E0%A4%A&scope=%zz');
    await polar.send('/v1/oauth2/register', {
      method: 'POST',
      body: '{{{',
      headers: { 'content-type': 'application/json' },
    });
    await hangUpAfter('NONSENSE\r\n\r\n');
    await hangUpAfter(`GET /v1/organizations\u00e9 HTTP/1.1\r\nhost: x\r\n\r\n`);
    await hangUpAfter(`GET / HTTP/1.1\r\nhost: x\r\nx: ${'y'.repeat(100_000)}\r\n\r\n`);
    await hangUpAfter(
      'POST /v1/oauth2/token HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\ngrant',
      'sending',
    );
    await hangUpAfter(
      'GET //[::bad/ HTTP/1.1\r\nhost: x\r\nauthorization: Basic %%%\r\nconnection: close\r\n\r\n',
    );
    expect((await polar.login()).accessToken).toMatch(/^polar_at_u_/);
  });
});

/** Sends bytes and ends the connection as soon as they are sent or something comes back. */
function hangUpAfter(bytes: string, what: 'sending' | 'response' = 'response'): Promise<void> {
  return new Promise((resolve) => {
    const socket = connect(Number(new URL(polar.emulator.url).port), '127.0.0.1');
    socket.on('close', () => resolve());
    socket.on('error', () => socket.destroy());
    socket.write(bytes, 'latin1', () => {
      if (what === 'sending') socket.destroy();
    });
    socket.once('data', () => socket.destroy());
  });
}
