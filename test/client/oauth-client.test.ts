import { inspect } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { PolarClientOptions } from '../../src/client/client-options.js';
import { PolarOAuthClient } from '../../src/client/oauth-client.js';
import {
  PolarConfigurationError,
  PolarError,
  PolarOAuthError,
  PolarResponseError,
  PolarTransientError,
} from '../../src/errors.js';
import {
  answersJSON,
  answersText,
  type MisbehavingServer,
  neverAnswers,
  redirects,
  startMisbehavingServer,
} from '../support/misbehaving-server.js';

const secrets = {
  code: 'polar_ac_hidden',
  verifier: 'verifier-hidden',
  refresh: 'refresh+hidden/=',
  access: 'access-hidden',
  client: 'client:hidden&%',
};
const tokenAnswer = {
  token_type: 'Bearer',
  access_token: 'new',
  expires_in: 3600,
  refresh_token: 'newer',
  scope: 'openid',
};

let server: MisbehavingServer;

beforeEach(async () => {
  server = await startMisbehavingServer(answersJSON(tokenAnswer));
});

afterEach(() => server.close());

function client(more: Partial<PolarClientOptions> = {}): PolarOAuthClient {
  return new PolarOAuthClient({
    clientID: 'polar_ci_1',
    clientSecret: secrets.client,
    server: { webURL: server.url, apiURL: server.url },
    ...more,
  });
}

const publicClient = (): PolarOAuthClient => client({ clientSecret: undefined });

/** Every call to Polar that carries something secret, by name. */
const calls: Record<string, (one: PolarOAuthClient, options?: object) => Promise<unknown>> = {
  exchangeCode: (one, options) =>
    one.exchangeCode(
      { code: secrets.code, redirectURI: 'https://app.example/callback', codeVerifier: secrets.verifier },
      options,
    ),
  refresh: (one, options) => one.refresh({ refreshToken: secrets.refresh }, options),
  revoke: (one, options) => one.revoke(secrets.refresh, options),
  introspect: (one, options) => one.introspect(secrets.access, options),
  userInfo: (one, options) => one.userInfo(secrets.access, options),
};
const callNames = Object.keys(calls);

async function failureOf(name: string, one = client(), options?: object): Promise<unknown> {
  const error = await calls[name]?.(one, options).then(
    (value) => new Error(`expected an error, got ${inspect(value)}`),
    (reason: unknown) => reason,
  );
  return error;
}

