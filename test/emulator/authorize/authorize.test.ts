import { describe, expect, it } from '@jest/globals';
import { ACME, CALLBACK, CHALLENGE, ENGINES, LocalPolar } from '../support/local-polar';

const polar = new LocalPolar();

const sent = ({ location }: { location: URLSearchParams }) => Object.fromEntries(location);

describe('the authorize page shows an error in the browser', () => {
  it.each(['response_type', 'client_id', 'redirect_uri', 'scope', 'state'])(
    'when %s is given twice',
    async (name) => {
      const path = polar.authorizePath();
      const value = new URL(path, polar.emulator.url).searchParams.get(name) ?? '';
      const { status, headers, json } = await polar.send(`${path}&${name}=${encodeURIComponent(value)}`);
      expect([status, headers.get('content-type')]).toEqual([400, 'text/html; charset=utf-8']);
      expect(json).toEqual({
        error: 'invalid_request',
        error_description: `Multiple '${name}' in request.`,
        state: 'st-1',
      });
    },
  );

  it('when client_id is missing', async () => {
    const { status, json } = await polar.authorize({ client_id: undefined, state: undefined });
    expect(status).toBe(400);
    expect(json).toEqual({ error: 'invalid_client', error_description: "Missing 'client_id' parameter." });
  });

  it.each([{ client_id: 'nobody' }, { redirect_uri: 'http://localhost:4000/other' }])(
    'when the response_type is unknown, even with %p',
    async (changes) => {
      const { status, json } = await polar.authorize({ ...changes, response_type: 'token' });
      expect(status).toBe(400);
      expect(json).toEqual({ error: 'unsupported_response_type', error_description: 'token', state: 'st-1' });
    },
  );

  it.each([
    { response_type: 'tok"en' },
    { redirect_uri: 'http://localhost:4000/"' },
    { redirect_uri: 'http://localhost:4000/ü' },
  ])('of status 500 when the description cannot quote %p', async (changes) => {
    const { status, text } = await polar.authorize(changes);
    expect([status, text]).toEqual([500, 'Internal Server Error']);
  });

  it('with the state free of markup', async () => {
    const state = '<script>alert(1)</script>&amp;';
    const { text, json } = await polar.authorize({ client_id: 'nobody', state });
    expect(text).not.toMatch(/[<>&]/);
    expect(json['state']).toBe(state);
  });

  it('when there is no redirect_uri and none is registered', async () => {
    const { clientID } = polar.register({ redirectURIs: [] });
    const { status, json } = await polar.authorize({ client_id: clientID, redirect_uri: undefined });
    expect(status).toBe(400);
    expect(json['error_description']).toBe("Missing 'redirect_uri' in request.");
  });
});

