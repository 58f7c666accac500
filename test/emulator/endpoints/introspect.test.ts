import { describe, expect, it } from '@jest/globals';
import { LocalPolar } from '../support/local-polar';

const polar = new LocalPolar();

describe('the introspection endpoint', () => {
  it('returns only that the token of another client is inactive', async () => {
    const { accessToken } = await polar.login();
    polar.client = polar.register();
    expect(await polar.introspect(accessToken)).toEqual({ active: false });
  });

  it('reports a refresh token as active until its access token expires', async () => {
    const { refreshToken } = await polar.login();
    expect(await polar.introspect(refreshToken)).toMatchObject({ active: true, token_type: 'Bearer' });
    polar.emulator.advanceTime(864_002);
    expect(await polar.introspect(refreshToken)).toEqual({ active: false });
    expect((await polar.refresh(refreshToken)).status).toBe(200);
  });

  it('returns when the token was issued and when it expires', async () => {
    const { accessToken } = await polar.login();
    const { iat, exp } = await polar.introspect(accessToken);
    expect(Math.abs(Number(iat) - polar.emulator.now() / 1000)).toBeLessThan(5);
    expect(Number(exp) - Number(iat)).toBe(864_000);
  });
});