describe('the requests', () => {
  it('exchangeCode', async () => {
    expect(await calls['exchangeCode']?.(client())).toMatchObject({
      accessToken: 'new',
      refreshToken: 'newer',
      expiresInSeconds: 3600,
    });
    expect(server.requests).toMatchObject([{ method: 'POST', url: '/v1/oauth2/token' }]);
    expect(server.requests[0]?.form).toEqual({
      grant_type: 'authorization_code',
      code: secrets.code,
      redirect_uri: 'https://app.example/callback',
      code_verifier: secrets.verifier,
      client_id: 'polar_ci_1',
      client_secret: secrets.client,
    });
  });

  it('exchangeCode with further parameters, none of which replaces ours', async () => {
    const grant = { code: 'c', redirectURI: 'https://app.example/', codeVerifier: 'v' };
    const extra = {
      resource: 'x',
      grant_type: 'web',
      code: 'other',
      redirect_uri: 'other',
      code_verifier: 'other',
      client_id: 'other',
      client_secret: 'other',
    };
    await client().exchangeCode({ ...grant, extra });
    expect(server.requests[0]?.form).toEqual({
      resource: 'x',
      grant_type: 'authorization_code',
      code: 'c',
      redirect_uri: 'https://app.example/',
      code_verifier: 'v',
      client_id: 'polar_ci_1',
      client_secret: secrets.client,
    });
  });

  it('refresh', async () => {
    await client().refresh({ refreshToken: secrets.refresh });
    expect(server.requests).toMatchObject([{ method: 'POST', url: '/v1/oauth2/token' }]);
    expect(server.requests[0]?.form).toEqual({
      grant_type: 'refresh_token',
      refresh_token: secrets.refresh,
      client_id: 'polar_ci_1',
      client_secret: secrets.client,
    });
  });

  it('refresh with fewer scopes', async () => {
    await client().refresh({ refreshToken: 'r', scope: ['openid', 'email'] });
    expect(server.requests[0]?.form['scope']).toBe('openid email');
  });

  it.each([
    ['revoke', '/v1/oauth2/revoke', secrets.refresh],
    ['introspect', '/v1/oauth2/introspect', secrets.access],
  ])('%s, without a hint', async (name, url, token) => {
    server.behave(answersJSON({ active: true }));
    await calls[name]?.(client());
    expect(server.requests).toMatchObject([{ method: 'POST', url }]);
    expect(server.requests[0]?.form).toEqual({
      token,
      client_id: 'polar_ci_1',
      client_secret: secrets.client,
    });
  });

  it('introspect, parsed', async () => {
    server.behave(answersJSON({ active: true, organizations: ['org-1'], scope: 'openid' }));
    expect(await client().introspect('t')).toMatchObject({
      active: true,
      organizations: ['org-1'],
      scopes: ['openid'],
    });
  });

  it('userInfo, with the token in the header and nowhere else', async () => {
    server.behave(answersJSON({ sub: 'user-1' }));
    expect(await client().userInfo(secrets.access)).toMatchObject({ subject: 'user-1' });
    expect(server.requests).toMatchObject([{ method: 'GET', url: '/v1/oauth2/userinfo', body: '' }]);
    expect(server.requests[0]?.headers.authorization).toBe(`Bearer ${secrets.access}`);
  });

  it('authorizationURL, without any request', async () => {
    const url = await client().authorizationURL({
      redirectURI: 'https://app.example/',
      scope: ['openid'],
      state: 's',
      nonce: 'n',
      codeChallenge: 'c',
    });
    expect(url).toContain(`${server.url}/oauth2/authorize?response_type=code&client_id=polar_ci_1`);
    expect(url).not.toContain('hidden');
    expect(server.requests).toEqual([]);
  });
});

describe('client_secret_basic', () => {
  it.each(callNames.filter((name) => name !== 'userInfo'))(
    '%s sends the secret in the header only',
    async (name) => {
      server.behave(answersJSON({ ...tokenAnswer, active: true }));
      await calls[name]?.(client({ tokenEndpointAuthMethod: 'client_secret_basic' }));
      const [request] = server.requests;
      const basic = Buffer.from(
        (request?.headers.authorization ?? '').replace('Basic ', ''),
        'base64',
      ).toString();
      expect(basic).toBe('polar_ci_1:client%3Ahidden%26%25');
      expect(Object.keys(request?.form ?? {})).not.toContain('client_secret');
      expect(request?.body).not.toContain('client%3Ahidden');
    },
  );
});

describe('client_secret_basic, refused', () => {
  it('shows nothing of the header, though it is echoed', async () => {
    const sent = Buffer.from('polar_ci_1:client%3Ahidden%26%25').toString('base64');
    server.behave(answersJSON({ error: 'invalid_client', error_description: `bad Basic ${sent}` }, 401));
    const error = await failureOf('refresh', client({ tokenEndpointAuthMethod: 'client_secret_basic' }));
    expect(server.requests[0]?.headers.authorization).toBe(`Basic ${sent}`);
    expect(error).toMatchObject({ errorDescription: 'bad Basic [redacted]' });
  });
});

