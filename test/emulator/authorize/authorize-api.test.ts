/** `GET /v1/oauth2/authorize` without a session, as Polar (c6c3645) responds to it. */
import { describe, expect, it } from '@jest/globals';
import { CALLBACK, LocalPolar } from '../support/local-polar';

const polar = new LocalPolar({ consent: 'ask' });

const ask = (changes: Readonly<Record<string, string>>) => {
  const query = new URLSearchParams({ response_type: 'code', client_id: polar.client.clientID, ...changes });
  return polar.send(`/v1/oauth2/authorize?${query}`);
};

describe('the API about an authorization request, with nobody signed in', () => {
  it('describes the client and all of its scopes if none is requested', async () => {
    const { status, headers, json } = await ask({ redirect_uri: CALLBACK });
    expect([status, headers.get('cache-control')]).toEqual([200, 'private, no-store']);
    expect(json).toMatchObject({
      client: { client_id: polar.client.clientID, modified_at: null, client_uri: null },
      sub_type: 'user',
      sub: null,
      scopes: ['openid', 'email', 'organizations:read'],
      organizations: [],
      requires_single_organization: false,
      scope_display_names: { openid: expect.any(String), 'organizations:read': expect.any(String) },
    });
    expect(JSON.stringify(json)).not.toContain('polar_cs_');
  });

  it('repeats the requested scopes, even those that the client is not registered for', async () => {
    const { status, json } = await ask({ scope: 'email products:read' });
    expect([status, json['scopes']]).toEqual([200, ['email', 'products:read']]);
  });

  it('says whether the user would have to pick one organization', async () => {
    const { json } = await ask({ sub_type: 'organization' });
    expect(json).toMatchObject({ sub_type: 'user', requires_single_organization: true });
  });

  it('asks for a user as soon as openid is requested', async () => {
    const { status, json } = await ask({ scope: 'openid email' });
    expect([status, json]).toEqual([401, { detail: 'Unauthorized' }]);
  });

  it.each([
    [
      { redirect_uri: 'http://localhost:4000/other' },
      {
        error: 'invalid_request',
        error_description: 'Redirect URI http://localhost:4000/other is not supported by client.',
      },
    ],
    [
      { client_id: 'nobody' },
      { error: 'invalid_client', error_description: 'The client does not exist on this server.' },
    ],
  ])('refuses %j', async (changes, body) => {
    const { status, json } = await ask(changes);
    expect([status, json]).toEqual([400, body]);
  });

  it.each([
    [{ scope: 'email nope' }, 'invalid_scope'],
    [{ prompt: 'none' }, 'login_required'],
    [{ response_type: 'token' }, 'unsupported_response_type'],
  ])('redirects to the app for %j', async (changes, error) => {
    const { status, location } = await ask(changes);
    expect([status, location.get('error')]).toEqual([302, error]);
  });
});
