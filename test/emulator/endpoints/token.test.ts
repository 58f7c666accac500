import { describe, expect, it } from '@jest/globals';
import { ACME, basic, CALLBACK, CHALLENGE, LocalPolar, VERIFIER } from '../support/local-polar';

const polar = new LocalPolar();
const S256 = { code_challenge: CHALLENGE, code_challenge_method: 'S256' };

describe('a token request', () => {
  it('is read only from a form body', async () => {
    const { clientID, clientSecret } = polar.client;
    const { status, json } = await polar.send('/v1/oauth2/token', {
      method: 'POST',
      body: JSON.stringify({ grant_type: 'refresh_token', client_id: clientID, client_secret: clientSecret }),
      headers: { 'content-type': 'application/json' },
    });
    expect([status, json]).toEqual([400, { error: 'unsupported_grant_type' }]);
  });

  it('needs a grant_type', async () => {
    const { status, json } = await polar.token({});
    expect([status, json]).toEqual([400, { error: 'unsupported_grant_type' }]);
  });

  it('needs a grant type for which the client is registered', async () => {
    polar.client = polar.register({ grantTypes: ['authorization_code'] });
    const { status, json } = await polar.exchange(await polar.code());
    expect([status, 'refresh_token' in json]).toEqual([200, false]);
    expect((await polar.refresh('anything')).json).toEqual({
      error: 'unauthorized_client',
      error_description: "The client is not authorized to use 'grant_type=refresh_token'",
    });
  });
});

describe('a token request of a client', () => {
  const unknown = 'The client does not exist on this server.';

  it('that is unknown gets 400 with a posted secret or none', async () => {
    for (const client_secret of ['secret', undefined]) {
      const { status, headers, json } = await polar.exchange('x', { client_id: 'nobody', client_secret });
      expect(status).toBe(400);
      expect(headers.has('www-authenticate')).toBe(false);
      expect(json).toEqual({ error: 'invalid_client', error_description: unknown });
    }
  });

  it('that is unknown gets 401 with Basic', async () => {
    const fields = { grant_type: 'authorization_code', code: 'x' };
    const { status, headers } = await polar.post('/v1/oauth2/token', fields, basic('nobody', 'secret'));
    expect(status).toBe(401);
    expect(headers.get('www-authenticate')).toBe(
      `Basic error="invalid_client", error_description="${unknown}"`,
    );
  });

  it('that uses Basic needs both id and secret, form-encoded or not', async () => {
    polar.client = polar.register({
      tokenEndpointAuthMethod: 'client_secret_basic',
      clientSecret: '100% a:b+c',
    });
    const { clientID } = polar.client;
    const send = (secret: string, id = clientID) =>
      polar.post('/v1/oauth2/token', { grant_type: 'refresh_token', refresh_token: 'x' }, basic(id, secret));
    expect((await send('100%25%20a%3Ab%2Bc')).json['error']).toBe('invalid_grant');
    expect((await send('100% a:b+c')).json['error']).toBe('invalid_grant');
    expect((await send('')).json['error']).toBe('invalid_client');
    expect((await send('secret', '')).json['error']).toBe('invalid_client');
    const header = { authorization: `Basic ${Buffer.from('no-colon').toString('base64')}` };
    expect((await polar.post('/v1/oauth2/token', { grant_type: 'web' }, header)).json['error']).toBe(
      'invalid_client',
    );
  });

  it('that is registered for post is refused with Basic', async () => {
    const { clientID, clientSecret = '' } = polar.client;
    const fields = { grant_type: 'refresh_token', refresh_token: 'x' };
    expect((await polar.post('/v1/oauth2/token', fields, basic(clientID, clientSecret))).status).toBe(401);
  });

  it('that is public gets 401 with a secret', async () => {
    const { clientID, clientSecret } = polar.register({ tokenEndpointAuthMethod: 'none' });
    expect(clientSecret).toBeUndefined();
    const { status } = await polar.exchange('x', { client_id: clientID, client_secret: 'made-up' });
    expect(status).toBe(401);
  });
});

