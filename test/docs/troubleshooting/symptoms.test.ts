/** Each symptom of docs/troubleshooting.md: a broken app shows it, and the same app with the fix of the guide works. */

import { fork } from 'node:child_process';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { IncomingMessage } from 'node:http';
import { request as send } from 'node:https';
import { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseEnv } from 'node:util';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import session, { type CookieOptions } from 'express-session';
import { polarTokens, requireLogin } from 'passport-polar-sh';
import { startPolarEmulator } from 'passport-polar-sh/emulator';
import request from 'supertest';
import { clientEnvironment } from '../../../src/commands/client-environment.js';
import { emulatorCommand } from '../../../src/commands/emulator-command.js';
import { writeEnvironmentFile } from '../../../src/commands/environment-file.js';
import { redirectURIsCommand } from '../../../src/commands/redirect-uris-command.js';
import { docsURL } from '../../../src/docs-url.js';
import { SharedStore } from '../../support/app-processes.js';
import { Browser } from '../../support/browser.js';
import { recordMessages } from '../../support/diagnostics.js';
import { neededProgram } from '../../support/needed-program.js';
import { Terminal } from '../../support/terminal.js';
import { startTLSProxy } from '../../support/tls-proxy.js';
import { projectFile, root } from '../shown-code.js';
import { type AppOptions, type Parts, type RunningApp, startApp, useRoutes, useSession } from './app.js';
import { fixesOf, runFix } from './shown-fix.js';

const running: RunningApp[] = [];
const start = async (setUp: (parts: Parts) => void, options?: AppOptions): Promise<RunningApp> => {
  const app = await startApp(setUp, options);
  running.push(app);
  return app;
};
/** The guide's code number `index` of a section, as a step in the setup of an app. */
const fix =
  (title: string, index = 0, modules = {}) =>
  (parts: Parts): void =>
    void runFix(fixesOf(title)[index] as string, { ...parts, redis: undefined }, modules);
const user = async (browser: Browser): Promise<unknown> => (await browser.get('/')).body.user;
const aUser = expect.objectContaining({ provider: 'polar' });

const messages = recordMessages();
let printed: string[];
beforeEach(() => {
  process.env['SESSION_SECRET'] = 'only for tests';
  printed = [];
  jest.spyOn(process.stderr, 'write').mockImplementation(((text: string) => printed.push(text) > 0) as never);
});
afterEach(async () => {
  jest.useRealTimers();
  jest.restoreAllMocks();
  for (const app of running.splice(0).reverse()) await app.close();
});
const expectHint = (code: string): void =>
  expect(printed).toEqual([expect.stringContaining(` See ${docsURL(code)}\n`)]);

it('the guide shows how to listen to failed logins', async () => {
  const log = jest.spyOn(console, 'log').mockReturnValue();
  const listeners: ((message: unknown) => void)[] = [];
  const code = /```ts\n([\s\S]*?)```/.exec(projectFile('docs/troubleshooting.md'))?.[1];
  runFix(
    code as string,
    {},
    {
      'node:diagnostics_channel': {
        subscribe: (name: string, listener: (message: unknown) => void) => {
          listeners.push(listener);
          subscribe(name, listener);
        },
      },
    },
  );
  try {
    const app = await start((parts) => {
      useSession(parts);
      useRoutes(parts);
    });
    await app.browser().get('/auth/polar/callback?code=x&state=y');
    expect(log).toHaveBeenCalledWith(
      expect.objectContaining({ event: 'login-failed', code: 'attempt_unknown' }),
    );
  } finally {
    for (const listener of listeners) unsubscribe('passport-polar-sh:login', listener as never);
  }
});