describe('a public client', () => {
  it('that Polar does not know is told that it has no secret', async () => {
    server.behave(answersJSON({ error: 'invalid_client' }, 401));
    expect(await failureOf('refresh', publicClient())).toMatchObject({
      message: expect.stringContaining('No clientSecret was given'),
    });
  });

  it('says that it is one', () => {
    expect([publicClient().isPublic, client().isPublic]).toEqual([true, false]);
    expect(client({ tokenEndpointAuthMethod: 'client_secret_basic' }).isPublic).toBe(false);
  });

  it.each(['exchangeCode', 'refresh'])('%s sends nothing that is named client_secret', async (name) => {
    await calls[name]?.(publicClient());
    const [request] = server.requests;
    expect(request?.form['client_id']).toBe('polar_ci_1');
    expect(request?.body).not.toContain('client_secret');
    expect(request?.headers.authorization).toBeUndefined();
  });

  it('sends none though an extra parameter is named so', async () => {
    const grant = { code: 'c', redirectURI: 'https://app.example/', codeVerifier: 'v' };
    await publicClient().exchangeCode({ ...grant, extra: { client_secret: '' } });
    expect(server.requests[0]?.body).not.toContain('client_secret');
  });

  it.each(['revoke', 'introspect'])('%s is refused before anything is sent, as Polar would', async (name) => {
    const error = await failureOf(name, publicClient());
    expect(error).toBeInstanceOf(PolarConfigurationError);
    expect(error).toMatchObject({ code: 'invalid_option' });
    expect((error as Error).message).toContain('clientSecret');
    expect(server.requests).toEqual([]);
  });
});

describe.each(callNames)('%s', (name) => {
  it('is a PolarOAuthError when Polar refuses it, with nothing in it that was sent', async () => {
    const echo = Object.values(secrets).join(' ');
    server.behave(answersJSON({ error: 'invalid_grant', error_description: `you sent ${echo}` }, 400));
    const error = await failureOf(name);
    expect(error).toBeInstanceOf(PolarOAuthError);
    expect(error).toMatchObject({ code: 'invalid_grant', httpStatus: 400 });
    const sent = server.requests[0];
    for (const secret of Object.values(secrets)) {
      const wasSent = [
        ...Object.values(sent?.form ?? {}),
        sent?.headers.authorization?.replace('Bearer ', ''),
      ].includes(secret);
      if (wasSent) expect(inspect(error, { depth: 9 }) + JSON.stringify(error)).not.toContain(secret);
    }
  });

  it.each([
    [401, 'invalid_client', 'invalid_client', 500],
    [401, 'invalid_token', 'invalid_token', 502],
    [400, 'invalid_scope', 'invalid_scope', 502],
    [403, 'something_new', 'oauth_error', 502],
  ])('%i %s is %s', async (httpStatus, said, code, status) => {
    server.behave(answersJSON({ error: said }, httpStatus));
    expect(await failureOf(name)).toMatchObject({ code, error: said, httpStatus, status });
  });

  it('is a PolarOAuthError for 404 with HTML', async () => {
    server.behave(answersText('<p>no</p>', 404));
    expect(await failureOf(name)).toMatchObject({ code: 'oauth_error', error: 'unknown', httpStatus: 404 });
  });

  it('is a PolarTransientError when Polar is busy', async () => {
    server.behave(answersText('', 429, { 'retry-after': '60' }));
    const error = await failureOf(name);
    expect(error).toBeInstanceOf(PolarTransientError);
    expect(error).toMatchObject({ code: 'rate_limited', retryAfterSeconds: 60 });
  });

  it('is a PolarResponseError for a redirect', async () => {
    server.behave(redirects('/elsewhere'));
    const error = await failureOf(name);
    expect(error).toBeInstanceOf(PolarResponseError);
    expect(error).toMatchObject({ code: 'unexpected_redirect' });
    expect(server.requests).toHaveLength(1);
  });

  it('ends when the caller says so, and in the time that the caller gives', async () => {
    server.behave(neverAnswers);
    const reason = new Error('enough');
    expect(await failureOf(name, client(), { signal: AbortSignal.abort(reason) })).toBe(reason);
    expect(await failureOf(name, client(), { timeoutMs: 40 })).toMatchObject({ code: 'timeout' });
    expect(await failureOf(name, client({ timeoutMs: 40 }))).toMatchObject({ code: 'timeout' });
  });

  it.each([
    ['500', answersText('hidden', 500)],
    ['broken JSON', answersText('{"hidden', 200, { 'content-type': 'application/json' })],
    ['no object', answersJSON(['hidden'])],
    ['fields of wrong types', answersJSON({ sub: ['hidden'], active: 'hidden', token_type: ['hidden'] })],
  ])('shows nothing of the answer in its error: %s', async (what, behaviour) => {
    if (name === 'revoke' && what !== '500') return; // its answer says nothing
    server.behave(behaviour);
    const error = await failureOf(name);
    expect(error).toBeInstanceOf(PolarError);
    expect(inspect(error, { depth: 9, showHidden: true })).not.toContain('hidden');
  });
});

