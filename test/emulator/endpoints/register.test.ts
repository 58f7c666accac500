import { describe, expect, it } from '@jest/globals';
import { normalizeRedirectURI } from '../../../src/emulator/clients/redirect-uri';
import { bearer, CALLBACK, LocalPolar } from '../support/local-polar';

const polar = new LocalPolar();
const JSON_TYPE = { 'content-type': 'application/json' };
const METADATA = { client_name: 'My app', redirect_uris: [CALLBACK] };

const register = (body: unknown, headers: Record<string, string> = JSON_TYPE) =>
  polar.send('/v1/oauth2/register', { method: 'POST', body: JSON.stringify(body), headers });

const invalidClaim = (field: string) => ({
  error: 'invalid_client_metadata',
  error_description: `Invalid claim: '${field}'`,
});

/** The type, location and message of each validation error. */
const complaints = (json: Readonly<Record<string, unknown>>) =>
  (json['detail'] as { type: string; loc: unknown[]; msg: string }[]).map(({ type, loc, msg }) => [
    type,
    loc.join('.'),
    msg,
  ]);

describe('a redirect URI in a registration', () => {
  it.each([
    ['https://a.co', 'https://a.co/'],
    ['HTTPS://A.co:443/Callback?x=1', 'https://a.co/Callback?x=1'],
    ['http://localhost:3000/cb', 'http://localhost:3000/cb'],
    ['http://app.localhost/cb', 'http://app.localhost/cb'],
    ['http://127.0.0.1:9/cb', 'http://127.0.0.1:9/cb'],
    ['http://192.168.1.20/cb', 'http://192.168.1.20/cb'],
    ['http://10.1.2.3/cb', 'http://10.1.2.3/cb'],
    ['http://172.31.0.1/cb', 'http://172.31.0.1/cb'],
    ['http://192.0.0.171/cb', 'http://192.0.0.171/cb'],
    ['https://a.co/a/../b c', 'https://a.co/b%20c'],
    ['myapp://callback', 'myapp://callback'],
  ])('given as %s is stored as %s and accepted only in that form', async (uri, stored) => {
    const { status, json } = await register({ ...METADATA, redirect_uris: [uri] });
    expect([status, json['redirect_uris']]).toEqual([201, [stored]]);
    const login = (redirect_uri: string) =>
      polar.authorize({ client_id: String(json['client_id']), redirect_uri });
    expect((await login(stored)).status).toBe(302);
    expect((await login(uri)).status).toBe(uri === stored ? 302 : 400);
  });

  it('is stored in ASCII', async () => {
    const { json } = await register({ ...METADATA, redirect_uris: ['https://bücher.de/ü'] });
    expect(json['redirect_uris']).toEqual(['https://xn--bcher-kva.de/%C3%BC']);
  });

  it('is normalized correctly 50,000 times in a row', () => {
    const results = Array.from({ length: 50_000 }, () => normalizeRedirectURI('https://bücher.de/ü'));
    expect(results.filter((url) => typeof url === 'string')).toEqual([]);
  });

  it.each([
    'http://example.com/cb',
    'http://172.32.0.1/cb',
    'http://8.8.8.8/cb',
    'http://192.0.0.9/cb',
    'http://[::1]/cb',
    'http://localhost.example.com/cb',
  ])('without https is refused: %s', async (uri) => {
    const { status, json } = await register({ ...METADATA, redirect_uris: ['https://a.co/', uri] });
    expect(status).toBe(422);
    expect(complaints(json)).toEqual([
      ['value_error', 'body.redirect_uris.1', 'Value error, An HTTPS URL is required.'],
    ]);
  });

  it('is refused when it is not a URL', async () => {
    const { json } = await register({ ...METADATA, redirect_uris: ['/callback', 7] });
    expect(complaints(json)).toEqual([
      ['url_parsing', 'body.redirect_uris.0', 'Input should be a valid URL, relative URL without a base'],
      ['url_type', 'body.redirect_uris.1', 'URL input should be a string or URL'],
    ]);
  });

  it.each([
    ['', 'input is empty'],
    [' ', 'relative URL without a base'],
    ['https://', 'empty host'],
    ['http://user@/cb', 'empty host'],
    ['https://[::1', 'invalid IPv6 address'],
    ['https://256.1.1.1/', 'invalid IPv4 address'],
    ['https://a b.co/', 'invalid international domain name'],
    ['myapp://a b/', 'invalid domain character'],
    ['myapp://ada@/', 'empty host'],
    ['myapp://:80/', 'empty host'],
    ['https://a.co:99999/', 'invalid port number'],
    ['myapp://a:b/', 'invalid port number'],
  ])('of "%s" is refused with the reason "%s"', async (uri, error) => {
    const { status, json } = await register({ ...METADATA, redirect_uris: [uri] });
    const loc = ['body', 'redirect_uris', 0];
    const msg = `Input should be a valid URL, ${error}`;
    expect(status).toBe(422);
    expect(json['detail']).toEqual([{ type: 'url_parsing', loc, msg, input: uri, ctx: { error } }]);
  });

  it.each(['https://ada@a.co/', 'https://ada:secret@a.co/cb', 'http://ada@localhost:4000/'])(
    'may contain a user name: %s',
    async (uri) => {
      const { status, json } = await register({ ...METADATA, redirect_uris: [uri] });
      expect([status, json['redirect_uris']]).toEqual([201, [uri]]);
    },
  );

  it.each(['https://a.co/#x', 'com.example.app:/cb'])('is refused by the OAuth library: %s', async (uri) => {
    const { status, json } = await register({ ...METADATA, redirect_uris: [uri] });
    expect([status, json]).toEqual([400, invalidClaim('redirect_uris')]);
  });
});

