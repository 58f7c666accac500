/** Errors that help: each says what is wrong and what to do. */
import { Readable } from 'node:stream';
import { afterEach, describe, expect, it, jest } from '@jest/globals';
import express from 'express';
import passport from 'passport';
import {
  disconnect,
  logout,
  PolarOAuthClient,
  PolarStrategy,
  type PolarStrategyOptions,
  requireLogin,
  requireOrganization,
  requireScope,
} from 'passport-polar-sh';
import { startPolarEmulator } from 'passport-polar-sh/emulator';
import request from 'supertest';
import { startTestApp, type TestApp, type TestAppOptions } from '../support/test-app.js';

let app: TestApp | undefined;
afterEach(async () => {
  await app?.close();
  app = undefined;
});
const starting = (options: object): TestAppOptions => ({
  routes: (server, { passport: authenticator }) =>
    server.get('/start', authenticator.authenticate('polar', options)),
});
const messageAt = async (path: string, options: TestAppOptions): Promise<string> => {
  app = await startTestApp(options);
  return (await app.browser().get(path)).body.message;
};

describe('an error about scopes', () => {
  it('names those that Polar does not know, and suggests the right ones', async () => {
    app = await startTestApp({ strategy: { scope: 'openid orders:raed products:read' } });
    const browser = app.browser();
    const { body } = await browser.logIn();
    expect(body.message).toContain('openid orders:raed products:read');
    expect(body.message).toContain("'orders:raed' (did you mean 'orders:read'?)");
  });

  it('does not say to register scopes that Polar refuses: it refuses only those that it does not have', async () => {
    app = await startTestApp({ strategy: { scope: 'openid products:read' } });
    const browser = app.browser();
    const { location } = (await browser.get('/auth/polar')).headers;
    const state = new URL(String(location)).searchParams.get('state');
    const { body } = await browser.get(`/auth/polar/callback?error=invalid_scope&state=${state}`);
    expect(body.message).toContain(
      "openid products:read. Compare them with the scopes in Polar's documentation.",
    );
  });

  it('says to register a scope that an API needs and that was not granted', async () => {
    app = await startTestApp({
      routes: (server) =>
        server.get(
          '/api',
          async (req, res) => void res.json(await (await req.polar.fetch('/v1/organizations/')).json()),
        ),
    });
    const browser = await app.loggedInBrowser();
    const { body } = await browser.get('/api');
    expect(body.code).toBe('insufficient_scope');
    expect(body.message).toMatch(/organizations:read.*Request it with.*register it for the client/);
  });
});

it('an error about a callbackURL with http says what a proxy must send, even if the app trusts it', async () => {
  app = await startTestApp();
  const { body } = await app
    .browser()
    .get('/auth/polar')
    .set({ host: 'shop.example', 'x-forwarded-for': '10.0.0.1' });
  expect(body.message).toMatch(
    /^callbackURL resolved to an http URL.*send X-Forwarded-Proto: https and call/,
  );
});