describe('PKCE', () => {
  const PLAIN = { code_challenge: VERIFIER, code_challenge_method: 'plain' };
  it.each([
    ['S256', S256],
    ['plain', PLAIN],
    ['(none), which means plain', { code_challenge: VERIFIER }],
  ])('accepts the right verifier with the method %s', async (_, challenge) => {
    const { status } = await polar.exchange(await polar.code(challenge), { code_verifier: VERIFIER });
    expect(status).toBe(200);
  });

  const errors: ReadonlyArray<readonly [string, Record<string, string>, string | undefined, string, string]> =
    [
      ['wrong', PLAIN, CHALLENGE, 'invalid_grant', 'Code challenge failed.'],
      ['missing', S256, undefined, 'invalid_request', "Missing 'code_verifier'"],
      ['too short', S256, 'short', 'invalid_request', "Invalid 'code_verifier'"],
      ['followed by a line break', S256, `${VERIFIER}\n`, 'invalid_grant', 'Code challenge failed.'],
      [
        'unexpected',
        {},
        VERIFIER,
        'invalid_request',
        "The authorization request had no 'code_challenge', but a 'code_verifier' was provided.",
      ],
    ];
  it.each(errors)(
    'refuses a verifier that is %s',
    async (_, challenge, code_verifier, error, error_description) => {
      const { status, json } = await polar.exchange(await polar.code(challenge), { code_verifier });
      expect([status, json]).toEqual([400, { error, error_description }]);
    },
  );

  it('crashes Polar when the method is empty, without using up the code', async () => {
    const code = await polar.code({ code_challenge: VERIFIER, code_challenge_method: '' });
    expect((await polar.exchange(code)).json['error_description']).toBe("Missing 'code_verifier'");
    for (const code_verifier of [VERIFIER, CHALLENGE]) {
      const { status, headers, text } = await polar.exchange(code, { code_verifier });
      expect([status, headers.get('content-type'), text]).toEqual([
        500,
        'text/plain; charset=utf-8',
        'Internal Server Error',
      ]);
    }
    expect(polar.emulator.liveTokens()).toEqual([]);
    const without = await polar.code({ code_challenge: '', code_challenge_method: '' });
    expect((await polar.exchange(without)).status).toBe(200);
  });

  it('is required for public clients', async () => {
    const { clientID } = polar.register({ tokenEndpointAuthMethod: 'none' });
    const publicly = { client_id: clientID, client_secret: undefined };
    const code = await polar.code({ client_id: clientID });
    expect((await polar.exchange(code, publicly)).json['error_description']).toBe("Missing 'code_verifier'");
    const withPKCE = await polar.code({ client_id: clientID, ...S256 });
    expect((await polar.exchange(withPKCE, { ...publicly, code_verifier: VERIFIER })).status).toBe(200);
  });
});

describe('an authorization code', () => {
  it('is not used up by failed attempts', async () => {
    const code = await polar.code(S256);
    await polar.exchange(code, { redirect_uri: `${CALLBACK}x`, code_verifier: VERIFIER });
    await polar.exchange(code, { code_verifier: CHALLENGE });
    await polar.exchange(code, { client_secret: 'wrong', code_verifier: VERIFIER });
    expect((await polar.exchange(code, { code_verifier: VERIFIER })).status).toBe(200);
  });

  it('is valid for 300 seconds', async () => {
    const [early, late] = [await polar.code(), await polar.code()];
    polar.emulator.advanceTime(298);
    expect((await polar.exchange(early)).status).toBe(200);
    polar.emulator.advanceTime(4);
    expect((await polar.exchange(late)).json['error']).toBe('invalid_grant');
  });

  it('is refused the second time, which revokes nothing', async () => {
    const code = await polar.code();
    const { json } = await polar.exchange(code);
    expect((await polar.exchange(code)).json['error']).toBe('invalid_grant');
    expect((await polar.userinfo(String(json['access_token']))).status).toBe(200);
  });

  it('is exchanged once when it is sent 50 times at once', async () => {
    const code = await polar.code();
    const replies = await Promise.all(Array.from({ length: 50 }, () => polar.exchange(code)));
    expect(replies.filter(({ status }) => status === 200)).toHaveLength(1);
    expect(replies.filter(({ json }) => json['error'] === 'invalid_grant')).toHaveLength(49);
    expect(polar.emulator.liveTokens()).toHaveLength(1);
  });
});