describe('the other metadata of a registration', () => {
  it('has defaults and keeps all known fields', async () => {
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

  it('is validated field by field', async () => {
    const { status, json } = await register({
      redirect_uris: 'https://a.co/',
      client_name: 5,
      scope: null,
      default_sub_type: 'team',
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
      ['string_type', 'body.scope', 'Input should be a valid string'],
      ['string_type', 'body.client_name', 'Input should be a valid string'],
      ['url_scheme', 'body.logo_uri', "URL scheme should be 'http' or 'https'"],
      ['url_type', 'body.tos_uri', 'URL input should be a string or URL'],
      ['url_parsing', 'body.policy_uri', 'Input should be a valid URL, relative URL without a base'],
      ['enum', 'body.default_sub_type', "Input should be 'user' or 'organization'"],
    ]);
  });

  it('may contain URLs of at most 2083 characters', async () => {
    const logo_uri = `https://a.co/${'x'.repeat(2071)}`;
    const { status, json } = await register({ ...METADATA, logo_uri });
    expect(status).toBe(422);
    expect(complaints(json)).toEqual([
      ['url_too_long', 'body.logo_uri', 'URL should have at most 2083 characters'],
    ]);
    expect((await register({ ...METADATA, logo_uri: logo_uri.slice(0, -1) })).status).toBe(201);
  });

  it.each([
    ['client_uri', 'not an address'],
    ['logo_uri', 'https://a.co/logo.png#x'],
    ['client_uri', 'https://ada:secret@/'],
    ['policy_uri', 'https://a.co/#x'],
  ])('is refused when %s is %s', async (field, value) => {
    const { status, json } = await register({ ...METADATA, [field]: value });
    expect([status, json]).toEqual([400, invalidClaim(field)]);
  });

  it('is checked by the OAuth library beginning with the scope', async () => {
    const wrong = { redirect_uris: ['https://a.co/#x'], client_uri: 'x' };
    const { json } = await register({ ...METADATA, ...wrong, scope: 'nope' });
    expect(json).toEqual(invalidClaim('scope'));
    expect((await register({ ...METADATA, ...wrong })).json).toEqual(invalidClaim('redirect_uris'));
  });

  it('may have empty fields', async () => {
    const { status, json } = await register({ ...METADATA, redirect_uris: [], scope: '', client_uri: '' });
    expect(status).toBe(201);
    expect(json).toMatchObject({ redirect_uris: [], scope: '', client_uri: '' });
    expect(Object.keys(json)).not.toContain('default_sub_type');
  });

  it('must include a client name and redirect URIs', async () => {
    const { json } = await register({});
    expect(complaints(json)).toEqual([
      ['missing', 'body.redirect_uris', 'Field required'],
      ['missing', 'body.client_name', 'Field required'],
    ]);
  });

  it('cannot include a scope that Polar does not have', async () => {
    const { status, json } = await register({ ...METADATA, scope: 'openid nope' });
    expect([status, json['error_description']]).toEqual([400, "Invalid claim: 'scope'"]);
  });

  it.each([
    ['an array', '[]', JSON_TYPE, 'model_attributes_type'],
    ['a number', '5', JSON_TYPE, 'model_attributes_type'],
    ['null', 'null', JSON_TYPE, 'missing'],
    ['broken JSON', '{"client_name":', JSON_TYPE, 'json_invalid'],
    ['declared as text', JSON.stringify(METADATA), { 'content-type': 'text/plain' }, 'model_attributes_type'],
    ['empty', '', JSON_TYPE, 'missing'],
  ])('is refused when it is %s', async (_, body, headers, type) => {
    const { status, json } = await polar.send('/v1/oauth2/register', { method: 'POST', body, headers });
    expect(status).toBe(422);
    expect(complaints(json)).toEqual([[type, expect.stringMatching(/^body/), expect.any(String)]]);
  });

  it('may have any JSON content type', async () => {
    const body = JSON.stringify(METADATA);
    const headers = { 'content-type': 'application/vnd.example+json; charset=utf-8' };
    expect((await polar.send('/v1/oauth2/register', { method: 'POST', body, headers })).status).toBe(201);
  });

  it.each([
    ['{"client_name":', 15, 'Expecting value'],
    [' nonsense', 1, 'Expecting value'],
    ['[1e', 2, "Expecting ',' delimiter"],
    ['{"a" 1}', 5, "Expecting ':' delimiter"],
    ['{"a": [true, -1.5e3] "b"}', 21, "Expecting ',' delimiter"],
    ['{"é😀": {}, }', 9, 'Illegal trailing comma before end of object'],
    ['[null, ]', 5, 'Illegal trailing comma before end of array'],
    ["{'a': 1}", 1, 'Expecting property name enclosed in double quotes'],
    ['"abc', 0, 'Unterminated string starting at'],
    ['"\\', 0, 'Unterminated string starting at'],
    ['"a\nb"', 2, 'Invalid control character at'],
    ['"\\u00e9\\x"', 7, 'Invalid \\escape'],
    ['"\\u12"', 2, 'Invalid \\uXXXX escape'],
    ['{"a": []} x', 10, 'Extra data'],
  ])('is refused with the position of the syntax error in %j', async (body, position, error) => {
    const init = { method: 'POST', body, headers: JSON_TYPE };
    const { status, json } = await polar.send('/v1/oauth2/register', init);
    const loc = ['body', position];
    expect(status).toBe(422);
    expect(json['detail']).toEqual([
      { type: 'json_invalid', loc, msg: 'JSON decode error', input: {}, ctx: { error } },
    ]);
  });
});

it('registering a client with an app’s access token is not permitted', async () => {
  const headers = { ...JSON_TYPE, ...bearer((await polar.login()).accessToken) };
  const { status, json } = await register({}, headers);
  expect([status, json]).toEqual([403, { error: 'NotPermitted', detail: 'Not permitted' }]);
  const broken = await polar.send('/v1/oauth2/register', { method: 'POST', body: '{', headers });
  expect(broken.status).toBe(422);
});

describe('the registration token', () => {
  it('reads the registration, which has no secret for a public client', async () => {
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

  it('is checked after the types of the changes and before their values', async () => {
    const { registrationClientURI, registrationAccessToken, clientID } = polar.client;
    const put = (body: unknown, token?: string) =>
      polar.send(registrationClientURI, {
        method: 'PUT',
        body: JSON.stringify(body),
        headers: { ...JSON_TYPE, ...(token === undefined ? {} : bearer(token)) },
      });
    expect(complaints((await put({})).json)).toEqual([
      ['missing', 'body.redirect_uris', 'Field required'],
      ['missing', 'body.client_name', 'Field required'],
      ['missing', 'body.client_id', 'Field required'],
    ]);
    const wrong = { ...METADATA, client_id: 'another', scope: 'nope' };
    expect((await put(wrong)).json['error']).toBe('access_denied');
    expect((await put(wrong, polar.register().registrationAccessToken)).status).toBe(401);
    expect((await put(wrong, registrationAccessToken)).json).toEqual({ error: 'invalid_request' });
    const { json } = await put({ ...wrong, client_id: clientID }, registrationAccessToken);
    expect(json).toEqual(invalidClaim('scope'));
  });

  it('cannot change the secret, the dates or the token itself', async () => {
    const { registrationClientURI, registrationAccessToken, clientID, clientSecret } = polar.client;
    const secrets = { client_secret: 'x', client_id_issued_at: 1, registration_access_token: 'x' };
    const { status, json } = await polar.send(registrationClientURI, {
      method: 'PUT',
      body: JSON.stringify({ ...METADATA, ...secrets, client_id: clientID }),
      headers: { ...JSON_TYPE, ...bearer(registrationAccessToken) },
    });
    expect(status).toBe(200);
    expect(json).toMatchObject({
      client_secret: clientSecret,
      registration_access_token: registrationAccessToken,
    });
  });

  it('deletes the client, whose tokens still work and can no longer be revoked', async () => {
    const { registrationClientURI, registrationAccessToken } = polar.client;
    const { accessToken, refreshToken } = await polar.login();
    const headers = bearer(registrationAccessToken);
    const { status, text } = await polar.send(registrationClientURI, { method: 'DELETE', headers });
    expect([status, text]).toEqual([204, '']);
    expect((await polar.refresh(refreshToken)).json['error']).toBe('invalid_client');
    const { clientID, clientSecret } = polar.client;
    const credentials = { client_id: clientID, client_secret: clientSecret };
    const revoked = await polar.post('/v1/oauth2/revoke', { ...credentials, token: accessToken });
    expect([revoked.status, revoked.json['error']]).toEqual([400, 'invalid_client']);
    expect((await polar.userinfo(accessToken)).status).toBe(200);
    expect((await polar.authorize()).json['error']).toBe('invalid_client');
    expect((await polar.get(registrationClientURI, registrationAccessToken)).status).toBe(401);
  });

  it('must be that of the client', async () => {
    const { registrationClientURI } = polar.client;
    const other = await polar.get(registrationClientURI, polar.register().registrationAccessToken);
    expect(other.status).toBe(401);
    expect(other.json).toEqual({
      error: 'invalid_client',
      error_description: 'The client does not exist on this server.',
    });
    const { accessToken } = await polar.login();
    const user = await polar.get(registrationClientURI, accessToken);
    expect([user.status, user.json['error']]).toEqual([403, 'NotPermitted']);
    const none = await polar.get(registrationClientURI);
    expect([none.status, none.json['error']]).toEqual([400, 'access_denied']);
  });
});
