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

const sentAt = Date.parse('2026-08-22T10:00:00Z');
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
    now: () => sentAt,
    ...more,
  });
}

const publicClient = (): PolarOAuthClient => client({ clientSecret: undefined });

/** Every call to Polar that sends a secret, by name. */
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

describe('the OAuth client', () => {
  it('sends the code and the verifier with exchangeCode', async () => {
    expect(await calls['exchangeCode']?.(client())).toMatchObject({
      accessToken: 'new',
      refreshToken: 'newer',
      expiresAt: sentAt + 3_600_000,
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

  it('sends extra parameters with exchangeCode, which replace none of ours', async () => {
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

  it('sends the refresh token with refresh', async () => {
    await client().refresh({ refreshToken: secrets.refresh });
    expect(server.requests).toMatchObject([{ method: 'POST', url: '/v1/oauth2/token' }]);
    expect(server.requests[0]?.form).toEqual({
      grant_type: 'refresh_token',
      refresh_token: secrets.refresh,
      client_id: 'polar_ci_1',
      client_secret: secrets.client,
    });
  });

  it('sends fewer scopes with refresh if requested', async () => {
    await client().refresh({ refreshToken: 'r', scope: ['openid', 'email'] });
    expect(server.requests[0]?.form['scope']).toBe('openid email');
  });

  it.each([
    ['revoke', '/v1/oauth2/revoke', secrets.refresh],
    ['introspect', '/v1/oauth2/introspect', secrets.access],
  ])('sends the token without a hint with %s', async (name, url, token) => {
    server.behave(answersJSON({ active: true }));
    await calls[name]?.(client());
    expect(server.requests).toMatchObject([{ method: 'POST', url }]);
    expect(server.requests[0]?.form).toEqual({
      token,
      client_id: 'polar_ci_1',
      client_secret: secrets.client,
    });
  });

  it('parses the response to introspect', async () => {
    server.behave(answersJSON({ active: true, organizations: ['org-1'], scope: 'openid' }));
    expect(await client().introspect('t')).toMatchObject({
      active: true,
      organizations: ['org-1'],
      scopes: ['openid'],
    });
  });

  it('sends the token with userInfo in the header only', async () => {
    server.behave(answersJSON({ sub: 'user-1' }));
    expect(await client().userInfo(secrets.access)).toMatchObject({ subject: 'user-1' });
    expect(server.requests).toMatchObject([{ method: 'GET', url: '/v1/oauth2/userinfo', body: '' }]);
    expect(server.requests[0]?.headers.authorization).toBe(`Bearer ${secrets.access}`);
  });

  it('builds the authorizationURL without a request', async () => {
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

describe('a client with client_secret_basic', () => {
  it.each(callNames.filter((name) => name !== 'userInfo'))(
    'sends the secret in the header only with %s',
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

describe('a client whose client_secret_basic is refused', () => {
  it('shows nothing of the header, even if Polar echoes it', async () => {
    const sent = Buffer.from('polar_ci_1:client%3Ahidden%26%25').toString('base64');
    server.behave(answersJSON({ error: 'invalid_client', error_description: `bad Basic ${sent}` }, 401));
    const error = await failureOf('refresh', client({ tokenEndpointAuthMethod: 'client_secret_basic' }));
    expect(server.requests[0]?.headers.authorization).toBe(`Basic ${sent}`);
    expect(error).toMatchObject({ errorDescription: 'bad Basic [redacted]' });
  });
});

describe('a public client', () => {
  it('that Polar does not know gets the hint that it has no secret', async () => {
    server.behave(answersJSON({ error: 'invalid_client' }, 401));
    expect(await failureOf('refresh', publicClient())).toMatchObject({
      message: expect.stringContaining('No clientSecret was given'),
    });
  });

  it('reports isPublic', () => {
    expect([publicClient().isPublic, client().isPublic]).toEqual([true, false]);
    expect(client({ tokenEndpointAuthMethod: 'client_secret_basic' }).isPublic).toBe(false);
  });

  it.each(['exchangeCode', 'refresh'])('sends no field client_secret with %s', async (name) => {
    await calls[name]?.(publicClient());
    const [request] = server.requests;
    expect(request?.form['client_id']).toBe('polar_ci_1');
    expect(request?.body).not.toContain('client_secret');
    expect(request?.headers.authorization).toBeUndefined();
  });

  it('sends no client_secret even if an extra parameter has that name', async () => {
    const grant = { code: 'c', redirectURI: 'https://app.example/', codeVerifier: 'v' };
    await publicClient().exchangeCode({ ...grant, extra: { client_secret: '' } });
    expect(server.requests[0]?.body).not.toContain('client_secret');
  });

  it.each(['revoke', 'introspect'])(
    'rejects %s without a request, since Polar would refuse it',
    async (name) => {
      const error = await failureOf(name, publicClient());
      expect(error).toBeInstanceOf(PolarConfigurationError);
      expect(error).toMatchObject({ code: 'invalid_option' });
      expect((error as Error).message).toContain('clientSecret');
      expect(server.requests).toEqual([]);
    },
  );
});

describe.each(callNames)('client.%s', (name) => {
  it('rejects with a PolarOAuthError if Polar refuses it, without anything that was sent', async () => {
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
  ])('maps the status %i with %s to the code %s', async (httpStatus, said, code, status) => {
    server.behave(answersJSON({ error: said }, httpStatus));
    expect(await failureOf(name)).toMatchObject({ code, error: said, httpStatus, status });
  });

  it('rejects with a PolarOAuthError for 404 with HTML', async () => {
    server.behave(answersText('<p>no</p>', 404));
    expect(await failureOf(name)).toMatchObject({ code: 'oauth_error', error: 'unknown', httpStatus: 404 });
  });

  it('rejects with a PolarTransientError if Polar is busy', async () => {
    server.behave(answersText('', 429, { 'retry-after': '60' }));
    const error = await failureOf(name);
    expect(error).toBeInstanceOf(PolarTransientError);
    expect(error).toMatchObject({ code: 'rate_limited', retryAfterSeconds: 60 });
  });

  it('rejects with a PolarResponseError for a redirect', async () => {
    server.behave(redirects('/elsewhere'));
    const error = await failureOf(name);
    expect(error).toBeInstanceOf(PolarResponseError);
    expect(error).toMatchObject({ code: 'unexpected_redirect' });
    expect(server.requests).toHaveLength(1);
  });

  it('rejects when the caller aborts, and after the caller’s time-out', async () => {
    server.behave(neverAnswers);
    const reason = new Error('enough');
    expect(await failureOf(name, client(), { signal: AbortSignal.abort(reason) })).toBe(reason);
    expect(await failureOf(name, client(), { timeoutMs: 40 })).toMatchObject({ code: 'timeout' });
    expect(await failureOf(name, client({ timeoutMs: 40 }))).toMatchObject({ code: 'timeout' });
  });

  it.each([
    ['500', answersText('hidden', 500)],
    ['broken JSON', answersText('{"hidden', 200, { 'content-type': 'application/json' })],
    ['a body that is not an object', answersJSON(['hidden'])],
    ['fields of wrong types', answersJSON({ sub: ['hidden'], active: 'hidden', token_type: ['hidden'] })],
  ])('shows nothing of the response in its error: %s', async (what, behaviour) => {
    if (name === 'revoke' && what !== '500') return; // its response has no content
    server.behave(behaviour);
    const error = await failureOf(name);
    expect(error).toBeInstanceOf(PolarError);
    expect(inspect(error, { depth: 9, showHidden: true })).not.toContain('hidden');
  });
});

describe('a value that cannot be a token', () => {
  it.each(['hidden\n', 'hidden\r\nx: y', 'hiddenü', 'hidden\u0000', 'hidden\u007f', ''])(
    'is neither sent nor quoted: %j',
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

describe('a refresh token with spaces, which are allowed,', () => {
  const token = ' hidden & hidden ';

  it('can be revoked, introspected and refreshed', async () => {
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

  it('is sent in no header, which would cut it off, and not quoted', async () => {
    const error = await client()
      .userInfo(token)
      .catch((reason: unknown) => reason);
    expect(error).toMatchObject({ code: 'invalid_option' });
    expect(inspect(error, { depth: 9, showHidden: true })).not.toContain('hidden');
    expect(server.requests).toEqual([]);
  });

  it.each([
    ['unchanged', token],
    ['form-encoded', '+hidden+%26+hidden+'],
    ['percent-encoded', '%20hidden%20%26%20hidden%20'],
  ])('is not quoted from Polar’s response either, %s', async (_how, echo) => {
    server.behave(answersJSON({ error: 'invalid_grant', error_description: `no such token: ${echo}` }, 400));
    const calls = [() => client().revoke(token), () => client().refresh({ refreshToken: token })];
    for (const call of calls) {
      const error = await call().catch((reason: unknown) => reason);
      expect(error).toMatchObject({ code: 'invalid_grant' });
      expect(inspect(error, { depth: 9, showHidden: true })).not.toContain('hidden');
    }
  });
});

describe('client.revoke', () => {
  // RFC 7009 section 2.2: the body is ignored. Polar sends {}, others send nothing.
  it.each(['', '{}', '<p>', '{"broken'])('resolves for 200 with any body: %j', async (text) => {
    server.behave(answersText(text, 200, { 'content-type': 'application/json' }));
    expect(await client().revoke('t')).toBeUndefined();
  });
});

describe('a client object', () => {
  it('shows no secret in a log', () => {
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
  ])('cannot be created with wrong options: %j', (wrong, message) => {
    expect(() => client(wrong as object)).toThrow(PolarConfigurationError);
    expect(() => client(wrong as object)).toThrow(message);
  });
});
