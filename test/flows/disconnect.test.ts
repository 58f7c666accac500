/** `disconnect`: ends the login with Polar, and not the session of the user. */
import { describe, expect, it } from '@jest/globals';
import { disconnect, PolarConfigurationError, PolarStrategy } from 'passport-polar-sh';
import type { AppProcess } from '../support/app-processes.js';
import { endRoutes, loggedIn, startedApps, untilEnded } from '../support/login-ends.js';
import { polars } from '../support/polars.js';
import { until } from '../support/until.js';

const { start, startOne } = startedApps();

describe.each(polars)('disconnect at %s', (_name, emulator) => {
  it('ends the login with Polar and keeps the user and the session with its content', async () => {
    const [app] = await start(1, { emulator });
    const { browser } = await loggedIn(app);
    await browser.post('/mark');
    const { user } = (await browser.get('/me')).body;
    const response = await browser.post('/disconnect');
    expect([response.status, response.headers['location']]).toEqual([302, '/settings']);
    expect(response.headers['cache-control']).toBe('no-store');
    expect((await browser.get('/logged-in')).body).toBe(false);
    expect((await browser.get('/me')).body).toEqual({ user, scopes: [] });
    expect((await browser.get('/session')).body).toMatchObject({ cart: ['a book'] });
    expect(Object.keys((await browser.get('/session')).body)).not.toContain('polar');
    expect((await browser.get('/token')).body.code).toBe('not_logged_in');
    await until(() => app.emulator.liveTokens().length === 0, 10_000);
    expect(app.emulator.liveTokens()).toEqual([]);
  });
});

describe('disconnect', () => {
  it('takes effect at once, also in the request itself', async () => {
    const [app] = await start(1);
    const { browser } = await loggedIn(app);
    const { body } = await browser.post('/disconnect-then');
    expect(body).toMatchObject({ isLoggedIn: false, user: { provider: 'polar' } });
  });

  it('works over the session store alone, and for a public client, which cannot revoke', async () => {
    for (const publicClient of [false, true]) {
      const app = await startOne({
        routes: endRoutes,
        publicClient,
        strategy: publicClient ? { clientSecret: undefined } : {},
      });
      const { browser } = await loggedIn(app);
      await browser.post('/disconnect').expect(302);
      expect((await browser.get('/logged-in')).body).toBe(false);
      expect((await browser.get('/me')).body.user).not.toBeNull();
    }
  });

  it('makes guards send people to log in again', async () => {
    const [app] = await start(1);
    const { browser } = await loggedIn(app);
    await browser.post('/disconnect');
    expect((await browser.get('/guarded').set('accept', 'text/html')).headers['location']).toMatch(
      /^\/auth\/polar/,
    );
    await browser.logIn();
    expect((await browser.get('/logged-in')).body).toBe(true);
  });

  it('is no error where nobody is connected, and saves nothing', async () => {
    const [app] = await start(1);
    const response = await app.browser().post('/disconnect');
    expect([response.status, response.headers['set-cookie']]).toEqual([302, undefined]);
    const { browser } = await loggedIn(app);
    for (let times = 0; times < 2; times++) await browser.post('/disconnect').expect(302);
    await untilEnded(app);
    expect(app.ended.map(({ reason }) => reason)).toEqual(['disconnected']);
  });

  it('holds against a request that writes the entry back into the session', async () => {
    const [app, other] = await start(2);
    const { browser } = await loggedIn(app);
    const [, sid] = /^s:([^.]+)\./.exec(
      decodeURIComponent(
        String(
          browser.agent.jar.getCookie('connect.sid', {
            domain: '127.0.0.1',
            path: '/',
            secure: false,
            script: false,
          } as never)?.value,
        ),
      ),
    ) as never as [string, string];
    const sessions = (app.store as unknown as { sessions: Record<string, string> }).sessions;
    const before = sessions[sid] as string;
    await browser.post('/disconnect');
    sessions[sid] = before;
    for (const each of [browser, browser.at(other as AppProcess)]) {
      expect((await each.get('/logged-in')).body).toBe(false);
      expect((await each.get('/token')).body.code).toBe('logged_out');
    }
  });

  it('ends the login with one Polar and keeps the login with another', async () => {
    const app = await startOne({
      routes: (server, { passport, polar, emulator, url }) => {
        const client = emulator.registerClient({ redirectURIs: [`${url}/auth/second/callback`] });
        const second = new PolarStrategy({
          clientID: client.clientID,
          clientSecret: client.clientSecret,
          name: 'second',
          callbackURL: '/auth/second/callback',
          server: emulator.server,
        });
        passport.use(second);
        server.get('/auth/second', passport.authorize('second') as never);
        server.get(
          '/auth/second/callback',
          passport.authorize('second') as never,
          ((_req: never, res: { json(body: object): void }) => res.json({})) as never,
        );
        server.post('/disconnect/second', disconnect(second, { redirectTo: '/' }));
        endRoutes(server, { passport, polar, emulator, url } as never);
      },
    });
    const { browser } = await loggedIn(app);
    await browser.get(await app.emulator.authorize(await browser.startLogin('/auth/second'))).expect(200);
    expect(Object.keys((await browser.get('/session')).body)).toEqual(
      expect.arrayContaining(['polar', 'second']),
    );
    await browser.post('/disconnect/second').expect(302);
    expect(Object.keys((await browser.get('/session')).body)).not.toContain('second');
    expect((await browser.get('/logged-in')).body).toBe(true);
  });

  it.each(['refuses to revoke', 'does not respond'])('ends the login if Polar %s', async (how) => {
    const [app] = await start(1, { strategy: { timeoutMs: 2000 } });
    const { browser } = await loggedIn(app);
    app.emulator.fail('revoke', how === 'does not respond' ? 'hang' : { status: 500 }, 3);
    await browser.post('/disconnect').expect(302);
    expect((await browser.get('/logged-in')).body).toBe(false);
  });

  it('records the end of the login even if the session cannot be saved', async () => {
    const [app, other] = await start(2);
    const { browser } = await loggedIn(app);
    const set = app.store.set.bind(app.store);
    app.store.set = (_sid, _session, done) => done?.(new Error('the disk is full'));
    expect((await browser.post('/disconnect')).status).toBe(500);
    app.store.set = set;
    await until(() => app.emulator.liveTokens().length === 0, 5000);
    expect(app.emulator.liveTokens()).toEqual([]);
    expect((await browser.at(other as AppProcess).get('/logged-in')).body).toBe(false);
  });

  it('requires the strategy and a valid redirectTo', () => {
    expect(() => disconnect(undefined as never)).toThrow(/disconnect needs the strategy/);
    expect(() => disconnect([] as never)).toThrow(PolarConfigurationError);
    const polar = new PolarStrategy({ clientID: 'polar_ci_a', callbackURL: '/auth/polar/callback' });
    expect(() => disconnect(polar, { redirectTo: 7 as never })).toThrow(/disconnect: redirectTo/);
  });
});