describe('I land on / and am not logged in', () => {
  const title = 'I land on / and am not logged in';

  it('because failureRedirect hides the failure', async () => {
    const rejecting = { verify: () => false as const };
    const broken = await start((parts) => {
      useSession(parts);
      parts.app.get(
        '/auth/polar/callback',
        parts.passport.authenticate('polar', { successRedirect: '/', failureRedirect: '/' }),
      );
      useRoutes(parts);
    }, rejecting);
    const browser = broken.browser();
    expect((await browser.logIn()).headers['location']).toBe('/');
    expect(await user(browser)).toBeNull();
    expectHint('login_refused');

    const fixed = await start((parts) => {
      useSession(parts);
      fix(title)(parts);
      useRoutes(parts);
    }, rejecting);
    const shown = await fixed.browser().logIn();
    expect([shown.status, shown.body.message]).toEqual([401, 'This account cannot log in here.']);
  });

  it('because a custom callback does not log the user in', async () => {
    const broken = await start((parts) => {
      useSession(parts);
      parts.app.get('/auth/polar/callback', (req, res, next) => {
        parts.passport.authenticate('polar', (error: unknown) => (error ? next(error) : res.redirect('/')))(
          req,
          res,
          next,
        );
      });
      useRoutes(parts);
    });
    const browser = broken.browser();
    expect((await browser.logIn()).headers['location']).toBe('/');
    expect(await user(browser)).toBeNull();
    expectHint('nobody_logged_in');

    const fixed = await start((parts) => {
      useSession(parts);
      fix(title, 1)(parts);
      useRoutes(parts);
    });
    const other = fixed.browser();
    expect((await other.logIn()).headers['location']).toBe('/');
    expect(await user(other)).toEqual(aUser);
    fixed.emulator.consent = 'deny';
    const refused = await fixed.browser().logIn();
    expect([refused.status, refused.text]).toEqual([401, 'The login with Polar was cancelled.']);
  });

  it('because the app regenerates the session after the login', async () => {
    const app = await start((parts) => {
      useSession(parts);
      const { app, passport } = parts;
      const authenticate = passport.authenticate('polar', { failWithError: true });
      app.get('/auth/polar/callback', authenticate, (req, res, next) => {
        req.session.regenerate((error) => (error ? next(error) : res.redirect('/')));
      });
      useRoutes(parts);
    });
    const browser = app.browser();
    await browser.logIn();
    expect(await user(browser)).toBeNull();
  });

  const sessions = () => session({ secret: 'x', resave: false, saveUninitialized: false });
  const expectSessionHint = (): void => {
    expectHint('missing_middleware');
    expect(printed[0]).toContain('GET / responded without the user who logged in with Polar');
  };

  it.each<[string, (parts: Parts) => void]>([
    ['is missing', ({ app, polar }) => app.use(sessions(), polarTokens(polar))],
    [
      'is missing, as in code for old versions of Passport',
      ({ app, passport, polar }) => app.use(sessions(), passport.initialize(), polarTokens(polar)),
    ],
    ['is missing, as is polarTokens', ({ app }) => app.use(sessions())],
  ])(
    'because passport.session() %s, which the next page tells once, and guarded pages always',
    async (_how, mount) => {
      const app = await start((parts) => {
        mount(parts);
        parts.app.get('/page', requireLogin({ loginPath: '/auth/polar' }), (_req, res) => void res.json({}));
        useRoutes(parts);
      });
      const browser = app.browser();
      await browser.logIn();
      expect(printed).toEqual([]);
      expect(await user(browser)).toBeNull();
      expect(await user(browser)).toBeNull();
      expectSessionHint();
      expect((await browser.get('/page')).body.code).toBe('missing_middleware');
    },
  );

  it('because passport.session() comes after the routes', async () => {
    const app = await start((parts) => {
      parts.app.use(sessions());
      useRoutes(parts);
      parts.app.use(parts.passport.session(), polarTokens(parts.polar));
    });
    const browser = app.browser();
    await browser.logIn();
    await browser.get('/favicon.ico');
    expect(await user(browser)).toBeNull();
    expectSessionHint();
  });

  it('and no hint blames passport.session() where it runs', async () => {
    const app = await start((parts) => {
      const { app, passport, polar } = parts;
      app.use(sessions(), polarTokens(polar));
      app.use('/style.css', (_req, res) => void res.send('a file'));
      app.use(passport.session());
      useRoutes(parts);
    });
    const browser = app.browser();
    await browser.logIn();
    expect((await browser.get('/style.css')).status).toBe(200);
    expect(await user(browser)).toEqual(aUser);
    await request(app.url).post('/auth/polar/callback');
    expect(await user(app.browser())).toBeNull();
    expect(printed).toEqual([]);
  });

  it('but not because of a strict session cookie, with which no login starts', async () => {
    const startWith = (cookie: CookieOptions) =>
      start((parts) => {
        useSession(parts, { cookie });
        useRoutes(parts);
      });
    const broken = await (await startWith({ sameSite: 'strict' })).browser().get('/auth/polar');
    expect(broken.body.code).toBe('unsupported_session');
    const browser = (await startWith({ sameSite: 'lax' })).browser();
    await browser.logIn();
    expect(await user(browser)).toEqual(aUser);
  });

  it('because deserializeUser finds nobody, which guarded pages say', async () => {
    const startWith = (deserialize: (id: string) => Express.User | false) =>
      start((parts) => {
        const { app, passport } = parts;
        const known = passport as never as { _serializers: unknown[]; _deserializers: unknown[] };
        known._serializers.length = known._deserializers.length = 0;
        passport.serializeUser((profile, done) => done(null, (profile as { id: string }).id));
        passport.deserializeUser((id: string, done) => done(null, deserialize(id)));
        useSession(parts);
        app.get('/page', requireLogin({ loginPath: '/auth/polar' }), (req, res) => void res.json(req.user));
        useRoutes(parts);
      });
    const pageOf = async (app: RunningApp) => {
      const browser = app.browser();
      await browser.logIn();
      return (await browser.get('/page')).body;
    };
    expect((await pageOf(await startWith(() => false))).code).toBe('user_not_found');
    expectHint('user_not_found');
    expect(await pageOf(await startWith((id) => ({ id }) as never))).toEqual({ id: expect.any(String) });
  });
});