describe('passport.authenticate', () => {
  it.each([
    [{ subtype: 'organization' }, 'subType'],
    [{ subTyp: 'organization' }, 'subType'],
    [{ returnto: '/x' }, 'returnTo'],
    [{ callbackUrl: '/x' }, 'callbackURL'],
    [{ scopes: 'openid' }, 'scope'],
    [{ authorizationParam: {} }, 'authorizationParams'],
    [{ failureRedirct: '/x' }, 'failureRedirect'],
    [{ sucessRedirect: '/x' }, 'successRedirect'],
  ])('refuses the misspelt option %j', async (options, meant) => {
    expect(await messageAt('/start', starting(options))).toContain(`Did you mean ${meant}?`);
  });

  it('ignores the options of frameworks and does not send them to Polar', async () => {
    app = await startTestApp(
      starting({ property: 'user', defaultStrategy: 'polar', hd: 'example.com', keepSessionInfo: true }),
    );
    const url = await app.browser().startLogin('/start');
    for (const name of ['property', 'defaultStrategy', 'hd']) expect(url.searchParams.has(name)).toBe(false);
  });

  it('reports an unknown option once during development', async () => {
    const written = jest.spyOn(process.stderr, 'write').mockReturnValue(true);
    try {
      app = await startTestApp(starting({ uiLocales: 'de', session: true }));
      for (let time = 0; time < 2; time++) await app.browser().startLogin('/start');
      const hints = written.mock.calls
        .map(([text]) => String(text))
        .filter((text) => text.includes('uiLocales'));
      expect(hints).toEqual([
        expect.stringMatching(
          /ignores the unknown option 'uiLocales'.*authorizationParams\. See https:\S+#unknown_option\n$/,
        ),
      ]);
    } finally {
      written.mockRestore();
    }
  });

  it('reports a misspelt option of the callback route, whose user is logged in but redirected nowhere', async () => {
    const written = jest.spyOn(process.stderr, 'write').mockReturnValue(true);
    try {
      const callback = { successReturnToOrRedirect: undefined, succesReturnToOrRedirect: '/' } as object;
      app = await startTestApp({ callback });
      for (let time = 0; time < 2; time++) expect((await app.browser().logIn()).status).toBe(200);
      expect(written.mock.calls).toEqual([
        [
          expect.stringMatching(
            /ignores the unknown option 'succesReturnToOrRedirect'\. Did you mean successReturnToOrRedirect\? See https:\S+#unknown_option\n$/,
          ),
        ],
      ]);
    } finally {
      written.mockRestore();
    }
  });

  it('suggests the right name for a parameter of the authorize page', async () => {
    const written = jest.spyOn(process.stderr, 'write').mockReturnValue(true);
    try {
      app = await startTestApp(starting({ loginHint: 'ada@example.com' }));
      await app.browser().startLogin('/start');
      expect(written.mock.calls.join('')).toContain(
        "ignores the unknown option 'loginHint'. Did you mean login_hint?",
      );
    } finally {
      written.mockRestore();
    }
  });

  it.each([[[]], [''], [undefined]])(
    'sends no organizations to Polar if the option is %p',
    async (organizations) => {
      app = await startTestApp(starting({ organizations }));
      expect((await app.browser().startLogin('/start')).searchParams.has('organizations')).toBe(false);
    },
  );

  it('sends authorizationParams to the authorize page', async () => {
    app = await startTestApp(
      starting({ authorizationParams: { ui_locales: 'de' }, login_hint: 'ada@example.com' }),
    );
    const url = await app.browser().startLogin('/start');
    expect(Object.fromEntries(url.searchParams)).toMatchObject({
      ui_locales: 'de',
      login_hint: 'ada@example.com',
    });
  });

  it.each([
    [{ organizations: null }, /organizations must be a list of strings/],
    [{ authorizationParams: 'ui_locales=de' }, /authorizationParams must be an object/],
    [{ authorizationParams: { nonce: 'mine' } }, /'nonce' cannot be set .* protect the login/],
    [{ authorizationParams: { state: 'mine' } }, /'state' cannot be set .* use appState/],
    [{ authorizationParams: { code_challenge: 'mine' } }, /'code_challenge' cannot be set here/],
    [{ authorizationParams: { redirect_uri: '/cb' } }, /'redirect_uri' cannot be set .* use callbackURL/],
    [{ authorizationParams: { sub_type: 'user' } }, /'sub_type' cannot be set .* use subType/],
    [{ nonce: 'mine' }, /'nonce' cannot be set here/],
    [{ redirect_uri: '/cb' }, /'redirect_uri' cannot be set here/],
    [{ authorizationParams: { request: 'x.y.z' } }, /'request' cannot be set here/],
    [{ authorizationParams: { ui_locales: ['de'] } }, /'ui_locales' .* must be a string/],
    [{ appState: 10n }, /^appState must be a value with a JSON text/],
    [{ appState: globalThis }, /^appState must be a value with a JSON text/],
    [{ appState: 'x'.repeat(3000) }, /appState must be a value with a JSON text of at most 2048 bytes/],
    [{ appState: '界'.repeat(683) }, /appState must be a value with a JSON text of at most 2048 bytes/],
  ])('refuses options that make no sense: %p', async (options, message) => {
    expect(await messageAt('/start', starting(options))).toMatch(message);
  });

  it.each(['appState', 'state'])('returns app data that was given as %s', async (name) => {
    app = await startTestApp({
      ...starting({ [name]: { cart: 7 } }),
      callback: { successReturnToOrRedirect: undefined } as never,
    });
    expect((await app.browser().logIn('/start')).body.info).toEqual({ state: { cart: 7 } });
  });
});

