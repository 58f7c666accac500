/** Tokens of a login that fails after the code exchange are revoked: nobody has them, and they would never expire. */
import { afterEach, describe, expect, it } from '@jest/globals';
import session from 'express-session';
import type passport from 'passport';
import type { Browser } from '../support/browser.js';
import { requestsTo } from '../support/emulator-requests.js';
import { startTestApp, type TestApp, type TestAppOptions } from '../support/test-app.js';
import { until } from '../support/until.js';

let app: TestApp;
afterEach(() => app.close());

const live = () => app.emulator.liveTokens().length;
const sentTo = (endpoint: 'token' | 'revoke' | 'userinfo') => requestsTo(app.emulator, endpoint);

/** Requests do not wait for revocations, so a test has to. */
async function expectRevoked(): Promise<void> {
  await until(() => live() === 0, 5000);
  expect([sentTo('token').at(-1)?.status, live()]).toEqual([200, 0]);
}

/** Waits long enough for a revocation in the background. */
async function expectAlive(): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, 200));
  expect([live(), sentTo('revoke')]).toEqual([1, []]);
}

/** A store in which the writing of some sessions fails. */
class FailingStore extends session.MemoryStore {
  fails: (sid: string, stored: session.SessionData) => boolean = () => false;
  isSilent: (sid: string, stored: session.SessionData) => boolean = () => false;

  override set(sid: string, stored: session.SessionData, done?: (error?: unknown) => void): void {
    if (this.isSilent(sid, stored)) return;
    if (this.fails(sid, stored)) setImmediate(() => done?.(new Error('The store is full')));
    else super.set(sid, stored, done);
  }
}

const holdsUser = (_sid: string, stored: object): boolean => 'passport' in stored;
const own = { successReturnToOrRedirect: undefined, failureRedirect: undefined } as never;
const changing = (endpoint: string, change: (body: object) => object): TestAppOptions => ({
  strategy: {
    fetchUserInfo: true,
    fetch: async (url, init) => {
      const response = await fetch(url, init);
      if (!url.endsWith(endpoint) || !response.ok) return response;
      return Response.json(change((await response.json()) as object));
    },
  },
});

type Done = (error?: unknown, user?: unknown, info?: unknown) => void;

