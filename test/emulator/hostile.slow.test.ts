/** Hostile requests, races, and controls used at the worst moment. */
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { describe, expect, it } from '@jest/globals';
import { startPolarEmulator } from 'passport-polar-sh/emulator';
import { Clock } from '../../src/emulator/clock';
import { Tokens } from '../../src/emulator/stores/tokens';
import { CALLBACK, LocalPolar } from './support/local-polar';

const polar = new LocalPolar();

const message = (start: string, ...lines: string[]) =>
  `${[`${start} HTTP/1.1`, 'host: x', 'connection: close', ...lines].join('\r\n')}\r\n\r\n`;
const FORM = 'content-type: application/x-www-form-urlencoded';

describe('a request to the emulator', () => {
  it.each([
    ['HTTP/1.0', 'GET /.well-known/jwks.json HTTP/1.0\r\n\r\n', 200],
    [
      'HTTP/1.0 with a body',
      `POST /v1/oauth2/token HTTP/1.0\r\n${FORM}\r\ncontent-length: 4\r\n\r\ng=%0`,
      400,
    ],
    [
      'chunks',
      `${message('POST /v1/oauth2/token', FORM, 'transfer-encoding: chunked')}1\r\na\r\n0\r\n\r\n`,
      411,
    ],
    [
      'chunks and a length',
      message('POST /v1/oauth2/token', 'content-length: 1', 'transfer-encoding: chunked'),
      400,
    ],
    ['two lengths', `${message('POST /v1/oauth2/token', 'content-length: 1', 'content-length: 2')}ab`, 400],
    ['an invalid length', message('POST /v1/oauth2/token', 'content-length: -1'), 400],
    [
      'two Bearer headers',
      message('GET /v1/oauth2/userinfo', 'authorization: Bearer a', 'authorization: Bearer b'),
      401,
    ],
    ['a NUL in the path', message('GET /v1/\0'), 400],
    ['NULs in parameters', message('GET /oauth2/authorize?client_id=%00&state=%00'), 500],
    ['invalid UTF-8', message('GET /oauth2/authorize?client_id=%ff&state=%c3%28'), 400],
    [
      'invalid UTF-8 in a form',
      `${message('POST /v1/oauth2/token', FORM, 'content-length: 14')}grant_type=%ff`,
      400,
    ],
    [
      'the names of Object’s properties',
      `${message('POST /v1/oauth2/token?__proto__=1', FORM, 'content-length: 22')}grant_type=constructor`,
      400,
    ],
    ['a verb of another protocol', message('PROPFIND /v1/oauth2/token'), 405],
    ['a method of another route', message('DELETE /oauth2/authorize'), 405],
    ['a GET of the consent form', message('GET /oauth2/consent'), 405],
    ['no path', message('OPTIONS *'), 404],
    ['one huge header', message('GET /', `x: ${'y'.repeat(100_000)}`), 431],
    [
      'very many headers',
      message('GET /', ...Array.from({ length: 3000 }, (_, index) => `x-${index}: y`)),
      431,
    ],
    ['an endless address', message(`GET /oauth2/authorize?state=${'y'.repeat(20_000)}`), 431],
  ])('with %s gets the expected status', async (_, bytes, status) => {
    expect(await polar.raw(bytes)).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `));
    expect(({} as Record<string, unknown>)['1']).toBeUndefined();
    expect((await polar.get('/.well-known/jwks.json')).status).toBe(200);
  });

  it('with the method CONNECT is disconnected', async () => {
    expect(await polar.raw(message('CONNECT example.com:443'))).toBe('');
  });

  it('gets back a state of 10 kB, and one with line breaks as text', async () => {
    for (const state of ['s'.repeat(10_000), 'a\r\nset-cookie: x=1\0\u{1f600}']) {
      const { location, headers } = await polar.authorize({ state, nonce: 'n'.repeat(4000) + state.length });
      expect(location.get('state')).toBe(state);
      expect(headers.has('set-cookie')).toBe(false);
    }
  });
});

describe('markup', () => {
  const evil = '"><img src=x onerror=alert(1)>\'</style><script>alert(1)</script>&lt;';
  const parameters = [
    'client_id',
    'redirect_uri',
    'response_type',
    'scope',
    'state',
    'nonce',
    'code_challenge',
    'code_challenge_method',
    'prompt',
    'sub_type',
    'organizations',
    'polar_emulator_user',
    evil,
  ];

  it.each(parameters)('is escaped in the parameter %s', async (name) => {
    for (const [consent, prompt] of [['ask'], ['ask', 'login'], ['auto'], ['deny']] as const) {
      polar.emulator.consent = consent;
      const reply = await polar.authorize({ prompt, [name]: evil });
      expect(reply.text).not.toMatch(/<img|<script(?!>)|<\/style>.*<\/style>|onerror=alert\(1\)>/s);
      expect(reply.headers.get('location') ?? '').not.toMatch(/[<>"]/);
    }
  });

  it('is escaped in the name of an app, a user and an organization', async () => {
    const users = [
      { email: `${evil}@example.com`, name: evil, organizations: [{ slug: evil, name: evil }] },
      { email: 'b@example.com', name: evil },
    ];
    const emulator = await startPolarEmulator({
      users,
      clients: [{ clientID: 'c', name: evil, redirectURIs: [CALLBACK] }],
    });
    try {
      const query = { response_type: 'code', client_id: 'c', scope: 'openid', state: evil };
      for (const more of [{}, { prompt: 'login' }, { sub_type: 'organization' }]) {
        const page = await fetch(
          `${emulator.url}/oauth2/authorize?${new URLSearchParams({ ...query, ...more })}`,
        );
        const text = await page.text();
        expect([page.status, text]).toEqual([200, expect.stringContaining('&lt;img src=x')]);
        expect(text).not.toMatch(/<img|<script/);
      }
      expect(await (await fetch(emulator.url)).text()).not.toMatch(/<img|<script/);
    } finally {
      await emulator.close();
    }
  });
});

it('another site cannot post a consent, since it cannot read the form’s token', async () => {
  polar.emulator.consent = 'ask';
  const headers = { origin: 'https://evil.example' };
  const page = await polar.send(polar.authorizePath(), { headers });
  expect(page.headers.has('access-control-allow-origin')).toBe(false);
  expect(page.headers.get('x-frame-options')).toBe('DENY');
  const path = polar.authorizePath().replace('authorize', 'consent');
  for (const consent_form of [undefined, '', 'x']) {
    const { status, location } = await polar.post(path, { consent_form, action: 'allow' }, headers);
    expect([status, location.get('code')]).toEqual([400, null]);
  }
});

describe('a reset during a login', () => {
  it('invalidates the earlier code, page and tokens', async () => {
    polar.emulator.consent = 'ask';
    const page = await polar.authorize();
    polar.emulator.consent = 'auto';
    const code = await polar.code();
    const { accessToken, refreshToken } = await polar.login();
    polar.emulator.reset();
    expect((await polar.exchange(code)).json['error']).toBe('invalid_grant');
    expect((await polar.refresh(refreshToken)).json['error']).toBe('invalid_grant');
    expect((await polar.userinfo(accessToken)).status).toBe(401);
    const form = /name="consent_form" value="([^"]+)"/.exec(page.text)?.[1] ?? '';
    const posted = await polar.post(polar.authorizePath().replace('authorize', 'consent'), {
      consent_form: form,
      action: 'allow',
    });
    expect(posted.json['detail']).toMatch(/Start over/);
    expect((await polar.login()).accessToken).toMatch(/^polar_at_u_/);
  });

  it('discards an exchange in progress', async () => {
    polar.emulator.rotateKeys(); // so that the exchange must wait for a new key
    const exchange = polar.exchange(await polar.code());
    while (polar.emulator.requests.length < 2) await new Promise((resolve) => setImmediate(resolve));
    polar.emulator.reset();
    expect((await exchange).status).toBe(200);
    expect(polar.emulator.liveTokens()).toEqual([]);
    expect(polar.emulator.requests).toEqual([]);
  });
});

it('closing the emulator ends requests that hang in any way', async () => {
  const { refreshToken } = await polar.login();
  const { url } = polar.emulator;
  const faults = ['hang', 'hang-after', { delayMs: 60_000 }, { slowBodyMs: 60_000 }] as const;
  for (const fault of faults) polar.emulator.fail('jwks', fault);
  const { length } = polar.emulator.requests;
  const endings = faults.map(() => ended(`${url}/.well-known/jwks.json`));
  const halfSent = ended(`${url}/v1/oauth2/token`, { method: 'POST', headers: { 'content-length': 100 } });
  while (polar.emulator.requests.length < length + faults.length) {
    await new Promise((resolve) => setImmediate(resolve));
  }
  await polar.emulator.close();
  for (const ending of await Promise.all([...endings, halfSent])) expect(ending).toMatch(/^(aborted|ECONN)/);
  await expect(polar.refresh(refreshToken)).rejects.toThrow();
});

/** How a request ends without a complete response. */
function ended(url: string, options: object = {}): Promise<string> {
  return new Promise((resolve) => {
    const request = httpRequest(url, options, (answer: IncomingMessage) => {
      answer.resume().on('error', () => resolve('aborted'));
      answer.on('end', () => resolve('complete'));
    });
    request.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    request.flushHeaders();
    if (!('method' in options)) request.end();
  });
}

it('dead tokens are forgotten eventually, live ones never', () => {
  const tokens = new Tokens(new Clock());
  const user = { id: 'u', email: 'u', emailVerified: true, name: 'u', organizations: [] };
  const details = {
    clientID: 'c',
    subject: { type: 'user', user },
    scope: 'openid',
    organizationIDs: [],
    expiresIn: 60,
    withRefreshToken: true,
  } as const;
  const live = tokens.issue(details);
  const dead = Array.from({ length: 25_000 }, () => {
    const record = tokens.issue(details);
    record.revoked = true;
    return record;
  });
  const isKnown = ({ accessToken, refreshToken = '' }: typeof live) =>
    tokens.findByAccessToken(accessToken) !== undefined ||
    tokens.findByRefreshToken(refreshToken) !== undefined;
  expect(dead.filter(isKnown).length).toBeLessThan(10_000);
  expect(dead.slice(-1000).every(isKnown)).toBe(true);
  expect(isKnown(live)).toBe(true);
  expect(tokens.live()).toEqual([live]);
});