describe('a middleware', () => {
  const polar = new PolarStrategy({ clientID: 'c', clientSecret: 's', callbackURL: '/cb' });

  it.each<[string, () => unknown, string]>([
    ['logout', () => logout(polar, { redirectURL: '/' } as never), 'Options: redirectTo.'],
    ['disconnect', () => disconnect(polar, { redirectto: '/' } as never), 'Did you mean redirectTo?'],
    ['requireLogin', () => requireLogin({ loginUrl: '/auth' } as never), 'Options: loginPath.'],
    [
      'requireScope',
      () => requireScope('openid', { loginPath: '/auth', returnTo: '/' } as never),
      'Options: loginPath.',
    ],
    [
      'requireOrganization',
      () => requireOrganization(() => '', { loginpath: '/auth' } as never),
      'Did you mean loginPath?',
    ],
  ])('refuses a misspelt option: %s', (name, make, hint) => {
    expect(make).toThrow(new RegExp(`^${name} has no option '.*'\\. .*${hint.replace('?', '\\?')}`));
  });
});

describe('new PolarStrategy', () => {
  const made = (more: Partial<PolarStrategyOptions>) => () =>
    new PolarStrategy({ clientID: 'c', clientSecret: 's', callbackURL: '/cb', ...more });

  it.each<[string, object, RegExp]>([
    [
      'a server without addresses',
      { server: { webURL: undefined, apiURL: undefined } },
      /server\.webURL must be an absolute URL, such as .*, not undefined/,
    ],
    ...[undefined, ''].map((clientID): [string, object, RegExp] => [
      `a missing id, ${JSON.stringify(clientID)}, and asks whether the environment is loaded`,
      { clientID },
      /^clientID must be .*, not (undefined|'')\. Is POLAR_CLIENT_ID set, and the environment file loaded \(node --env-file=\.env\)\?$/,
    ]),
    ['an id that is no text', { clientID: 7 }, /^clientID must be .*, not 7$/],
    [
      'a secret in place of the id',
      { clientID: 'polar_cs_hunter2' },
      /^clientID must be the id of your OAuth client \(polar_ci_\.\.\.\), not its secret/,
    ],
    [
      'an id in place of the secret',
      { clientSecret: 'polar_ci_local' },
      /^clientSecret must be the secret of your OAuth client \(polar_cs_\.\.\.\), not its id/,
    ],
    [
      'an id with a space at its end',
      { clientID: 'polar_ci_local ' },
      /^clientID has leading or trailing white space/,
    ],
    [
      'a secret with a line break at its end',
      { clientSecret: 'polar_cs_hunter2\n' },
      /^clientSecret has leading or trailing white space/,
    ],
    [
      'a relative callback',
      { callbackURL: 'auth/callback' },
      /callbackURL must be .*, not 'auth\/callback'$/,
    ],
    [
      'plain http to another machine',
      { server: { webURL: 'http://polar:4100', apiURL: 'http://polar:4100' } },
      /allowInsecureHTTP: true/,
    ],
    [
      'a switch that is not a boolean',
      { server: { webURL: 'http://polar:4100', apiURL: 'http://polar:4100', allowInsecureHTTP: 'yes' } },
      /allowInsecureHTTP must be true or false/,
    ],
  ])('refuses %s', (_what, more, message) => expect(made(more as never)).toThrow(message));

  it('accepts plain http to another machine if allowInsecureHTTP is set', () => {
    const server = { webURL: 'http://polar:4100', apiURL: 'http://polar:4100', allowInsecureHTTP: true };
    expect(made({ server })).not.toThrow();
  });
});