describe('the tokens of a login are revoked when', () => {
  it.each<[string, TestAppOptions, (app: TestApp) => void]>([
    ['the keys are unreachable', {}, ({ emulator }) => emulator.fail('jwks', { status: 500 }, 9)],
    ['the keys are nonsense', {}, ({ emulator }) => emulator.fail('jwks', 'garbage', 9)],
    [
      'userinfo is unreachable',
      { strategy: { fetchUserInfo: true } },
      ({ emulator }) => emulator.fail('userinfo', 'reset-before', 9),
    ],
    [
      'userinfo does not know them',
      { strategy: { fetchUserInfo: true } },
      ({ emulator }) => emulator.fail('userinfo', { status: 401, body: { error: 'invalid_token' } }, 9),
    ],
    ['userinfo is about somebody else', changing('/userinfo', () => ({ sub: 'other' })), () => {}],
    ['there is no id_token', changing('/token', (body) => ({ ...body, id_token: undefined })), () => {}],
    ['the id_token is refused', changing('/token', (body) => ({ ...body, id_token: 'a.b.c' })), () => {}],
    ['no key fits the id_token', changing('/jwks.json', () => ({ keys: [] })), () => {}],
  ])('%s', async (_why, options, prepare) => {
    app = await startTestApp(options);
    prepare(app);
    const { body } = await app.browser().logIn();
    expect(body.isPolarError).toBe(true);
    await expectRevoked();
  });

  const fails = new Error('The database is down');
  const refusals: Record<string, unknown> = {
    rejects: async () => Promise.reject(fails),
    throws: () => {
      throw fails;
    },
    'returns false': () => false,
    'resolves to false': async () => false,
    'returns null': () => null,
    'returns nothing': () => undefined,
    'deletes them from its parameter and returns false': ({ tokens }: { tokens: object }) => {
      for (const name of Object.keys(tokens)) Reflect.deleteProperty(tokens, name);
      return false;
    },
    'passes an error to done': (_a: string, _r: string, _p: object, done: Done) => done(fails),
    'passes nobody to done': (_a: string, _r: string, _p: object, done: Done) => done(null, false),
    'is a classic one that throws': (_a: string, _r: string, _p: object, _done: Done) => {
      throw fails;
    },
  };
  describe.each(Object.entries(refusals))('the verify callback %s', (_how, verify) => {
    it.each<[string, TestAppOptions]>([
      ['passport.authenticate', {}],
      ['passport.authenticate without a session', { callback: { session: false } }],
      [
        'passport.authorize',
        {
          routes: (server, { passport: authenticator }) => {
            server.get('/auth/polar', authenticator.authorize('polar') as never);
            server.get('/auth/polar/callback', authenticator.authorize('polar', own) as never);
          },
        },
      ],
    ])('in %s', async (_route, options) => {
      app = await startTestApp({ verify, strategy: { timeoutMs: 2000 }, ...options });
      await app.browser().logIn();
      await expectRevoked();
    });
  });

  it('the session cannot be saved, and no session contains them', async () => {
    const store = new FailingStore();
    app = await startTestApp({ session: { store } });
    const browser = app.browser();
    const callback = await browser.visitPolar(await browser.startLogin());
    let failures = 1;
    store.fails = (sid, stored) => holdsUser(sid, stored) && failures-- > 0;
    expect((await browser.get(callback)).body.message).toBe('The store is full');
    await expectRevoked();
    // express-session saves again at the end of the response.
    expect((await browser.get('/session')).body).not.toHaveProperty('polar');
    expect((await browser.get('/token')).body.code).toBe('not_logged_in');
  });

  it('the session cannot be regenerated', async () => {
    const store = new FailingStore();
    app = await startTestApp({ session: { store } });
    const browser = app.browser();
    const callback = await browser.visitPolar(await browser.startLogin());
    store.regenerate = (_req, done) => done(new Error('The store is away'));
    expect((await browser.get(callback)).body.message).toBe('The store is away');
    await expectRevoked();
  });

  it('the user cannot be serialized', async () => {
    app = await startTestApp({
      routes: (_server, { passport: authenticator }) => {
        // Passport tries each serializer in turn; the first that has a result wins.
        (authenticator as unknown as { _serializers: unknown[] })._serializers.unshift(
          (_user: unknown, done: Done) => done(new Error('Which user?')),
        );
      },
    });
    expect((await app.browser().logIn()).body.message).toBe('Which user?');
    await expectRevoked();
  });

  it('the session that was to hold them cannot be saved, together with those of the previous login', async () => {
    const store = new FailingStore();
    app = await startTestApp({ session: { store } });
    const browser = await app.loggedInBrowser();
    const callback = await browser.visitPolar(await browser.startLogin());
    const before = Object.keys(store['sessions' as never]);
    store.fails = (sid) => !before.includes(sid);
    expect((await browser.get(callback)).body.message).toBe('The store is full');
    await expectRevoked();
  });

  it('the session store does not respond while they are saved', async () => {
    const store = new FailingStore();
    app = await startTestApp({ session: { store }, strategy: { timeoutMs: 3000 } });
    const browser = app.browser();
    const callback = await browser.visitPolar(await browser.startLogin());
    let silences = 1;
    store.isSilent = (sid, stored) => holdsUser(sid, stored) && silences-- > 0;
    expect((await browser.get(callback)).body.code).toBe('timeout');
    await expectRevoked();
    expect((await browser.get('/session')).body).not.toHaveProperty('polar');
  });

  it('Polar revokes slowly, and the response does not wait for it', async () => {
    let release = (): void => {};
    const released = new Promise<void>((resolve) => {
      release = resolve;
    });
    const signals: (AbortSignal | null | undefined)[] = [];
    app = await startTestApp({
      verify: () => false,
      strategy: {
        fetch: async (url, init) => {
          if (url.endsWith('/revoke')) {
            signals.push(init.signal);
            await released;
          }
          return fetch(url, init);
        },
      },
    });
    expect((await app.browser().logIn()).headers['location']).toBe('/failed');
    // It is still under way: the login did not wait for its time-out.
    expect(signals.map((signal) => signal?.aborted)).toEqual([false]);
    release();
    await expectRevoked();
  });

  it('Polar cannot revoke them at first', async () => {
    app = await startTestApp({ verify: () => false });
    app.emulator.fail('revoke', { status: 503 });
    await app.browser().logIn();
    await expectRevoked();
    expect(sentTo('revoke').map(({ status }) => status)).toEqual([503, 200]);
  });

  it('Polar had not committed them at the first revocation', async () => {
    app = await startTestApp({ verify: () => false, emulator: { realistic: { commitLagMs: 500 } } });
    await app.browser().logIn();
    await expectRevoked();
    expect(sentTo('revoke').map(({ status }) => status)).toEqual([200, 200]);
  });
});

