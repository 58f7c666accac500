import { describe, expect, it } from '@jest/globals';
import { LocalPolar } from './support/local-polar';

const polar = new LocalPolar();

describe('a Bearer header', () => {
  const userinfo = (authorization: string) =>
    polar.send('/v1/oauth2/userinfo', { headers: { authorization } });

  it('may have any case and any number of spaces', async () => {
    const { accessToken } = await polar.login();
    expect((await userinfo(`bEARER   ${accessToken}`)).status).toBe(200);
  });

  it('that is empty or not ASCII counts as missing, except at userinfo', async () => {
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