describe('Too many redirects', () => {
  it('because the guard protects the login route itself', async () => {
    const broken = await start((parts) => {
      useSession(parts);
      parts.app.use(requireLogin({ loginPath: '/auth/polar' }));
      useRoutes(parts);
    });
    const visit = (path: string) => broken.browser().get(path).set('accept', 'text/html');
    const { location = '' } = (await visit('/page')).headers;
    expect(location).toBe('/auth/polar?return_to=%2Fpage');
    const { status, body } = await visit(location);
    expect([status, body.code]).toEqual([500, 'login_loop']);
    expect(body.message).toContain('A guard stands before /auth/polar');

    const fixed = await start((parts) => {
      useSession(parts);
      fix('Too many redirects')(parts);
      parts.app.get('/page', (_req, res) => void res.json({ page: true }));
    });
    const browser = fixed.browser();
    const login = await browser.get('/page').set('accept', 'text/html');
    const back = await browser.logIn(login.headers['location'] as string);
    expect(back.headers['location']).toBe('/page');
    expect((await browser.get('/page').set('accept', 'text/html')).body).toEqual({ page: true });
  });

  it('because the login logs nobody in, which ends with an error', async () => {
    const app = await start((parts) => {
      useSession(parts);
      const { app, passport } = parts;
      app.get('/auth/polar/callback', passport.authenticate('polar', { session: false }), (_req, res) =>
        res.redirect('/page'),
      );
      app.get('/page', requireLogin({ loginPath: '/auth/polar' }));
      useRoutes(parts);
    });
    const browser = app.browser();
    let page = await browser.get('/page').set('accept', 'text/html');
    for (let round = 0; round < 3; round++) {
      await browser.logIn(page.headers['location'] as string);
      page = await browser.get('/page').set('accept', 'text/html');
    }
    expect([page.status, page.body.code]).toEqual([500, 'login_loop']);
  });
});

