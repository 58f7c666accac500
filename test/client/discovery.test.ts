import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { PolarOAuthClient } from '../../src/client/oauth-client.js';
import { PolarResponseError, PolarTransientError } from '../../src/errors.js';
import {
  answersJSON,
  answersText,
  type MisbehavingServer,
  neverAnswers,
  redirects,
  startMisbehavingServer,
} from '../support/misbehaving-server.js';

let server: MisbehavingServer;

beforeEach(async () => {
  server = await startMisbehavingServer();
  server.behave(answersJSON(metadata()));
});

afterEach(() => server.close());

function metadata(more: Record<string, unknown> = {}) {
  return {
    issuer: server.url,
    authorization_endpoint: 'https://web.example/authorize?tenant=7',
    token_endpoint: 'https://api.example/token',
    jwks_uri: 'https://api.example/jwks-8f3a',
    userinfo_endpoint: 'https://api.example/userinfo',
    revocation_endpoint: 'https://api.example/revoke',
    introspection_endpoint: 'https://api.example/introspect',
    registration_endpoint: 'https://api.example/register',
    ...more,
  };
}

function client(more: { issuer?: string; timeoutMs?: number } = {}) {
  const { timeoutMs = 10_000, ...rest } = more;
  return new PolarOAuthClient({
    clientID: 'polar_ci_1',
    clientSecret: 'polar_cs_1',
    timeoutMs,
    server: { discoveryURL: `${server.url}/.well-known/openid-configuration`, ...rest },
  });
}

