import { describe, expect, it } from '@jest/globals';
import { LocalPolar } from '../support/local-polar';

const polar = new LocalPolar();

describe('the users/me endpoint', () => {
  it('refuses tokens, as it is for Polar’s web app', async () => {
    const { status, headers, json } = await polar.get('/v1/users/me', polar.issue({ scope: 'user:read' }));
    expect([status, json]).toEqual([403, { error: 'NotPermitted', detail: 'Not permitted' }]);
    expect(headers.has('www-authenticate')).toBe(false);
    expect((await polar.get('/v1/users/me')).status).toBe(401);
  });

  it('returns the scopes of a user’s token', async () => {
    const { json } = await polar.get('/v1/users/me/scopes', polar.issue({ scope: 'openid user:read' }));
    expect(json).toEqual({ scopes: ['openid', 'user:read'] });
    const accessToken = polar.issue({ subType: 'organization' });
    const { status, json: refusal } = await polar.get('/v1/users/me/scopes', accessToken);
    expect([status, refusal]).toEqual([401, { error: 'Unauthorized', detail: 'Unauthorized' }]);
  });
});