describe('insufficient_scope although I asked for it', () => {
  const title = 'insufficient_scope although I asked for it';
  const organizations = ({ app }: Parts): void =>
    void app.get('/organizations', async (req, res) => {
      res.json(await (await req.polar.fetch('/v1/organizations/')).json());
    });

  it('because the login is older than the scope', async () => {
    const store = new SharedStore();
    const before = await start(
      (parts) => {
        useSession(parts, { store });
        useRoutes(parts);
      },
      { strategy: { scope: 'openid' } },
    );
    const browser = before.browser();
    await browser.logIn();
    const scope = 'openid organizations:read';
    const processOf = (route: (parts: Parts) => void) =>
      start(
        (parts) => {
          useSession(parts, { store });
          route(parts);
          useRoutes(parts);
        },
        { strategy: { scope }, sameAs: before },
      );
    const broken = browser.at(await processOf(organizations));
    expect((await broken.get('/organizations')).body.code).toBe('insufficient_scope');

    const fixed = browser.at(await processOf(fix(title)));
    const asked = await fixed.get('/organizations').set('accept', 'text/html');
    await fixed.logIn(asked.headers['location'] as string);
    expect((await fixed.get('/organizations')).body.items).toBeInstanceOf(Array);
  });

  it('because the client is not registered for it', async () => {
    const app = await start(
      (parts) => {
        useSession(parts);
        organizations(parts);
        parts.app.get('/scopes', (req, res) => void res.json(req.polar.scopes));
        useRoutes(parts);
      },
      { strategy: { scope: 'openid organizations:read' } },
    );
    app.emulator.updateClient(app.client.clientID, { scope: 'openid' });
    const browser = app.browser();
    await browser.logIn();
    expect((await browser.get('/organizations')).body.code).toBe('insufficient_scope');

    app.emulator.updateClient(app.client.clientID, { scope: 'openid organizations:read' });
    await browser.logIn();
    expect((await browser.get('/scopes')).body).toContain('organizations:read');
    expect((await browser.get('/organizations')).status).toBe(200);
  });
});

const withOpenSSL = neededProgram(['openssl'], 'apt-get install openssl') === undefined ? it.skip : it;

describe('It works locally, but not behind nginx', () => {
  const origin = 'https://app.shop.example';
  const redirectURIs = [`${origin}/auth/polar/callback`];

  /** Logs in over TLS, through a proxy in front of the app. */
  async function logIn(app: RunningApp) {
    const proxy = await startTLSProxy();
    proxy.target = app.url;
    let cookies: string[] = [];
    const get = async (path: string) => {
      const response = await new Promise<IncomingMessage>((resolve, reject) => {
        const headers = { host: 'app.shop.example', cookie: cookies.join('; ') };
        const options = { port: proxy.port, host: '127.0.0.1', servername: 'app.shop.example' };
        send({ ...options, ca: proxy.certificate, path, headers }, resolve)
          .on('error', reject)
          .end();
      });
      const text = (await response.toArray()).join('');
      const set = (response.headers['set-cookie'] ?? []).map((each) => each.split(';')[0] as string);
      const names = set.map((each) => each.split('=')[0]);
      cookies = [...cookies.filter((each) => !names.includes(each.split('=')[0])), ...set];
      const body = response.headers['content-type']?.includes('json') ? JSON.parse(text) : {};
      return { body, location: response.headers.location };
    };
    try {
      const started = await get('/auth/polar');
      if (started.location === undefined) return started.body;
      await get(await app.emulator.authorize(new URL(started.location)));
      return (await get('/')).body;
    } finally {
      await proxy.close();
    }
  }
  const cookie = { secure: true };
  const setUp =
    (before: (parts: Parts) => void = () => {}) =>
    (parts: Parts): void => {
      before(parts);
      useSession(parts, { cookie });
      useRoutes(parts);
    };
  const absolute = { redirectURIs, strategy: { callbackURL: redirectURIs[0] as string } };

  withOpenSSL('because the session cookie is not set', async () => {
    expect(await logIn(await start(setUp(), absolute))).toEqual({ user: null });
    expectHint('session_cookie_not_set');
    const fixed = await start(setUp(fix('It works locally, but not behind nginx')), absolute);
    expect(await logIn(fixed)).toEqual({ user: aUser });
  });

  withOpenSSL('because callbackURL is completed with http', async () => {
    expect(await logIn(await start(setUp(), { redirectURIs }))).toMatchObject({
      code: 'invalid_option',
      message: expect.stringContaining("app.set('trust proxy', 1)"),
    });
    const fixed = await start(setUp(fix('It works locally, but not behind nginx')), { redirectURIs });
    expect(await logIn(fixed)).toEqual({ user: aUser });
  });

  it('because the proxy does not say that the browser uses https', async () => {
    const app = await start(setUp(fix('It works locally, but not behind nginx')), absolute);
    expect((await app.browser().get('/auth/polar')).body.code).toBe('unsupported_session');
  });
});