async function refusal(promise: Promise<unknown>): Promise<PolarResponseError> {
  const error = await promise.then(
    () => new Error('it should have been refused'),
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(PolarResponseError);
  return error as PolarResponseError;
}

describe('discovery', () => {
  it('reads the endpoints as they are written', async () => {
    expect(await client().discover()).toEqual({
      issuer: server.url,
      authorizationEndpoint: 'https://web.example/authorize?tenant=7',
      tokenEndpoint: 'https://api.example/token',
      jwksURI: 'https://api.example/jwks-8f3a',
      userinfoEndpoint: 'https://api.example/userinfo',
      revocationEndpoint: 'https://api.example/revoke',
      introspectionEndpoint: 'https://api.example/introspect',
      registrationEndpoint: 'https://api.example/register',
      raw: metadata(),
    });
    expect(server.requests.map(({ method, url }) => `${method} ${url}`)).toEqual([
      'GET /.well-known/openid-configuration',
    ]);
    expect(server.requests[0]?.headers.authorization).toBeUndefined();
  });

  it('happens on first use, not before', async () => {
    const lazy = client();
    expect(server.requests).toHaveLength(0);
    await lazy.discover();
    expect(server.requests).toHaveLength(1);
  });

  it('happens once for all callers, simultaneous or later', async () => {
    const one = client();
    const answers = await Promise.all(Array.from({ length: 20 }, () => one.discover()));
    expect(new Set(answers).size).toBe(1);
    await one.discover();
    expect(server.requests).toHaveLength(1);
  });

  it('happens again after a failure, but never twice at a time', async () => {
    server.behave(answersText('', 503), answersJSON(metadata()));
    const one = client();
    const first = await Promise.allSettled(Array.from({ length: 5 }, () => one.discover()));
    expect(first.map(({ status }) => status)).toEqual(Array(5).fill('rejected'));
    expect(server.requests).toHaveLength(1);
    expect((await one.discover()).issuer).toBe(server.url);
    expect(server.requests).toHaveLength(2);
  });

  it('does not happen for a server with known endpoints', async () => {
    let asked = 0;
    const fetch = async (): Promise<Response> => {
      asked++;
      return new Response();
    };
    const { tokenEndpoint } = await new PolarOAuthClient({ clientID: 'polar_ci_1', fetch }).discover();
    expect([tokenEndpoint, asked]).toEqual(['https://api.polar.sh/v1/oauth2/token', 0]);
  });

  it('rejects with a time-out as a transient error', async () => {
    server.behave(neverAnswers);
    const error = await client({ timeoutMs: 40 })
      .discover()
      .catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(PolarTransientError);
    expect(error).toMatchObject({ code: 'timeout' });
  });
});

describe('the issuer of the metadata', () => {
  it.each([
    ['a different one', () => 'https://evil.example'],
    ['one with an extra slash', () => `${server.url}/`],
    ['one with an extra path', () => `${server.url}/tenant`],
    ['one with an extra character', () => `${server.url}1`],
    ['one in capitals', () => server.url.toUpperCase()],
  ])('is refused before anything is sent if it is %s', async (_what, issuer) => {
    server.behave(answersJSON(metadata({ issuer: issuer() })));
    const parameters = {
      redirectURI: 'https://app.example/',
      scope: ['openid'],
      state: 's',
      nonce: 'n',
      codeChallenge: 'c',
    };
    const one = client({ issuer: server.url });
    for (const attempt of [
      one.discover(),
      one.authorizationURL(parameters),
      one.refresh({ refreshToken: 'polar_rt_u_1' }),
    ]) {
      expect(await refusal(attempt)).toMatchObject({
        code: 'discovery_failed',
        field: 'issuer',
        status: 502,
      });
    }
    expect(server.requests.every(({ method }) => method === 'GET')).toBe(true);
  });

  it('must match the pinned issuer if there is one, and the address otherwise', async () => {
    server.behave(answersJSON(metadata({ issuer: 'https://polar.sh' })));
    expect((await client({ issuer: 'https://polar.sh' }).discover()).issuer).toBe('https://polar.sh');
    expect(await refusal(client().discover())).toMatchObject({ code: 'discovery_failed', field: 'issuer' });
    server.behave(answersJSON(metadata()));
    expect(await refusal(client({ issuer: 'https://polar.sh' }).discover())).toMatchObject({
      code: 'discovery_failed',
      field: 'issuer',
    });
  });

  it('may end in a slash if the pinned one does', async () => {
    server.behave(answersJSON(metadata({ issuer: `${server.url}/` })));
    expect((await client({ issuer: `${server.url}/` }).discover()).issuer).toBe(`${server.url}/`);
  });

  // OpenID Connect Discovery 4.1: the slash is removed before /.well-known/ is appended, so the address fits both.
  it('may end in a slash, which the address cannot show', async () => {
    server.behave(answersJSON(metadata({ issuer: `${server.url}/` })));
    expect((await client().discover()).issuer).toBe(`${server.url}/`);
  });
});

describe('the metadata', () => {
  const required = ['issuer', 'authorization_endpoint', 'token_endpoint', 'jwks_uri'];
  const optional = [
    'userinfo_endpoint',
    'revocation_endpoint',
    'introspection_endpoint',
    'registration_endpoint',
  ];

  it.each(
    required.flatMap((field) =>
      [undefined, null, '', 7, ['https://a.example']].map((value) => [field, value] as const),
    ),
  )('are refused if the %s is %j', async (field, value) => {
    server.behave(answersJSON(metadata({ [field]: value })));
    expect(await refusal(client().discover())).toMatchObject({ code: 'discovery_failed', field });
  });

  it.each([...required.slice(1), ...optional])(
    'are refused if the %s uses plain http, since secrets go there',
    async (field) => {
      for (const address of [
        'http://api.example/x',
        'ftp://localhost/x',
        'https://me:pw@api.example/x',
        '/relative',
        'nonsense',
      ]) {
        server.behave(answersJSON(metadata({ [field]: address })));
        expect(await refusal(client().discover())).toMatchObject({ code: 'discovery_failed', field });
      }
    },
  );

  it('may name plain http addresses on this machine', async () => {
    server.behave(answersJSON(metadata({ token_endpoint: `${server.url}/token` })));
    expect((await client().discover()).tokenEndpoint).toBe(`${server.url}/token`);
  });

  it.each([...required.slice(1), ...optional])(
    'are refused if the %s uses plain http on this machine and they come from another one',
    async (field) => {
      const elsewhere = new PolarOAuthClient({
        clientID: 'polar_ci_1',
        clientSecret: 'polar_cs_1',
        server: { discoveryURL: 'https://idp.example/.well-known/openid-configuration' },
        fetch: async () =>
          Response.json(metadata({ issuer: 'https://idp.example', [field]: 'http://127.0.0.1:80/admin' })),
      });
      expect(await refusal(elsewhere.discover())).toMatchObject({ code: 'discovery_failed', field });
    },
  );

  it.each<[string, string, boolean | undefined, boolean]>([
    ['plain http', 'http://polar:4100', true, true],
    ['https', 'https://polar', true, false],
    ['https', 'https://polar', undefined, false],
  ])(
    'may name plain http on another machine only if they use it themselves and it is allowed (%s, %s, %s)',
    async (_how, origin, allowInsecureHTTP, isAllowed) => {
      const document = { issuer: 'https://polar.sh', token_endpoint: 'http://polar:4100/token' };
      const found = new PolarOAuthClient({
        clientID: 'polar_ci_1',
        server: {
          discoveryURL: `${origin}/.well-known/openid-configuration`,
          issuer: 'https://polar.sh',
          allowInsecureHTTP,
        },
        fetch: async () => Response.json(metadata(document)),
      }).discover();
      if (isAllowed) expect((await found).tokenEndpoint).toBe('http://polar:4100/token');
      else expect((await refusal(found)).message).toContain("'http://polar:4100/token'");
    },
  );

  it.each(optional)('may lack the %s, and the call that needs it says so', async (field) => {
    server.behave(answersJSON(metadata({ [field]: undefined })));
    const one = client();
    await one.discover();
    const calls: Record<string, () => Promise<unknown>> = {
      userinfo_endpoint: () => one.userInfo('polar_at_u_1'),
      revocation_endpoint: () => one.revoke('polar_at_u_1'),
      introspection_endpoint: () => one.introspect('polar_at_u_1'),
      registration_endpoint: () =>
        one.registrations.readRegistration({
          clientID: 'polar_ci_1',
          registrationAccessToken: 'polar_crt_1',
        }),
    };
    expect(await refusal(calls[field]?.() ?? Promise.resolve())).toMatchObject({ code: 'discovery_failed' });
    expect(server.requests).toHaveLength(1);
  });

  it.each([
    ['404', answersJSON({ error: 'not_found' }, 404)],
    ['a redirect', redirects('https://evil.example/')],
    ['HTML', answersText('<p>', 200, { 'content-type': 'text/html' })],
    ['a list', answersJSON([])],
    ['null', answersJSON(null)],
  ])('are refused if the response is %s', async (_what, behaviour) => {
    server.behave(behaviour);
    await refusal(client().discover());
  });

  it.each([400, 404])('are refused if the status is %i, and the error names the option', async (status) => {
    server.behave(answersJSON(metadata(), status));
    const error = await refusal(client().discover());
    expect(error.code).toBe('discovery_failed');
    expect(error.message).toContain('server.discoveryURL');
  });
});