describe('the tokens of a linked account', () => {
  const store = new FailingStore();
  afterEach(() => {
    store.fails = () => false;
    store.isSilent = () => false;
  });
  const startLinking = async (verify?: unknown, timeoutMs?: number) => {
    app = await startTestApp({
      verify,
      session: { store },
      strategy: { timeoutMs },
      routes: (server, { passport: authenticator }) => {
        server.post('/password', (req, res) =>
          req.logIn({ id: 'local' } as Express.User, () => void res.json({})),
        );
        const authorize = authenticator.authorize('polar', own) as never;
        server.get('/auth/polar', authorize);
        server.get('/auth/polar/callback', authorize, (_req, res) => void res.json({ linked: true }));
      },
    });
    return app.browser();
  };
  const link = async (browser: Browser) => browser.get(await browser.visitPolar(await browser.startLogin()));

  it('are revoked when the session cannot be saved, and the previous ones stay', async () => {
    const browser = await startLinking();
    await browser.post('/password').expect(200);
    expect((await link(browser)).body).toEqual({ linked: true });
    const first = await browser.token();
    const callback = await browser.visitPolar(await browser.startLogin());
    let saves = 0;
    store.fails = (sid, stored) => holdsUser(sid, stored) && ++saves === 1;
    expect((await browser.get(callback)).body.message).toBe('The store is full');
    expect(await browser.token()).toBe(first);
    await until(() => live() <= 1, 5000);
    expect(app.emulator.liveTokens().map(({ accessToken }) => accessToken)).toEqual([first]);
  });

  it('are revoked when the session store does not respond, and the previous ones stay', async () => {
    const browser = await startLinking(undefined, 3000);
    await browser.post('/password').expect(200);
    expect((await link(browser)).body).toEqual({ linked: true });
    const first = await browser.token();
    const callback = await browser.visitPolar(await browser.startLogin());
    let saves = 0;
    store.isSilent = (sid, stored) => holdsUser(sid, stored) && ++saves === 1;
    expect((await browser.get(callback)).body.code).toBe('timeout');
    expect(await browser.token()).toBe(first);
    await until(() => live() <= 1, 5000);
    expect(app.emulator.liveTokens().map(({ accessToken }) => accessToken)).toEqual([first]);
  });

  it('are revoked when nobody is logged in', async () => {
    const browser = await startLinking();
    expect((await link(browser)).body).toEqual({ linked: true });
    await expectRevoked();
  });

  it('are left to an app whose verify callback received them while nobody is logged in', async () => {
    const browser = await startLinking(({ profile }: { profile: object }) => profile);
    expect((await link(browser)).body).toEqual({ linked: true });
    await expectAlive();
  });

  it('stay alive once they are linked', async () => {
    const browser = await startLinking();
    await browser.post('/password').expect(200);
    await link(browser);
    await expectAlive();
  });
});