/** connect-redis, over a store that these processes share instead of a Redis. */
function connectRedis() {
  const shared = new SharedStore();
  return {
    'connect-redis': {
      RedisStore: function RedisStore() {
        return shared;
      },
    },
  };
}
const sharedSessions = 'The callback says attempt_unknown or attempt_expired';

describe('The callback says attempt_unknown or attempt_expired', () => {
  const own = (parts: Parts): void => {
    useSession(parts);
    useRoutes(parts);
  };

  it('because another process started the login, or the same one before a restart', async () => {
    const one = await start(own);
    const other = await start(own, { sameAs: one });
    const browser = one.browser();
    const callback = await browser.visitPolar(await browser.startLogin());
    expect((await browser.at(other).get(callback)).body.code).toBe('attempt_expired');
    expect((await other.browser().get(callback)).body.code).toBe('attempt_unknown');
    const failures = messages.filter(({ event }) => event === 'login-failed');
    expect(failures.map(({ code }) => code)).toEqual(['attempt_expired', 'attempt_unknown']);

    const modules = connectRedis();
    const shared = (parts: Parts): void => {
      fix(sharedSessions, 0, modules)(parts);
      parts.app.use(parts.passport.session());
      useRoutes(parts);
    };
    const first = await start(shared);
    const second = await start(shared, { sameAs: first });
    const better = first.browser();
    const path = await better.visitPolar(await better.startLogin());
    expect((await better.at(second).get(path)).headers['location']).toBe('/');
    expect(await user(better)).toEqual(aUser);
  });
});

describe('The callback says that the login expired', () => {
  const title = 'The callback says that the login expired';

  it('because it took longer than loginAttemptSeconds', async () => {
    const late = async (step: (parts: Parts) => void) => {
      const app = await start((parts) => {
        step(parts);
        useSession(parts);
        useRoutes(parts);
      });
      const browser = app.browser();
      const url = await browser.startLogin();
      app.emulator.advanceTime(660);
      return browser.get(await browser.visitPolar(url));
    };
    expect((await late(() => {})).body.code).toBe('attempt_expired');
    expect((await late(fix(title))).headers['location']).toBe('/');
  });

  it('because Polar has ended a login that was finished', async () => {
    const ended = async (step: (parts: Parts) => void) => {
      const app = await start((parts) => {
        useSession(parts);
        useRoutes(parts);
        step(parts);
      });
      const browser = app.browser();
      await browser.logIn();
      app.emulator.revokeAll();
      app.emulator.advanceTime(864_000);
      return browser.get('/token').set('accept', 'text/html');
    };
    expect((await ended(() => {})).body.code).toBe('login_expired');
    expect((await ended(fix(title, 1))).headers['location']).toBe('/auth/polar?return_to=%2Ftoken');
  });
});

describe('Everybody is logged out after a deploy', () => {
  const deploy = async (setUp: (parts: Parts) => void) => {
    const before = await start(setUp);
    const browser = before.browser();
    await browser.logIn();
    return user(browser.at(await start(setUp, { sameAs: before })));
  };

  it('because the sessions were in memory', async () => {
    expect(
      await deploy((parts) => {
        useSession(parts);
        useRoutes(parts);
      }),
    ).toBeNull();
    const modules = connectRedis();
    expect(
      await deploy((parts) => {
        fix(sharedSessions, 0, modules)(parts);
        parts.app.use(parts.passport.session());
        useRoutes(parts);
      }),
    ).toEqual(aUser);
  });

  it('because the secret is a new one', async () => {
    const store = new SharedStore();
    let deploys = 0;
    expect(
      await deploy((parts) => {
        useSession(parts, { store, secret: `secret of deploy ${deploys++}` });
        useRoutes(parts);
      }),
    ).toBeNull();
  });
});

