import { describe, expect, it } from '@jest/globals';
import { basic, LocalPolar } from '../support/local-polar';

const polar = new LocalPolar();

const revoke = (fields: Record<string, string>, client = polar.client) =>
  polar.post('/v1/oauth2/revoke', {
    client_id: client.clientID,
    client_secret: client.clientSecret,
    ...fields,
  });

describe.each(['accessToken', 'refreshToken'] as const)('revoking the %s', (which) => {
  it('revokes both tokens of the pair and no others', async () => {
    const [tokens, other] = [await polar.login(), await polar.login()];
    const { status, json } = await revoke({ token: tokens[which] });
    expect([status, json]).toEqual([200, {}]);
    expect((await polar.userinfo(tokens.accessToken)).status).toBe(401);
    expect((await polar.refresh(tokens.refreshToken)).json).toEqual({ error: 'invalid_grant' });
    expect((await polar.userinfo(other.accessToken)).status).toBe(200);
    expect((await revoke({ token: tokens[which] })).status).toBe(200);
  });

  it('has no effect with the wrong token_type_hint', async () => {
    const tokens = await polar.login();
    const token_type_hint = which === 'accessToken' ? 'refresh_token' : 'access_token';
    const { status, json } = await revoke({ token: tokens[which], token_type_hint });
    expect([status, json]).toEqual([200, {}]);
    expect((await polar.userinfo(tokens.accessToken)).status).toBe(200);
  });

  it('works with the right token_type_hint', async () => {
    const tokens = await polar.login();
    const token_type_hint = which === 'accessToken' ? 'access_token' : 'refresh_token';
    await revoke({ token: tokens[which], token_type_hint });
    expect(polar.emulator.liveTokens()).toEqual([]);
  });
});

it('revoking another client’s token fails with invalid_grant and has no effect', async () => {
  const { accessToken } = await polar.login();
  const { status, json } = await revoke({ token: accessToken }, polar.register());
  expect([status, json]).toEqual([400, { error: 'invalid_grant' }]);
  expect((await polar.userinfo(accessToken)).status).toBe(200);
});

it('revoking with an unknown token_type_hint is refused', async () => {
  const { status, json } = await revoke({ token: 'x', token_type_hint: 'id_token' });
  expect([status, json]).toEqual([401, { error: 'unsupported_token_type' }]);
});

it.each(['client_secret_post', 'client_secret_basic'] as const)(
  'a client registered for %s can revoke and introspect with post or Basic',
  async (tokenEndpointAuthMethod) => {
    const { clientID, clientSecret = '' } = polar.register({ tokenEndpointAuthMethod });
    const byPost = { token: 'x', client_id: clientID, client_secret: clientSecret };
    for (const path of ['/v1/oauth2/revoke', '/v1/oauth2/introspect']) {
      expect((await polar.post(path, byPost)).status).toBe(200);
      expect((await polar.post(path, { token: 'x' }, basic(clientID, clientSecret))).status).toBe(200);
      expect((await polar.post(path, { token: 'x' }, basic('nobody', 'secret'))).status).toBe(401);
    }
  },
);