describe('the authorize page sends an error to the app', () => {
  const cases = [
    [{ code_challenge_method: 'S256' }, "Missing 'code_challenge'"],
    [{ code_challenge: 'too-short' }, "Invalid 'code_challenge'"],
    [{ code_challenge: CHALLENGE, code_challenge_method: 'S512' }, "Unsupported 'code_challenge_method'"],
    [{ prompt: 'none consent' }, "Invalid 'prompt' parameter."],
  ] as const;
  it.each(cases)('for %p', async (changes, description) => {
    const reply = await polar.authorize(changes);
    expect(reply.status).toBe(302);
    expect(reply.headers.get('content-type')).toBeNull();
    expect(sent(reply)).toEqual({
      error: 'invalid_request',
      error_description: description,
      state: 'st-1',
    });
  });

  it('but not for a line break after the code_challenge', async () => {
    expect(await polar.code({ code_challenge: `${CHALLENGE}\n` })).toMatch(/^polar_ac_/);
  });

  it.each(['code_challenge', 'code_challenge_method'])('when %s is given twice', async (name) => {
    const path = polar.authorizePath({ code_challenge: CHALLENGE, code_challenge_method: 'S256' });
    const value = name === 'code_challenge' ? CHALLENGE : 'S256';
    const reply = await polar.send(`${path}&${name}=${value}`);
    expect(sent(reply)['error_description']).toBe(`Multiple '${name}' in request.`);
  });

  it('without a description when response_type is missing', async () => {
    const reply = await polar.authorize({ response_type: undefined });
    expect(sent(reply)).toEqual({ error: 'unsupported_response_type', state: 'st-1' });
  });

  it('with several response types in alphabetical order', async () => {
    const reply = await polar.authorize({ response_type: 'token  id_token' });
    expect(sent(reply)['error_description']).toBe('id_token token');
  });

  it('about the first response_type before it complains about a repeated one', async () => {
    const reply = await polar.send(`${polar.authorizePath({ response_type: 'token' })}&response_type=code`);
    expect(sent(reply)).toMatchObject({ error: 'unsupported_response_type', error_description: 'token' });
  });

  it('when the client is registered for no response type', async () => {
    const metadata = { client_name: 'x', redirect_uris: [CALLBACK], response_types: [] };
    const { json } = await polar.send('/v1/oauth2/register', {
      method: 'POST',
      body: JSON.stringify(metadata),
      headers: { 'content-type': 'application/json' },
    });
    const reply = await polar.authorize({ client_id: String(json['client_id']) });
    expect(sent(reply)).toEqual({
      error: 'unauthorized_client',
      error_description: "The client is not authorized to use 'response_type=code'",
      state: 'st-1',
    });
  });

  it('for prompt=none before anything is granted', async () => {
    const reply = await polar.authorize({ prompt: 'none' });
    expect(sent(reply)).toEqual({ error: 'consent_required', state: 'st-1' });
  });

  it('for prompt=none when nobody is signed in', async () => {
    polar.emulator.user = '';
    const reply = await polar.authorize({ prompt: 'none' });
    expect(sent(reply)).toEqual({ error: 'login_required', state: 'st-1' });
    expect((await polar.authorize()).status).toBe(401);
  });

  it('when a nonce belongs to an abandoned code, even an expired one, but not to an exchanged one', async () => {
    const code = await polar.code({ nonce: 'used' });
    expect(sent(await polar.authorize({ nonce: 'used' }))).toEqual({
      error: 'invalid_request',
      error_description: 'Replay attack',
      state: 'st-1',
    });
    const other = polar.register();
    expect(sent(await polar.authorize({ nonce: 'used', client_id: other.clientID }))).toHaveProperty('code');
    await polar.exchange(code);
    expect(sent(await polar.authorize({ nonce: 'used' }))).toHaveProperty('code');
    polar.emulator.advanceTime(86_400);
    expect(sent(await polar.authorize({ nonce: 'used' }))).toHaveProperty('error');
  });
});

describe('a successful authorization', () => {
  it('redirects to the first registered redirect_uri when none is given, which the exchange may omit too', async () => {
    const reply = await polar.authorize({ redirect_uri: undefined });
    expect(reply.headers.get('location')).toMatch(CALLBACK);
    const code = reply.location.get('code') ?? '';
    expect((await polar.exchange(code, { redirect_uri: undefined })).status).toBe(200);
  });

  it('keeps the query of the redirect_uri and omits a state that was not sent', async () => {
    const redirect_uri = 'http://localhost:4000/cb?tenant=a%20b&x=&flag';
    const { clientID } = polar.register({ redirectURIs: [redirect_uri, 'http://localhost:4000/end?'] });
    const reply = await polar.authorize({ client_id: clientID, redirect_uri, state: undefined });
    expect(reply.headers.get('location')).toMatch(/cb\?tenant=a\+b&x=&flag=&code=polar_ac_\w{43}$/);
    const other = await polar.authorize({ client_id: clientID, redirect_uri: 'http://localhost:4000/end?' });
    expect(other.headers.get('location')).toMatch(/end\?code=polar_ac_\w{43}&state=st-1$/);
  });

  it('drops an empty fragment and trims the response_type', async () => {
    const redirect_uri = 'https://a.co/cb#';
    const { clientID } = polar.register({ redirectURIs: [redirect_uri] });
    const reply = await polar.authorize({ client_id: clientID, redirect_uri, response_type: ' code ' });
    expect(reply.headers.get('location')).toMatch(/cb\?code=polar_ac_\w{43}&state=st-1$/);
  });

  it('uses the first of several values', async () => {
    await polar.login();
    const doubled = [
      ['prompt', 'consent', 'none login', 'code'],
      ['prompt', 'none login', 'consent', 'error'],
      ['sub_type', 'user', 'team', 'code'],
      ['nonce', 'n-1', 'n-2', 'code'],
      ['nonce', 'n-1', 'n-3', 'error'],
      ['nonce', 'n-2', 'n-1', 'code'],
    ] as const;
    for (const [name, first, second, outcome] of doubled) {
      const path = polar.authorizePath({ [name]: first });
      const reply = await polar.send(`${path}&${new URLSearchParams({ [name]: second })}`);
      expect([name, first, Object.keys(sent(reply))]).toEqual([
        name,
        first,
        expect.arrayContaining([outcome]),
      ]);
    }
  });

  it('encodes the state as Polar does', async () => {
    const state = "a b+c/ü'()*!~";
    const reply = await polar.authorize({ state });
    expect(reply.location.get('state')).toBe(state);
    expect(reply.headers.get('location')).toMatch(/state=a\+b%2Bc%2F%C3%BC%27%28%29%2A%21~$/);
  });

  it('grants all scopes of the client when none is requested', async () => {
    expect(await polar.login({ scope: undefined })).toMatchObject({
      scope: 'openid email organizations:read',
    });
  });

  it('silently drops a scope for which the client is not registered', async () => {
    expect((await polar.login({ scope: 'openid orders:read' })).scope).toBe('openid');
  });

  it('silently drops the scopes of Polar’s own web app', async () => {
    const scope = 'openid organization_access_tokens:read organization_access_tokens:write';
    expect((await polar.login({ scope })).scope).toBe('openid');
  });

  it.each(['openid web:read', 'web:write', 'admin'])(
    'is impossible with the unknown scope %s',
    async (scope) => {
      expect((await polar.authorize({ scope })).location.get('error')).toBe('invalid_scope');
    },
  );

  it('brings no id_token without openid', async () => {
    const { json } = await polar.exchange(await polar.code({ scope: 'email' }));
    expect(Object.keys(json)).toEqual(['token_type', 'access_token', 'expires_in', 'refresh_token', 'scope']);
  });
});