describe('Users are logged out after an hour', () => {
  const title = 'Users are logged out after an hour';

  it('because the session cookie lives for an hour, and nothing renews it', async () => {
    const afterVisits = async (sessions: (parts: Parts) => void) => {
      const app = await start((parts) => {
        sessions(parts);
        useRoutes(parts);
      });
      const browser = app.browser();
      await browser.logIn();
      for (let visit = 0; visit < 2; visit++) {
        jest.setSystemTime(Date.now() + 50 * 60_000);
        await browser.get('/');
      }
      return user(browser);
    };
    jest.useFakeTimers({
      now: Date.now(),
      doNotFake: [
        ...['nextTick', 'hrtime', 'performance', 'queueMicrotask', 'setImmediate', 'clearImmediate'],
        ...['setInterval', 'clearInterval', 'setTimeout', 'clearTimeout'],
      ] as never,
    });
    expect(await afterVisits((parts) => useSession(parts, { cookie: { maxAge: 3_600_000 } }))).toBeNull();
    const fixed = await afterVisits((parts) => {
      fix(title)(parts);
      parts.app.use(parts.passport.session());
    });
    expect(fixed).toEqual(aUser);
  });

  it('because something else refreshes the tokens', async () => {
    let refreshToken = '';
    const app = await start(
      (parts) => {
        useSession(parts);
        useRoutes(parts);
      },
      {
        verify: ((login: { tokens: { refreshToken: string }; profile: Express.User }) => {
          refreshToken = login.tokens.refreshToken;
          return login.profile;
        }) as never,
      },
    );
    const broken = app.browser();
    await broken.logIn();
    app.emulator.advanceTime(864_000);
    await app.polar.client.refresh({ refreshToken });
    expect((await broken.get('/token')).body.code).toBe('login_expired');

    const fixed = app.browser();
    await fixed.logIn();
    app.emulator.advanceTime(864_000);
    expect((await fixed.get('/token')).status).toBe(200);
  });
});

describe('It works in one tab only', () => {
  it('because the tabs use two names of one app', async () => {
    const startWith = (step: (parts: Parts) => void) =>
      start((parts) => {
        step(parts);
        useSession(parts);
        useRoutes(parts);
      });
    const tabs = async (app: RunningApp) => {
      const one = app.browser();
      await one.logIn();
      const other = one.at({ url: app.url.replace('127.0.0.1', 'localhost') });
      return { one, page: await other.get('/') };
    };
    const broken = await tabs(await startWith(() => {}));
    expect([await user(broken.one), broken.page.body]).toEqual([aUser, { user: null }]);

    const [shown = ''] = fixesOf('It works in one tab only');
    const app = await startWith(({ app, url }) =>
      runFix(shown.replace('http://localhost:3000', url), { app }),
    );
    const fixed = await tabs(app);
    expect(fixed.page.headers['location']).toBe(`${app.url}/`);
    expect(await user(fixed.one)).toEqual(aUser);
  });
});