it('the strategy logs in at a Polar that it discovers over plain http on another machine, if that is allowed', async () => {
  const emulator = await startPolarEmulator({ consent: 'auto' });
  // Leads to this machine without being one of its names.
  const elsewhere = emulator.url.replace('127.0.0.1', '0.0.0.0');
  const server = {
    discoveryURL: `${elsewhere}/.well-known/openid-configuration`,
    issuer: 'https://polar.sh',
    allowInsecureHTTP: true,
  };
  const warn = jest.spyOn(process, 'emitWarning').mockReturnValue();
  try {
    app = await startTestApp({ sharedEmulator: emulator, strategy: { server } });
    const browser = app.browser();
    expect((await browser.logIn()).headers['location']).toBe('/home');
    expect(emulator.liveTokens()).toMatchObject([{ accessToken: await browser.token() }]);
    expect(warn.mock.calls).toEqual([
      [
        expect.stringMatching(/ sent unencrypted to 0\.0\.0\.0:\d+.* See https:\S+#insecure_http$/),
        { type: 'PolarInsecureHTTP', code: 'insecure_http' },
      ],
    ]);
  } finally {
    warn.mockRestore();
    await app?.close();
    app = undefined;
    await emulator.close();
  }
});

it('the error for a public client with a secret says to leave the secret out', async () => {
  app = await startTestApp({
    publicClient: true,
    strategy: { clientSecret: 'polar_cs_that_it_does_not_have' },
  });
  const { body } = await app.browser().logIn();
  expect(body.code).toBe('invalid_client');
  expect(body.message).toContain('For a public client (token_endpoint_auth_method none), omit clientSecret');
});

it.each<[string, (secret: string) => string]>([
  ['percent-encoded', (secret) => encodeURIComponent(secret)],
  ['percent-encoded twice', (secret) => encodeURIComponent(encodeURIComponent(secret))],
  [
    'every byte percent-encoded',
    (secret) => [...Buffer.from(secret)].map((byte) => `%${byte.toString(16)}`).join(''),
  ],
  [
    'every byte percent-encoded in upper case',
    (secret) => [...Buffer.from(secret)].map((byte) => `%${byte.toString(16).toUpperCase()}`).join(''),
  ],
  ['in upper case', (secret) => secret.toUpperCase()],
])('an error does not show a secret that Polar echoes in another encoding: %s', async (_how, encode) => {
  const clientSecret = 'hush/ hush+ä=1';
  const client = new PolarOAuthClient({
    clientID: 'c',
    clientSecret,
    fetch: async () =>
      Response.json(
        { error: 'invalid_client', error_description: `not ${encode(clientSecret)}!` },
        { status: 401 },
      ),
  });
  const error = (await client.introspect('token').catch((thrown: unknown) => thrown)) as Error;
  expect(error.message).toContain('not [redacted]!');
});

it('an error redacts a very long secret without delay', async () => {
  const secret = 'aB3-'.repeat(4000);
  const client = new PolarOAuthClient({
    clientID: 'c',
    clientSecret: 's',
    fetch: async () =>
      Response.json(
        { error: 'invalid_token', error_description: `not ${secret}, nor ${'%25'.repeat(50_000)}` },
        { status: 401 },
      ),
  });
  const error = (await client.userInfo(secret).catch((thrown: unknown) => thrown)) as Error & {
    code: string;
  };
  expect(error.code).toBe('invalid_token');
  expect(error.message).toContain('not [redacted], nor');
});

it('a known error code survives redaction, whatever was sent', async () => {
  const client = new PolarOAuthClient({
    clientID: 'c',
    clientSecret: 's',
    fetch: async () => Response.json({ error: 'invalid_grant' }, { status: 400 }),
  });
  await expect(
    client.exchangeCode({ code: 'grant', redirectURI: 'https://app.example/cb', codeVerifier: 'v' } as never),
  ).rejects.toMatchObject({ code: 'invalid_grant', error: 'invalid_grant' });
});

it.each([undefined, null, {}, { status: 200 }, { json: async () => ({}) }])(
  'an error names a fetch that returns %j instead of a Response',
  async (brought) => {
    const client = new PolarOAuthClient({
      clientID: 'c',
      clientSecret: 's',
      fetch: (async () => brought) as never,
    });
    const error = (await client.introspect('token').catch((thrown: unknown) => thrown)) as Error & {
      code: string;
    };
    expect(error.code).toBe('malformed_response');
    expect(error.message).toContain('instead of a Response');
  },
);

it('JSON that is nested too deeply counts as a malformed response', async () => {
  const deep = `{"access_token":"a","x":${'['.repeat(80_000)}${']'.repeat(80_000)}}`;
  app = await startTestApp({
    strategy: {
      fetch: async (url, init) =>
        url.endsWith('/token')
          ? new Response(deep, { headers: { 'content-type': 'application/json' } })
          : fetch(url, init),
    },
  });
  expect((await app.browser().logIn()).body.code).toBe('malformed_response');
});

describe('a login and a refresh work with a fetch whose responses have', () => {
  const like = ({ headers, ok, status }: Response, text: string, body: unknown) => ({
    headers,
    ok,
    status,
    type: 'default',
    body,
    text: async () => text,
  });
  it.each<[string, (text: string) => unknown]>([
    ['a Node stream as body', (text) => Readable.from([Buffer.from(text)])],
    ['nothing but text()', () => undefined],
    ['a body of an unknown kind', () => ({ pipe() {} })],
  ])('%s', async (_what, bodyOf) => {
    app = await startTestApp({
      strategy: {
        fetch: async (url, init) => {
          const answer = await fetch(url, init);
          const text = await answer.text();
          return like(answer, text, bodyOf(text)) as unknown as Response;
        },
      },
    });
    const browser = app.browser();
    expect((await browser.logIn()).headers['location']).toBe('/home');
    app.emulator.advanceTime(864_000);
    expect(await browser.token()).toBe(app.emulator.liveTokens()[0]?.accessToken);
  });
});

describe('the strategy', () => {
  const bare = (before: express.RequestHandler, options: object = {}) => {
    const server = express();
    const polar = new PolarStrategy({ clientID: 'x', callbackURL: '/cb' });
    server.get('/auth', before, passport.authenticate(polar, options));
    server.use(
      ((error, _req, res, _next) =>
        void res
          .status(500)
          .json({ code: error.code, message: error.message })) as express.ErrorRequestHandler,
    );
    return request(server).get('/auth');
  };

  it('requires express-session, not a lookalike', async () => {
    const { body } = await bare((req, _res, next) => {
      const methods = { regenerate() {}, save() {}, destroy() {}, cookie: {} };
      Object.assign(req, { session: methods, sessionStore: { get() {}, set() {}, destroy() {} } });
      next();
    });
    expect(body.code).toBe('unsupported_session');
    expect(body.message).toMatch(/needs express-session.*@fastify\/session/);
  });

  it.each(['failureFlash', 'successFlash'])('requires connect-flash for %s', async (name) => {
    const { default: session } = await import('express-session');
    const { body } = await bare(session({ secret: 'x', resave: false, saveUninitialized: false }), {
      [name]: true,
    });
    expect(body.code).toBe('missing_middleware');
    expect(body.message).toContain('connect-flash');
  });
});