describe('an authorization for organizations', () => {
  it('limits the token to the requested ones', async () => {
    const { accessToken } = await polar.login({ organizations: ENGINES.replaceAll('-', '').toUpperCase() });
    expect((await polar.introspect(accessToken))['organizations']).toEqual([ENGINES]);
  });

  it.each([
    ['no-uuid', "Invalid 'organizations' UUID"],
    [ACME.replace('0', '9'), `Organization ${ACME.replace('0', '9')} is not accessible`],
  ])('refuses %s without returning the state', async (organizations, description) => {
    const { status, json } = await polar.authorize({ organizations });
    expect(status).toBe(400);
    expect(json).toEqual({ error: 'invalid_request', error_description: description });
  });

  it('uses the first of several with sub_type=organization', async () => {
    const path = `${polar.authorizePath({ sub_type: 'organization' })}&organizations=${ENGINES}&organizations=${ACME}`;
    const code = (await polar.send(path)).location.get('code') ?? '';
    const { json } = await polar.exchange(code);
    expect((await polar.introspect(String(json['access_token'])))['organizations']).toEqual([ACME]);
  });

  it('uses the client’s default sub_type unless the request overrides it', async () => {
    polar.client = polar.register({ defaultSubType: 'organization' });
    const { accessToken } = await polar.login();
    expect((await polar.introspect(accessToken))['organizations']).toEqual([ACME]);
    const again = await polar.authorize();
    expect([again.status, again.json['error_description']]).toEqual([
      400,
      'sub_type=organization requires selecting an organization',
    ]);
    const asked = await polar.login({ sub_type: 'user' });
    expect((await polar.introspect(asked.accessToken))['organizations']).toEqual([]);
    polar.emulator.updateClient(polar.client.clientID, { defaultSubType: 'user' });
    const changed = await polar.login();
    expect((await polar.introspect(changed.accessToken))['organizations']).toEqual([]);
  });

  it('is not limited to an earlier choice on a silent login', async () => {
    await polar.login({ organizations: ENGINES });
    const { accessToken } = await polar.login();
    expect((await polar.introspect(accessToken))['organizations']).toEqual([]);
  });

  it('fails with sub_type=organization for a user without organizations', async () => {
    polar.emulator.user = 'katherine@example.com';
    const { status, json } = await polar.authorize({ sub_type: 'organization', prompt: 'consent' });
    expect(status).toBe(400);
    expect(json['error_description']).toBe('sub_type=organization requires selecting an organization');
  });
});

it('the consent mode deny also denies a login that needs no consent page', async () => {
  await polar.login();
  polar.emulator.consent = 'deny';
  expect(sent(await polar.authorize())).toEqual({
    error: 'access_denied',
    error_description: 'The resource owner or authorization server denied the request',
    state: 'st-1',
  });
});

it('prompt=login has no effect without openid', async () => {
  expect((await polar.authorize({ prompt: 'login', scope: 'email' })).status).toBe(302);
  expect((await polar.authorize({ prompt: 'login' })).status).toBe(401);
});
