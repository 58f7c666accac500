import { describe, expect, it } from '@jest/globals';
import { bearer, CALLBACK, LocalPolar } from './support/local-polar';

const polar = new LocalPolar();
const JSON_TYPE = { 'content-type': 'application/json' };
const METADATA = { client_name: 'My app', redirect_uris: [CALLBACK] };

const register = (body: unknown, headers: Record<string, string> = JSON_TYPE) =>
  polar.send('/v1/oauth2/register', { method: 'POST', body: JSON.stringify(body), headers });

/** Type, place and message of each complaint. */
const complaints = (json: Readonly<Record<string, unknown>>) =>
  (json['detail'] as { type: string; loc: unknown[]; msg: string }[]).map(({ type, loc, msg }) => [
    type,
    loc.join('.'),
    msg,
  ]);

describe('redirect URIs', () => {
  it.each([
    ['https://a.co', 'https://a.co/'],
    ['HTTPS://A.co:443/Callback?x=1', 'https://a.co/Callback?x=1'],
    ['http://localhost:3000/cb', 'http://localhost:3000/cb'],
    ['http://app.localhost/cb', 'http://app.localhost/cb'],
    ['http://127.0.0.1:9/cb', 'http://127.0.0.1:9/cb'],
    ['http://192.168.1.20/cb', 'http://192.168.1.20/cb'],
    ['http://10.1.2.3/cb', 'http://10.1.2.3/cb'],
    ['http://172.31.0.1/cb', 'http://172.31.0.1/cb'],
    ['myapp://callback', 'myapp://callback'],
  ])('%s is stored as %s, and only that is accepted', async (uri, stored) => {
    const { status, json } = await register({ ...METADATA, redirect_uris: [uri] });
    expect([status, json['redirect_uris']]).toEqual([201, [stored]]);
    const login = (redirect_uri: string) =>
      polar.authorize({ client_id: String(json['client_id']), redirect_uri });
    expect((await login(stored)).status).toBe(302);
    expect((await login(uri)).status).toBe(uri === stored ? 302 : 400);
  });

  it.each([
    'http://example.com/cb',
    'http://172.32.0.1/cb',
    'http://8.8.8.8/cb',
    'http://[::1]/cb',
    'http://localhost.example.com/cb',
  ])('%s needs https', async (uri) => {
    const { status, json } = await register({ ...METADATA, redirect_uris: ['https://a.co/', uri] });
    expect(status).toBe(422);
    expect(complaints(json)).toEqual([
      ['value_error', 'body.redirect_uris.1', 'Value error, An HTTPS URL is required.'],
    ]);
  });

  it('that are no URLs', async () => {
    const { json } = await register({ ...METADATA, redirect_uris: ['/callback', 7] });
    expect(complaints(json)).toEqual([
      ['url_parsing', 'body.redirect_uris.0', 'Input should be a valid URL, relative URL without a base'],
      ['url_type', 'body.redirect_uris.1', 'URL input should be a string or URL'],
    ]);
  });

  it('with a fragment are for the OAuth library to refuse', async () => {
    const { status, json } = await register({ ...METADATA, redirect_uris: ['https://a.co/#x'] });
    expect([status, json]).toEqual([
      400,
      { error: 'invalid_client_metadata', error_description: "Invalid claim: 'redirect_uris'" },
    ]);
  });
});