describe('what is no token', () => {
  it.each(['hidden\n', 'hidden\r\nx: y', 'hiddenü', 'hidden\u0000', 'hidden\u007f', ''])(
    'is sent nowhere, and not quoted: %j',
    async (token) => {
      for (const call of [client().userInfo(token), client().revoke(token), client().introspect(token)]) {
        const error = await call.catch((reason: unknown) => reason);
        expect(error).toBeInstanceOf(PolarConfigurationError);
        expect(error).toMatchObject({ code: 'invalid_option' });
        expect(inspect(error, { depth: 9, showHidden: true })).not.toContain('hidden');
      }
      expect(server.requests).toEqual([]);
    },
  );
});

describe('a token with spaces, as a refresh token may have them', () => {
  const token = ' hidden & hidden ';

  it('is revoked, introspected and refreshed', async () => {
    server.behave(answersJSON({ active: true, access_token: 'new', token_type: 'Bearer' }));
    await client().revoke(token);
    await client().introspect(token);
    await client().refresh({ refreshToken: token });
    expect(server.requests.map(({ form }) => form['token'] ?? form['refresh_token'])).toEqual([
      token,
      token,
      token,
    ]);
  });

  it('is sent in no header, where it would end at the first of them, and not quoted', async () => {
    const error = await client()
      .userInfo(token)
      .catch((reason: unknown) => reason);
    expect(error).toMatchObject({ code: 'invalid_option' });
    expect(inspect(error, { depth: 9, showHidden: true })).not.toContain('hidden');
    expect(server.requests).toEqual([]);
  });

  it.each([
    ['as it is', token],
    ['as a form has it', '+hidden+%26+hidden+'],
    ['as an address has it', '%20hidden%20%26%20hidden%20'],
  ])('is not quoted from the response of Polar either, %s', async (_how, echo) => {
    server.behave(answersJSON({ error: 'invalid_grant', error_description: `no such token: ${echo}` }, 400));
    const calls = [() => client().revoke(token), () => client().refresh({ refreshToken: token })];
    for (const call of calls) {
      const error = await call().catch((reason: unknown) => reason);
      expect(error).toMatchObject({ code: 'invalid_grant' });
      expect(inspect(error, { depth: 9, showHidden: true })).not.toContain('hidden');
    }
  });
});

describe('revoke', () => {
  // RFC 7009 section 2.2: the body is ignored. Polar sends {}, others send nothing.
  it.each(['', '{}', '<p>', '{"broken'])('is done with 200, whatever the body: %j', async (text) => {
    server.behave(answersText(text, 200, { 'content-type': 'application/json' }));
    expect(await client().revoke('t')).toBeUndefined();
  });
});

describe('a client', () => {
  it('shows no secret to a log', () => {
    expect(inspect(client(), { depth: 9, showHidden: true }) + JSON.stringify(client())).not.toContain(
      'hidden',
    );
  });

  it.each([
    [{ clientID: '' }, /^clientID/],
    [{ clientSecret: '' }, /^clientSecret/],
    [{ tokenEndpointAuthMethod: 'none' }, /^tokenEndpointAuthMethod/],
    [{ timeoutMs: 0 }, /^timeoutMs/],
    [{ fetch: 'x' }, /^fetch/],
    [{ server: 'x' }, /^server/],
  ])('with wrong options is none: %j', (wrong, message) => {
    expect(() => client(wrong as object)).toThrow(TypeError);
    expect(() => client(wrong as object)).toThrow(message);
  });
});
