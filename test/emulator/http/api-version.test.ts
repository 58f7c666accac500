import { expect, it } from '@jest/globals';
import { startPolarEmulator } from 'passport-polar-sh/emulator';
import { bearer, LocalPolar } from '../support/local-polar';

const polar = new LocalPolar();

it.each(['2026-04', '2026-10', '2027-01'])(
  'Polar-Version %s is accepted and echoed in every response',
  async (version) => {
    const { accessToken } = await polar.login();
    const headers = { 'polar-version': version };
    const replies = await Promise.all([
      polar.send('/v1/oauth2/userinfo', { headers: { ...headers, ...bearer(accessToken) } }),
      polar.send('/v1/oauth2/userinfo', { headers: { ...headers, ...bearer('bad') } }),
      polar.send('/v1/products/', { headers: { ...headers, ...bearer(accessToken) } }),
      polar.send('/v1/organizations', { headers }),
      polar.send('/nowhere', { headers }),
      polar.post('/v1/oauth2/token', { grant_type: 'x' }, headers),
    ]);
    expect(replies.map(({ status }) => status)).toEqual([200, 401, 403, 307, 404, 400]);
    for (const reply of replies) expect(reply.headers.get('polar-version')).toBe(version);
  },
);

it('2026-10 is the API version of a request that names none', async () => {
  for (const init of [{}, { headers: { 'polar-version': '' } }]) {
    const { headers } = await polar.send('/.well-known/jwks.json', init);
    expect(headers.get('polar-version')).toBe('2026-10');
  }
});

it('a test can set another default API version until the next reset', async () => {
  const versionOf = async () => (await polar.send('/.well-known/jwks.json')).headers.get('polar-version');
  polar.emulator.defaultAPIVersion = '2027-01';
  expect([polar.emulator.defaultAPIVersion, await versionOf()]).toEqual(['2027-01', '2027-01']);
  polar.emulator.reset();
  expect([polar.emulator.defaultAPIVersion, await versionOf()]).toEqual(['2026-10', '2026-10']);
});

it('a test can retire an API version until the next reset', async () => {
  const ask = () => polar.send('/.well-known/jwks.json', { headers: { 'polar-version': '2026-04' } });
  polar.emulator.retireAPIVersion('2026-04');
  const { status, headers, text } = await ask();
  expect([status, text, headers.has('polar-version')]).toEqual([404, '{"detail":"Not Found"}', false]);
  polar.emulator.reset();
  expect((await ask()).status).toBe(200);
});

it('options set the default and the retired API versions permanently, even after a reset', async () => {
  const other = await startPolarEmulator({ defaultAPIVersion: '2027-01', retiredAPIVersions: ['2026-10'] });
  try {
    for (const when of ['before', 'after']) {
      if (when === 'after') other.reset();
      const ask = (headers: Record<string, string>) =>
        fetch(`${other.url}/.well-known/jwks.json`, { headers });
      expect((await ask({})).headers.get('polar-version')).toBe('2027-01');
      expect((await ask({ 'polar-version': '2026-10' })).status).toBe(404);
      expect((await ask({ 'polar-version': '2026-04' })).status).toBe(200);
    }
  } finally {
    await other.close();
  }
});

it('invalid API versions are refused', async () => {
  const { emulator } = polar;
  expect(() => emulator.retireAPIVersion('2026-10')).toThrow(/set another defaultAPIVersion first/);
  expect(() => emulator.retireAPIVersion('2026-11' as '2026-10')).toThrow(/2026-04, 2026-10, 2027-01/);
  emulator.retireAPIVersion('2026-04');
  expect(() => {
    emulator.defaultAPIVersion = '2026-04';
  }).toThrow(/2026-04 is retired/);
  await expect(startPolarEmulator({ retiredAPIVersions: ['2026-10'] })).rejects.toThrow(TypeError);
  await expect(startPolarEmulator({ defaultAPIVersion: 'v1' as '2026-10' })).rejects.toThrow(TypeError);
});

it('the first of several Polar-Version headers counts', async () => {
  const response = await polar.raw(
    'GET /.well-known/jwks.json HTTP/1.1\r\nHost: polar\r\nPolar-Version: 2026-10\r\n' +
      'polar-version: 1999-12\r\nConnection: close\r\n\r\n',
  );
  expect(response).toMatch(/^HTTP\/1\.1 200 /);
  expect(response).toMatch(/^polar-version: 2026-10\r$/im);
});

it.each(['2025-01', '2026-4', '2026-13', '2026-10x', 'latest'])(
  'Polar-Version %s gets 404',
  async (version) => {
    const { status, headers, text } = await polar.send('/v1/oauth2/userinfo', {
      headers: { 'polar-version': version },
    });
    expect([status, text, headers.has('polar-version')]).toEqual([404, '{"detail":"Not Found"}', false]);
  },
);

it('the API version is echoed by faults but not by crashes', async () => {
  polar.emulator.fail('jwks', { status: 503 });
  const headers = { 'polar-version': '2026-10' };
  const { status, headers: faulty } = await polar.send('/.well-known/jwks.json', { headers });
  expect([status, faulty.get('polar-version')]).toEqual([503, '2026-10']);
  const failed = await polar.send('/v1/oauth2/userinfo', { headers: { ...headers, ...bearer('é') } });
  expect([failed.status, failed.headers.has('polar-version')]).toEqual([500, false]);
});
