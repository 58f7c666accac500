import { describe, expect, it } from '@jest/globals';
import { ACME, bearer, ENGINES, LocalPolar } from '../support/local-polar';

const polar = new LocalPolar();

describe('the userinfo endpoint', () => {
  it('returns only what the scopes allow, for GET and POST', async () => {
    const token = polar.issue({ scope: 'openid' });
    const sub = '11111111-1111-4111-8111-111111111111';
    expect((await polar.userinfo(token)).json).toEqual({ sub });
    const posted = await polar.post('/v1/oauth2/userinfo', {}, bearer(token));
    expect([posted.status, posted.json]).toEqual([200, { sub }]);
    polar.emulator.user = 'unverified@example.com';
    const { accessToken } = await polar.login();
    expect((await polar.userinfo(accessToken)).json['email_verified']).toBe(false);
  });

  it('returns the slug of a legacy organization as its name, and only with the scope openid', async () => {
    const request = {
      clientID: polar.client.clientID,
      user: 'ada@example.com',
      subType: 'organization',
    } as const;
    const named = polar.emulator.issueTokens({ ...request, scope: 'openid' });
    expect((await polar.userinfo(named.accessToken)).json).toEqual({ sub: ACME, name: 'acme' });
    const engines = { ...request, scope: 'openid', organization: ENGINES } as const;
    const { json } = await polar.userinfo(polar.emulator.issueTokens(engines).accessToken);
    expect(json).toEqual({ sub: ENGINES, name: 'analytical-engines' });
    const unnamed = polar.emulator.issueTokens({ ...request, scope: 'email' });
    expect((await polar.userinfo(unnamed.accessToken)).json).toEqual({ sub: ACME });
  });
});