describe('the other metadata', () => {
  it('has defaults, and keeps what else is known', async () => {
    const { json } = await register({
      ...METADATA,
      client_uri: 'https://a.co',
      logo_uri: 'https://a.co/logo.png',
      tos_uri: null,
      unknown: 1,
    });
    expect(Object.keys(json)).toEqual([
      'redirect_uris',
      'token_endpoint_auth_method',
      'grant_types',
      'response_types',
      'client_name',
      'client_uri',
      'logo_uri',
      'scope',
      'client_id',
      'client_secret',
      'client_id_issued_at',
      'client_secret_expires_at',
      'registration_client_uri',
      'registration_access_token',
    ]);
    expect(json['token_endpoint_auth_method']).toBe('client_secret_post');
    expect(String(json['scope']).split(' ')).toContain('license_keys:write');
    expect(String(json['scope']).split(' ')).toHaveLength(61);
  });

  it('is complained about field by field', async () => {
    const { status, json } = await register({
      redirect_uris: 'https://a.co/',
      client_name: 5,
      token_endpoint_auth_method: 'private_key_jwt',
      grant_types: ['web'],
      response_types: ['token'],
      logo_uri: 'ftp://a.co/logo',
      tos_uri: 1,
      policy_uri: 'nowhere',
    });
    expect(status).toBe(422);
    const methods = "'client_secret_basic', 'client_secret_post' or 'none'";
    expect(complaints(json)).toEqual([
      ['list_type', 'body.redirect_uris', 'Input should be a valid list'],
      ['literal_error', 'body.token_endpoint_auth_method', `Input should be ${methods}`],
      ['literal_error', 'body.grant_types.0', "Input should be 'authorization_code' or 'refresh_token'"],
      ['literal_error', 'body.response_types.0', "Input should be 'code'"],
      ['string_type', 'body.client_name', 'Input should be a valid string'],
      ['url_scheme', 'body.logo_uri', "URL scheme should be 'http' or 'https'"],
      ['url_type', 'body.tos_uri', 'URL input should be a string or URL'],
      ['url_parsing', 'body.policy_uri', 'Input should be a valid URL, relative URL without a base'],
    ]);
  });

  it('must name the client and its redirect URIs', async () => {
    const { json } = await register({});
    expect(complaints(json)).toEqual([
      ['missing', 'body.redirect_uris', 'Field required'],
      ['missing', 'body.client_name', 'Field required'],
    ]);
  });

  it('cannot ask for a scope Polar does not have', async () => {
    const { status, json } = await register({ ...METADATA, scope: 'openid nope' });
    expect([status, json['error_description']]).toEqual([400, "Invalid claim: 'scope'"]);
  });

  it.each([
    ['an array', '[]', JSON_TYPE, 'model_attributes_type'],
    ['null', 'null', JSON_TYPE, 'model_attributes_type'],
    ['no JSON', '{"client_name":', JSON_TYPE, 'json_invalid'],
    [
      'not said to be JSON',
      JSON.stringify(METADATA),
      { 'content-type': 'text/plain' },
      'model_attributes_type',
    ],
    ['nothing', '', JSON_TYPE, 'missing'],
  ])('cannot be %s', async (_, body, headers, type) => {
    const { status, json } = await polar.send('/v1/oauth2/register', { method: 'POST', body, headers });
    expect(status).toBe(422);
    expect(complaints(json)).toEqual([[type, expect.stringMatching(/^body/), expect.any(String)]]);
  });
});

describe('the registration token', () => {
  it('reads the registration; a public client has no secret to read', async () => {
    const { registrationClientURI, registrationAccessToken, clientSecret } = polar.client;
    const { status, headers, json } = await polar.get(registrationClientURI, registrationAccessToken);
    expect([status, headers.get('cache-control'), headers.get('pragma')]).toEqual([
      200,
      'no-store',
      'no-cache',
    ]);
    expect(json).toMatchObject({
      client_secret: clientSecret,
      client_secret_expires_at: 0,
      redirect_uris: [CALLBACK],
      registration_client_uri: registrationClientURI,
      registration_access_token: registrationAccessToken,
    });
    const open = polar.register({ tokenEndpointAuthMethod: 'none' });
    const read = await polar.get(open.registrationClientURI, open.registrationAccessToken);
    expect(Object.keys(read.json)).not.toEqual(expect.arrayContaining(['client_secret']));
  });

  it('changes the registration', async () => {
    const { registrationClientURI, registrationAccessToken, clientID } = polar.client;
    const put = (body: unknown) =>
      polar.send(registrationClientURI, {
        method: 'PUT',
        body: JSON.stringify(body),
        headers: { ...JSON_TYPE, ...bearer(registrationAccessToken) },
      });
    const changes = { client_name: 'Renamed', redirect_uris: ['https://a.co'], client_id: clientID };
    const { status, json } = await put(changes);
    expect(status).toBe(200);
    expect(json).toMatchObject({ client_name: 'Renamed', redirect_uris: ['https://a.co/'] });
    expect((await polar.authorize()).status).toBe(400);
    expect((await put({ ...changes, client_id: 'another' })).json).toEqual({ error: 'invalid_request' });
    expect(complaints((await put(METADATA)).json)).toEqual([['missing', 'body.client_id', 'Field required']]);
  });

  it('deletes the client, and its tokens with it', async () => {
    const { registrationClientURI, registrationAccessToken } = polar.client;
    const { accessToken } = await polar.login();
    const headers = bearer(registrationAccessToken);
    const { status, text } = await polar.send(registrationClientURI, { method: 'DELETE', headers });
    expect([status, text]).toEqual([204, '']);
    expect((await polar.userinfo(accessToken)).status).toBe(401);
    expect((await polar.authorize()).json['error']).toBe('invalid_client');
    expect((await polar.get(registrationClientURI, registrationAccessToken)).status).toBe(401);
  });

  it('of another client, or none, opens nothing', async () => {
    const { registrationClientURI } = polar.client;
    const other = await polar.get(registrationClientURI, polar.register().registrationAccessToken);
    expect(other.status).toBe(401);
    expect(other.json).toEqual({
      error: 'invalid_client',
      error_description: 'The client does not exist on this server.',
    });
    const none = await polar.get(registrationClientURI);
    expect([none.status, none.json['error']]).toEqual([400, 'access_denied']);
  });
});
