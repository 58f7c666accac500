/** Requests that crash Polar's server, which then responds in plain text without its usual headers. */
import { describe, expect, it } from '@jest/globals';
import { basic, CALLBACK, LocalPolar, type Reply } from '../support/local-polar';

const polar = new LocalPolar();

function expectCrash({ status, headers, text }: Reply): void {
  expect([status, text]).toEqual([500, 'Internal Server Error']);
  expect(headers.get('content-type')).toBe('text/plain; charset=utf-8');
  for (const name of ['cache-control', 'polar-version', 'www-authenticate', 'access-control-allow-origin']) {
    expect([name, headers.has(name)]).toEqual([name, false]);
  }
}

const origin = { origin: 'https://app.example' };

describe.each(['☃', 'é', '\u{1f600}', '\u0080'])('the text %s', (text) => {
  it.each([
    ['code', { grant_type: 'authorization_code', redirect_uri: CALLBACK }],
    ['refresh_token', { grant_type: 'refresh_token' }],
    ['client_secret', { grant_type: 'refresh_token', refresh_token: 'x' }],
  ])('crashes Polar’s server as %s', async (name, fields) => {
    const { clientID, clientSecret } = polar.client;
    const credentials = { client_id: clientID, client_secret: clientSecret };
    expectCrash(await polar.post('/v1/oauth2/token', { ...credentials, ...fields, [name]: text }, origin));
  });

  it('crashes Polar’s server as a session_token', async () => {
    polar.client = polar.register({ grantTypes: ['web'] });
    expectCrash(await polar.token({ grant_type: 'web', session_token: text }));
  });

  it.each(['revoke', 'introspect'])(
    'crashes Polar’s server as the token to %s, unless the hint is refused first',
    async (endpoint) => {
      const { clientID, clientSecret } = polar.client;
      const fields = { client_id: clientID, client_secret: clientSecret, token: text };
      expectCrash(await polar.post(`/v1/oauth2/${endpoint}`, fields));
      const refused = await polar.post(`/v1/oauth2/${endpoint}`, { ...fields, token_type_hint: 'x' });
      expect(refused.json).toEqual({ error: 'unsupported_token_type' });
      expect((await polar.post(`/v1/oauth2/${endpoint}`, { token: text })).json['error']).toBe(
        'invalid_client',
      );
    },
  );

  it('crashes Polar’s server as a secret in a Basic header', async () => {
    const headers = basic(polar.client.clientID, text);
    expectCrash(await polar.post('/v1/oauth2/token', { grant_type: 'refresh_token' }, headers));
  });

  it('is only an unknown client as a client id', async () => {
    const fields = { grant_type: 'refresh_token', client_id: text, client_secret: 'é' };
    const { status, json } = await polar.post('/v1/oauth2/token', fields);
    expect([status, json['error']]).toEqual([400, 'invalid_client']);
  });
});

describe('invalid UTF-8', () => {
  it.each(['code=%FF&grant_type=authorization_code', 'refresh_token=%C3%28&grant_type=refresh_token'])(
    'crashes Polar’s server percent-encoded in a form: %s',
    async (fields) => {
      const { clientID, clientSecret } = polar.client;
      const body = `client_id=${clientID}&client_secret=${clientSecret}&${fields}`;
      const headers = { 'content-type': 'application/x-www-form-urlencoded' };
      expectCrash(await polar.send('/v1/oauth2/token', { method: 'POST', body, headers }));
    },
  );

  it('crashes Polar’s server unencoded in a form, like any other non-ASCII text', async () => {
    const { clientID, clientSecret } = polar.client;
    const start = `client_id=${clientID}&client_secret=${clientSecret}&grant_type=refresh_token&refresh_token=`;
    for (const bytes of [Buffer.from('\xff', 'latin1'), Buffer.from('ü')]) {
      const body = Buffer.concat([Buffer.from(start), bytes]);
      const headers = { 'content-type': 'application/x-www-form-urlencoded' };
      expectCrash(await polar.send('/v1/oauth2/token', { method: 'POST', body, headers }));
    }
  });

  it('crashes Polar’s server in a Basic header, encoded or not', async () => {
    const encoded = Buffer.from('a:\xe9', 'latin1').toString('base64');
    for (const authorization of [`Basic ${encoded}`, 'Basic é']) {
      const fields = { grant_type: 'refresh_token' };
      expectCrash(await polar.post('/v1/oauth2/token', fields, { authorization }));
    }
  });

  it('crashes Polar’s server in a text body and is a parse error in a JSON body', async () => {
    const send = (type: string) =>
      polar.send('/v1/oauth2/register', {
        method: 'POST',
        body: Buffer.from('{"client_name":"\xff"}', 'latin1'),
        headers: { 'content-type': type },
      });
    expectCrash(await send('text/plain'));
    const { status, json } = await send('application/json');
    expect([status, json]).toEqual([400, { detail: 'There was an error parsing the body' }]);
  });

  it('crashes Polar’s server as a response type', async () => {
    expectCrash(await polar.authorize({ response_type: 'é' }));
  });
});