describe('Polar shows an error about redirect_uri', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'passport-polar-sh-symptoms-'));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  it('because the app was opened at 127.0.0.1 instead of localhost', async () => {
    const app = await start((parts) => {
      useSession(parts);
      useRoutes(parts);
    });
    const url = app.url.replace('127.0.0.1', 'localhost');
    app.emulator.updateClient(app.client.clientID, { redirectURIs: [`${url}/auth/polar/callback`] });
    await expect(app.browser().logIn()).rejects.toThrow('is not supported by client');
    const browser = app.browser().at({ url });
    await browser.logIn();
    expect(await user(browser)).toEqual(aUser);
  });

  it('because the local Polar was started without the address', async () => {
    const redirectURI = 'http://localhost:4000/auth/polar/callback';
    const statusWith = async (args: readonly string[]) => {
      const emulator = await emulatorCommand(args, new Terminal());
      const query = new URLSearchParams({
        response_type: 'code',
        client_id: parseEnv(readFileSync(join(folder, '.env'), 'utf8'))['POLAR_CLIENT_ID'] ?? '',
        redirect_uri: redirectURI,
      });
      const page = await fetch(`${emulator?.url}/oauth2/authorize?${query}`, { redirect: 'manual' });
      await emulator?.close();
      return page.status;
    };
    const [npx, name, subject, ...args] = (
      fixesOf('Polar shows an error about redirect_uri')[1]?.trim() ?? ''
    ).split(' ');
    expect([npx, name, subject]).toEqual(['npx', 'passport-polar-sh', 'emulator']);
    const own = args.map((arg) => arg.replace('4100', '0').replace('.env', join(folder, '.env')));
    expect(await statusWith(own.filter((arg) => arg !== '--redirect-uri' && arg !== redirectURI))).toBe(400);
    expect(await statusWith(own)).toBe(200); // the consent page
  });

  it('because the address is not registered for the client', async () => {
    const app = await start((parts) => {
      useSession(parts);
      useRoutes(parts);
    });
    const callback = `${app.url}/auth/polar/callback`;
    app.emulator.updateClient(app.client.clientID, { redirectURIs: [`${app.url}/auth/callback`] });
    const browser = app.browser();
    const url = await browser.startLogin();
    const page = await fetch(url, { redirect: 'manual', headers: { accept: 'text/html' } });
    expect([page.status, await page.text()]).toEqual([
      400,
      expect.stringContaining('is not supported by client'),
    ]);

    const envFile = join(folder, '.env');
    const { clientID, registrationAccessToken } = app.client;
    await writeEnvironmentFile(
      envFile,
      clientEnvironment({ server: app.emulator.url, clientID, registrationAccessToken }),
    );
    const commands = (fixesOf('Polar shows an error about redirect_uri')[0] ?? '').trim().split('\n');
    const shown: string[] = [];
    for (const command of commands) {
      const [npx, name, subject, ...args] = command.split(' ');
      expect([npx, name, subject]).toEqual(['npx', 'passport-polar-sh', 'redirect-uris']);
      const terminal = new Terminal();
      const own = args.map((arg) => arg.replace('http://localhost:3000', app.url).replace('.env', envFile));
      await redirectURIsCommand(own, terminal, async () => {});
      shown.push(terminal.out + terminal.error);
    }
    expect(shown).toEqual([`${app.url}/auth/callback\n`, `Added ${callback}\n`]);
    expect((await browser.logIn()).headers['location']).toBe('/');
  });
});

describe('My app exits when a request to Polar fails', () => {
  const here = 'test/docs/troubleshooting';

  /** The response to a page that needs Polar, which is down; `undefined` if the process ended instead. */
  async function pageWithoutPolar(...args: string[]) {
    const emulator = await startPolarEmulator({ consent: 'auto' });
    const client = emulator.registerClient({ redirectURIs: [] });
    const child = fork(join(root, here, 'express-4-app.ts'), args, {
      execArgv: ['--import', 'tsx'],
      env: {
        PATH: process.env['PATH'],
        ...clientEnvironment({
          server: emulator.url,
          clientID: client.clientID,
          clientSecret: client.clientSecret,
        }),
      },
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    });
    let stderr = '';
    child.stderr?.on('data', (chunk) => (stderr += chunk));
    const closed = once(child, 'close');
    try {
      const [url] = (await once(child, 'message')) as [string];
      emulator.updateClient(client.clientID, { redirectURIs: [`${url}/auth/polar/callback`] });
      const browser = new Browser(url);
      await browser.logIn();
      const working = await browser.get('/organizations');
      expect(working.body.items).toBeInstanceOf(Array);
      await emulator.close();
      const page = await browser.get('/organizations').catch(() => undefined);
      if (page === undefined) await closed;
      return { page, exitCode: child.exitCode, stderr };
    } finally {
      child.kill('SIGKILL');
      await closed;
      await emulator.close();
    }
  }

  it('because Express 4 does not catch the rejection of an async handler', async () => {
    const broken = await pageWithoutPolar();
    expect([broken.page, broken.exitCode]).toEqual([undefined, 1]);
    expect(broken.stderr).toContain('PolarTransientError');

    const fixed = await pageWithoutPolar('fixed');
    expect([fixed.page?.status, fixed.exitCode]).toEqual([503, null]);
  });
});