describe('the tokens of a login with a custom callback', () => {
  type Callback = (
    req: Parameters<passport.Authenticator['authenticate']>[0] & Express.Request,
    user: Express.User,
    next: (error?: unknown) => void,
    send: (body: object) => void,
  ) => unknown;
  const startOwn = async (callback: Callback, verify?: unknown) => {
    app = await startTestApp({
      verify,
      routes: (server, { passport: authenticator }) =>
        server.get('/auth/polar/callback', (req, res, next) =>
          authenticator.authenticate('polar', (_error: unknown, user: Express.User) =>
            callback(req as never, user, next, (body) => void res.json(body)),
          )(req, res, next),
        ),
    });
    return app.browser();
  };
  const verify = ({ profile }: { profile: object }) => profile;

  it('are revoked if it logs nobody in and nobody has seen them', async () => {
    const browser = await startOwn((_req, _user, _next, send) => send({ blocked: true }));
    expect((await browser.logIn()).body).toEqual({ blocked: true });
    await expectRevoked();
  });

  it('are left to a verify callback that has seen them if it logs nobody in', async () => {
    const browser = await startOwn((_req, _user, _next, send) => send({ token: 'our own' }), verify);
    expect((await browser.logIn()).body).toEqual({ token: 'our own' });
    await expectAlive();
  });

  it.each([undefined, verify])('are revoked if it throws (verify callback: %p)', async (given) => {
    const browser = await startOwn(() => {
      throw new Error('thrown by the app');
    }, given);
    expect((await browser.logIn()).body.message).toBe('thrown by the app');
    await expectRevoked();
  });

  it.each([undefined, verify])(
    'are revoked if it is async and rejects (verify callback: %p)',
    async (given) => {
      const browser = await startOwn(async () => Promise.reject(new Error('rejected by the app')), given);
      expect((await browser.logIn()).body.message).toBe('rejected by the app');
      await expectRevoked();
    },
  );

  it('stay alive if it is async, and rejects after it has logged in', async () => {
    const browser = await startOwn(async (req, user) => {
      await new Promise<void>((resolve, reject) =>
        req.logIn(user, (error: unknown) => (error ? reject(error) : resolve())),
      );
      throw new Error('rejected by the app');
    });
    expect((await browser.logIn()).body.message).toBe('rejected by the app');
    await expectAlive();
    expect((await browser.get('/me')).body.user).not.toBeNull();
  });

  it('stay alive if it logs in', async () => {
    const browser = await startOwn((req, user, next, send) =>
      req.logIn(user, (error: unknown) => (error ? next(error) : send({ in: true }))),
    );
    expect((await browser.logIn()).body).toEqual({ in: true });
    await expectAlive();
    expect(await browser.token()).toBe(app.emulator.liveTokens()[0]?.accessToken);
  });

  it('stay alive if it logs in late', async () => {
    const browser = await startOwn((req, user, next, send) =>
      setTimeout(() => req.logIn(user, (error: unknown) => (error ? next(error) : send({ in: true }))), 50),
    );
    expect((await browser.logIn()).body).toEqual({ in: true });
    await expectAlive();
  });

  it('are left to a verify callback that has seen them if it logs in without a session', async () => {
    const logInForNow: Callback = (req, user, _next, send) =>
      req.logIn(user, { session: false }, () => send({ in: true }));
    expect((await (await startOwn(logInForNow, verify)).logIn()).body).toEqual({ in: true });
    await expectAlive();
    await app.close();
    expect((await (await startOwn(logInForNow)).logIn()).body).toEqual({ in: true });
    await expectRevoked();
  });
});

it('a custom callback that is async may reject over an error too, and with failWithError over a failure', async () => {
  app = await startTestApp({
    verify: () => false,
    routes: (server, { passport: authenticator }) =>
      server.get('/auth/polar/callback', (req, res, next) =>
        authenticator.authenticate('polar', { failWithError: true }, async (error: Error) => {
          throw new Error(`the app cannot handle: ${error.message}`);
        })(req, res, next),
      ),
  });
  expect((await app.browser().logIn()).body.message).toMatch(/^the app cannot handle: This account cannot/);
  app.emulator.fail('token', { status: 400, body: { error: 'invalid_client' } });
  expect((await app.browser().logIn()).body.message).toMatch(/^the app cannot handle: .*invalid_client/);
});

describe('no tokens are revoked', () => {
  it('when a login succeeds', async () => {
    app = await startTestApp();
    await app.browser().logIn();
    await expectAlive();
  });

  it('when a login without a session passes them to a verify callback', async () => {
    const verify = ({ profile }: { profile: object }) => profile;
    app = await startTestApp({ verify, callback: { session: false } });
    await app.browser().logIn();
    await expectAlive();
  });

  it('for a public client, which cannot revoke', async () => {
    app = await startTestApp({ publicClient: true, verify: () => false });
    await app.browser().logIn();
    await expectAlive();
  });
});