describe('a refresh token', () => {
  it('invalidates the old pair of tokens at once, and no others', async () => {
    const [old, other] = [await polar.login(), await polar.login()];
    const { json } = await polar.refresh(old.refreshToken);
    expect((await polar.userinfo(old.accessToken)).status).toBe(401);
    const replay = await polar.refresh(old.refreshToken);
    expect([replay.status, replay.json]).toEqual([400, { error: 'invalid_grant' }]);
    expect((await polar.userinfo(String(json['access_token']))).status).toBe(200);
    expect((await polar.refresh(String(json['refresh_token']))).status).toBe(200);
    expect((await polar.userinfo(other.accessToken)).status).toBe(200);
  });

  it('is exchanged once when it is sent 200 times at once', async () => {
    const { refreshToken } = await polar.login();
    const replies = await Promise.all(Array.from({ length: 200 }, () => polar.refresh(refreshToken)));
    const [winner, ...others] = replies.filter(({ status }) => status === 200);
    expect(others).toEqual([]);
    const losers = replies.filter((reply) => reply !== winner);
    expect(losers).toHaveLength(199);
    for (const { status, json } of losers) expect([status, json]).toEqual([400, { error: 'invalid_grant' }]);
    expect(polar.emulator.liveTokens()).toMatchObject([{ refreshToken: winner?.json['refresh_token'] }]);
  });

  it('works long after the access token has expired, and brings one that is valid for an hour', async () => {
    const { accessToken, refreshToken } = await polar.login();
    polar.emulator.advanceTime(864_000 - 2);
    expect((await polar.userinfo(accessToken)).status).toBe(200);
    polar.emulator.advanceTime(100 * 86_400);
    expect((await polar.userinfo(accessToken)).status).toBe(401);
    const { json } = await polar.refresh(refreshToken);
    expect(json['expires_in']).toBe(3600);
    expect('id_token' in json).toBe(false);
    polar.emulator.advanceTime(3600 - 2);
    expect((await polar.userinfo(String(json['access_token']))).status).toBe(200);
    polar.emulator.advanceTime(4);
    expect((await polar.userinfo(String(json['access_token']))).status).toBe(401);
  });

  it('can narrow the scope permanently but never widen it', async () => {
    const { refreshToken } = await polar.login({ scope: 'openid email' });
    const wider = await polar.refresh(refreshToken, { scope: 'openid organizations:read' });
    expect([wider.status, wider.json]).toEqual([
      400,
      {
        error: 'invalid_scope',
        error_description: 'The requested scope is invalid, unknown, or malformed.',
      },
    ]);
    const { json } = await polar.refresh(refreshToken, { scope: 'openid' });
    expect(json['scope']).toBe('openid');
    const back = await polar.refresh(String(json['refresh_token']), { scope: 'openid email' });
    expect(back.json['error']).toBe('invalid_scope');
    expect((await polar.refresh(String(json['refresh_token']))).json['scope']).toBe('openid');
  });

  it('keeps its limit to organizations', async () => {
    const { refreshToken } = await polar.login({ organizations: ACME });
    const { json } = await polar.refresh(refreshToken);
    expect((await polar.introspect(String(json['access_token'])))['organizations']).toEqual([ACME]);
  });

  it('of a legacy organization with several members still belongs to the organization', async () => {
    const { refreshToken = '' } = polar.emulator.issueTokens({
      clientID: polar.client.clientID,
      user: 'grace@example.com',
      subType: 'organization',
      organization: 'analytical-engines',
    });
    const { json } = await polar.refresh(refreshToken);
    expect(json['access_token']).toMatch(/^polar_at_o_/);
    expect(json['refresh_token']).toMatch(/^polar_rt_o_/);
    expect((await polar.introspect(String(json['access_token'])))['sub_type']).toBe('organization');
  });
});

describe('the web grant', () => {
  const send = (fields: Record<string, string>) => {
    polar.client = polar.register({ grantTypes: ['web'], firstParty: true });
    const session_token = polar.emulator.createSession('ada@example.com');
    return polar.token({ grant_type: 'web', session_token, ...fields });
  };

  it('limits an organization’s token to the organization', async () => {
    const { json } = await send({ sub_type: 'organization', sub: ACME });
    expect(await polar.introspect(String(json['access_token']))).toMatchObject({
      sub_type: 'user',
      organizations: [ACME],
    });
    expect('refresh_token' in json).toBe(false);
  });

  const errors: ReadonlyArray<readonly [Record<string, string>, Record<string, string>]> = [
    [{ sub_type: 'team' }, { error: 'invalid_request', error_description: 'Invalid sub_type' }],
    [{ sub: ACME }, { error: 'invalid_request', error_description: "Can't specify 'sub' for user sub_type" }],
    [
      { sub_type: 'organization', sub: 'acme' },
      { error: 'invalid_request', error_description: "Invalid 'sub' UUID" },
    ],
    [{ sub_type: 'organization', sub: ACME.replace('0', '9') }, { error: 'invalid_grant' }],
    [
      { scope: 'openid nope' },
      {
        error: 'invalid_scope',
        error_description: 'The requested scope is invalid, unknown, or malformed.',
      },
    ],
  ];
  it.each(errors)('refuses %p', async (fields, error) => {
    const { status, json } = await send(fields);
    expect([status, json]).toEqual([400, error]);
  });

  it('is only for confidential clients', async () => {
    const { clientID } = polar.register({ grantTypes: ['web'], tokenEndpointAuthMethod: 'none' });
    const { status, json } = await polar.post('/v1/oauth2/token', { grant_type: 'web', client_id: clientID });
    expect(status).toBe(401);
    expect(json['error_description']).toBe(
      "The client cannot authenticate with methods: ['client_secret_basic', 'client_secret_post']",
    );
  });
});