describe('secret option required for sessions', () => {
  it('because SESSION_SECRET is not set', async () => {
    const broken = await start((parts) => {
      useSession(parts, { secret: undefined as never });
      useRoutes(parts);
    });
    const { status, body } = await broken.browser().get('/');
    expect([status, body.message]).toEqual([500, 'secret option required for sessions']);
    expect(printed.join('')).toContain('express-session deprecated req.secret');

    const mountSession = fix('secret option required for sessions');
    const fixed = await start((parts) => {
      mountSession(parts);
      parts.app.use(parts.passport.session());
      useRoutes(parts);
    });
    const browser = fixed.browser();
    await browser.logIn();
    expect(await user(browser)).toEqual(aUser);
    delete process.env['SESSION_SECRET'];
    expect(() => mountSession(fixed)).toThrow('SESSION_SECRET is not set.');
  });
});

describe('req.polar is undefined, or missing_middleware', () => {
  const title = 'req.polar is undefined, or missing_middleware';

  it('because polarTokens is not mounted, or the order is wrong', async () => {
    const sessions = session({ secret: 'x', resave: false, saveUninitialized: false });
    const without = await start((parts) => {
      parts.app.use(sessions, parts.passport.session());
      useRoutes(parts);
    });
    expect((await without.browser().get('/token')).body.code).toBe('missing_middleware');
    const reversed = await start((parts) => {
      parts.app.use(parts.passport.session(), sessions);
      useRoutes(parts);
    });
    expect((await reversed.browser().get('/')).body.message).toContain(
      'Login sessions require session support',
    );
    expect(new IncomingMessage(new Socket())).toHaveProperty('polar', undefined);

    const fixed = await start((parts) => {
      fix(title)(parts);
      parts.app.get('/scopes', (req, res) => void res.json(req.polar.scopes));
      useRoutes(parts);
    });
    const browser = fixed.browser();
    expect((await browser.get('/scopes')).body).toEqual([]);
    await browser.logIn();
    expect((await browser.get('/scopes')).body).toContain('openid');
  });
});

describe('Cookies are missing in an iframe, a WebView or a mobile app', () => {
  const title = 'Cookies are missing in an iframe, a WebView or a mobile app';

  it('because browsers send no lax cookies in a frame of another site', async () => {
    const cookies = (response: request.Response): string[] =>
      [response.headers['set-cookie'] ?? []].flat() as string[];
    const inFrame = async (sessions: (parts: Parts) => void) => {
      const app = await start((parts) => {
        parts.app.set('trust proxy', 1);
        sessions(parts);
        useRoutes(parts);
      });
      app.emulator.updateClient(app.client.clientID, {
        redirectURIs: [`${app.url.replace('http', 'https')}/auth/polar/callback`],
      });
      const https = { 'x-forwarded-proto': 'https' };
      const started = await request(app.url).get('/auth/polar').set(https);
      const sent = cookies(started).filter((each) => /SameSite=None/i.test(each) && /Secure/i.test(each));
      const cookie = sent.map((each) => each.split(';')[0]).join('; ');
      const path = await app.emulator.authorize(new URL(started.headers['location'] as string));
      const ended = await request(app.url)
        .get(path)
        .set({ ...https, cookie });
      return { ended, set: [...cookies(started), ...cookies(ended)].filter((each) => !/=;/.test(each)) };
    };
    const broken = await inFrame((parts) => useSession(parts));
    expect(broken.ended.body.code).toBe('attempt_cookie_missing');

    const { ended, set } = await inFrame((parts) => {
      fix(title)(parts);
      parts.app.use(parts.passport.session());
    });
    expect(ended.headers['location']).toBe('/');
    expect(set).toHaveLength(2); // of the attempt and of the session
    for (const each of set)
      for (const attribute of ['SameSite=None', 'Secure', 'Partitioned']) expect(each).toContain(attribute);
  });

  it('because the login starts in a WebView and ends in the browser of the system', async () => {
    const app = await start((parts) => {
      useSession(parts);
      useRoutes(parts);
    });
    const [webView, system] = [app.browser(), app.browser()];
    const callback = await webView.visitPolar(await webView.startLogin());
    expect((await system.get(callback)).body.code).toBe('attempt_cookie_missing');
    await system.logIn();
    expect(await user(system)).toEqual(aUser);
  });
});
