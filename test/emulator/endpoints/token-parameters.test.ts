import { describe, expect, it } from '@jest/globals';
import { ACME, basic, CALLBACK, LocalPolar, type Reply } from '../support/local-polar';

const polar = new LocalPolar();

/** Sends a token request whose body is the given pairs, so that names can be repeated. */
const post = (pairs: readonly [string, string][], query = ''): Promise<Reply> => {
  const { clientID, clientSecret = '' } = polar.client;
  const body = new URLSearchParams([['client_id', clientID], ['client_secret', clientSecret], ...pairs]);
  return polar.send(`/v1/oauth2/token${query}`, { method: 'POST', body });
};

const error = async (reply: Promise<Reply>) => {
  const { status, json } = await reply;
  return [status, json['error']];
};

describe('the token endpoint, given repeated parameters,', () => {
  it('uses the first grant_type', async () => {
    const refresh: [string, string] = ['grant_type', 'refresh_token'];
    expect(await error(post([refresh, ['grant_type', 'x']]))).toEqual([400, 'invalid_request']);
    expect(await error(post([['grant_type', 'x'], refresh]))).toEqual([400, 'unsupported_grant_type']);
  });

  it('uses the last code and the first redirect_uri', async () => {
    const code = await polar.code();
    const { status } = await post([
      ['grant_type', 'authorization_code'],
      ['code', 'x'],
      ['code', code],
      ['redirect_uri', CALLBACK],
      ['redirect_uri', 'http://localhost:1/'],
    ]);
    expect(status).toBe(200);
  });

  it('uses the last refresh_token and the first scope', async () => {
    const { refreshToken } = await polar.login();
    const { json } = await post([
      ['grant_type', 'refresh_token'],
      ['refresh_token', 'x'],
      ['refresh_token', refreshToken],
      ['scope', 'email'],
      ['scope', 'openid'],
    ]);
    expect(json['scope']).toBe('email');
  });

  it('uses the last client_id and client_secret', async () => {
    const { clientID, clientSecret = '' } = polar.client;
    const wrong: [string, string][] = [
      ['grant_type', 'refresh_token'],
      ['client_id', 'nobody'],
      ['client_secret', 'x'],
    ];
    expect(await error(post(wrong))).toEqual([400, 'invalid_client']);
    expect(await error(post([...wrong, ['client_id', clientID], ['client_secret', clientSecret]]))).toEqual([
      400,
      'invalid_request',
    ]);
  });
});

describe('the token endpoint, given query parameters,', () => {
  it('prefers grant_type to that of the form', async () => {
    const reply = polar.send('/v1/oauth2/token?grant_type=refresh_token', { method: 'POST' });
    expect(await error(reply)).toEqual([401, 'invalid_client']);
    const both = post([['grant_type', 'refresh_token']], '?grant_type=x');
    expect(await error(both)).toEqual([400, 'unsupported_grant_type']);
    expect(polar.emulator.requests.map(({ grantType }) => grantType)).toEqual(['refresh_token', 'x']);
  });

  it('reads a public client’s id but no secret', async () => {
    const { clientID } = polar.register({ tokenEndpointAuthMethod: 'none' });
    const fields = { grant_type: 'refresh_token' };
    const send = (query: string) => error(polar.post(`/v1/oauth2/token?${query}`, fields));
    expect(await send(`client_id=${clientID}`)).toEqual([400, 'invalid_request']);
    const { clientSecret } = polar.client;
    expect(await send(`client_id=${polar.client.clientID}&client_secret=${clientSecret}`)).toEqual([
      401,
      'invalid_client',
    ]);
  });

  it('does not read code and refresh_token', async () => {
    const query = '?code=x&refresh_token=x';
    const code = await post([['grant_type', 'authorization_code']], query);
    expect(code.json['error_description']).toBe("Missing 'code' in request.");
    const refresh = await post([['grant_type', 'refresh_token']], query);
    expect(refresh.json['error_description']).toBe("Missing 'refresh_token' in request.");
  });
});

describe('a token without scopes', () => {
  const lacking = { scope: 'organizations:read' };

  it('is issued without the field scope', async () => {
    polar.client = polar.register({ scope: 'openid' });
    const { status, json } = await polar.exchange(await polar.code(lacking));
    expect(status).toBe(200);
    expect(Object.keys(json)).toEqual(['token_type', 'access_token', 'expires_in', 'refresh_token']);
    expect((await polar.introspect(String(json['access_token'])))['scope']).toBe('');
  });

  it('can be refreshed without a scope but not with a blank one', async () => {
    polar.client = polar.register({ scope: 'openid' });
    const { json } = await polar.exchange(await polar.code(lacking));
    const refreshToken = String(json['refresh_token']);
    expect(await error(polar.refresh(refreshToken, { scope: ' ' }))).toEqual([400, 'invalid_scope']);
    expect((await polar.refresh(refreshToken, { scope: '' })).status).toBe(200);
  });
});

describe('a Basic header at the token endpoint', () => {
  const send = (header: string) =>
    polar.post('/v1/oauth2/token', { grant_type: 'refresh_token' }, { authorization: header });

  it('may contain unknown characters but needs padding', async () => {
    polar.client = polar.register({ tokenEndpointAuthMethod: 'client_secret_basic', clientSecret: 'secret' });
    const { authorization = '' } = basic(polar.client.clientID, 'secret');
    expect(authorization).toMatch(/[^=]=$/);
    expect(await error(send(authorization.replace('=', '!=')))).toEqual([400, 'invalid_request']);
    expect(await error(send(authorization.replace('=', '')))).toEqual([401, 'invalid_client']);
  });

  it('crashes Polar when it is not UTF-8', async () => {
    const { status, headers, text } = await send(`Basic ${Buffer.from([0xff, 0x3a]).toString('base64')}`);
    expect([status, text]).toEqual([500, 'Internal Server Error']);
    expect(headers.get('content-type')).toBe('text/plain; charset=utf-8');
    expect([headers.has('cache-control'), headers.has('polar-version')]).toEqual([false, false]);
  });

  it('is percent-decoded where that is possible', async () => {
    const secret = '100% x';
    polar.client = polar.register({ tokenEndpointAuthMethod: 'client_secret_basic', clientSecret: secret });
    const { authorization = '' } = basic(polar.client.clientID, '100%%20%78');
    expect(await error(send(authorization))).toEqual([400, 'invalid_request']);
  });
});

describe('the web grant', () => {
  const exchange = (session_token: string, changes: Record<string, string> = {}) =>
    polar.token({ grant_type: 'web', session_token, ...changes });
  const session = () => {
    polar.client = polar.register({ grantTypes: ['web'] });
    return polar.emulator.createSession('ada@example.com');
  };

  it('accepts a session for 31 days', async () => {
    const token = session();
    polar.emulator.advanceTime(31 * 86_400 - 60);
    expect((await exchange(token)).status).toBe(200);
    polar.emulator.advanceTime(61);
    expect(await error(exchange(token))).toEqual([400, 'invalid_grant']);
  });

  it('parses the organization’s id like Python', async () => {
    const token = session();
    const forOrganization = (sub: string) => exchange(token, { sub_type: 'organization', sub });
    for (const sub of [`urn:uuid:${ACME}`, `{${ACME}}`, ACME.replaceAll('-', '')]) {
      expect((await forOrganization(sub)).status).toBe(200);
    }
    expect(await error(forOrganization(''))).toEqual([400, 'invalid_request']);
  });
});