describe('a Bearer token in Latin-1', () => {
  const headers = { authorization: 'Bearer é', ...origin };

  it('crashes Polar’s server at userinfo', async () => {
    expectCrash(await polar.send('/v1/oauth2/userinfo', { headers }));
  });

  it('crashes Polar’s server at a registered client, but not at an unknown one', async () => {
    expectCrash(await polar.send(polar.client.registrationClientURI, { headers }));
    const { status } = await polar.send('/v1/oauth2/register/nobody', { headers });
    expect(status).toBe(401);
  });
});

describe('a NUL', () => {
  it.each([
    '/oauth2/authorize?response_type=code&client_id=%00',
    '/oauth2/authorize?response_type=token&client_id=a%00',
    '/v1/oauth2/register/%00',
  ])('crashes Polar’s server where it looks something up: %s', async (path) => {
    const { registrationAccessToken } = polar.client;
    expectCrash(await polar.send(path, { headers: { authorization: `Bearer ${registrationAccessToken}` } }));
  });

  it('crashes Polar’s server in a client id, a nonce and a slug', async () => {
    expectCrash(await polar.token({ grant_type: 'refresh_token', client_id: '\0' }));
    expectCrash(await polar.authorize({ nonce: 'a\0' }));
    const { accessToken } = await polar.login({ scope: 'openid organizations:read' });
    expectCrash(await polar.get('/v1/organizations/?slug=%00', accessToken));
  });

  it('is an ordinary character in a token, a code and a state', async () => {
    expect((await polar.refresh('\0')).json['error']).toBe('invalid_grant');
    expect((await polar.exchange('\0')).json['error']).toBe('invalid_grant');
    expect((await polar.authorize({ state: '\0' })).location.get('state')).toBe('\0');
  });

  it.each(['client_name', 'scope', 'client_uri'])('is reported in a client’s %s', async (field) => {
    const metadata = { client_name: 'x', redirect_uris: [CALLBACK], [field]: 'a\0b' };
    const { status, json } = await register(metadata);
    const msg = 'Value error, This value contains invalid characters';
    expect([status, json]).toEqual([
      422,
      {
        error: 'RequestValidationError',
        detail: [{ type: 'value_error', loc: ['body', field], msg, input: 'a\0b', ctx: { error: {} } }],
      },
    ]);
  });
});

describe('a nonce', () => {
  it('crashes Polar’s server when several codes have it, which are not compared without openid', async () => {
    for (const scope of ['email', 'email', undefined]) await polar.code({ nonce: 'constant', scope });
    expectCrash(await polar.authorize({ nonce: 'constant' }));
    const accepted = await polar.authorize({ nonce: 'constant', scope: 'email' });
    expect(accepted.location.has('code')).toBe(true);
  });
});

describe('a registration', () => {
  it.each([
    ['a lone surrogate', { client_name: '\ud800' }],
    ['an unclosed bracket', { client_uri: 'https://[' }],
  ])('crashes Polar’s server with %s', async (_, changes) => {
    expectCrash(await register({ client_name: 'x', redirect_uris: [CALLBACK], ...changes }));
  });

  it('crashes Polar’s server when its fields are nested too deeply to be repeated', async () => {
    for (const depth of [1000, 5000]) {
      expectCrash(await register(`{"client_name":${'['.repeat(depth)}${']'.repeat(depth)}}`));
    }
    const { status } = await register(`{"client_name":${'['.repeat(100)}${']'.repeat(100)}}`);
    expect(status).toBe(422);
  });

  it.each(['['.repeat(100_000), `${'['.repeat(100_000)}${']'.repeat(100_000)}`, '{"a":'.repeat(100_000)])(
    'causes a parse error when it is nested too deeply to be read',
    async (body) => {
      const { status, json } = await register(body);
      expect([status, json]).toEqual([400, { detail: 'There was an error parsing the body' }]);
    },
  );

  it('crashes Polar’s server with NaN, which only Python accepts in JSON', async () => {
    expectCrash(await register('{"client_name":NaN}'));
    expect((await register('{"a":[-Infinity,]}')).json['detail']).toMatchObject([
      {
        type: 'json_invalid',
        loc: ['body', 15],
        ctx: { error: 'Illegal trailing comma before end of array' },
      },
    ]);
  });
});

function register(body: object | string): Promise<Reply> {
  return polar.send('/v1/oauth2/register', {
    method: 'POST',
    body: typeof body === 'string' ? body : JSON.stringify(body),
    headers: { 'content-type': 'application/json' },
  });
}
