/** `onLoginEnded`: what ends a login, and which process is told. */
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { describe, expect, it, jest } from '@jest/globals';
import { logout, PolarStrategy } from 'passport-polar-sh';
import { docsURL } from '../../src/docs-url.js';
import type { AppProcess } from '../support/app-processes.js';
import { aMinute, loggedIn, startedApps, tenDays, untilEnded } from '../support/login-ends.js';
import { until } from '../support/until.js';

const { start, startOne } = startedApps();

describe('onLoginEnded', () => {
  it('is called for a logout, with the id that the app knows', async () => {
    const [app] = await start(1);
    const { browser, loginId } = await loggedIn(app);
    await browser.post('/logout');
    await untilEnded(app);
    expect(app.ended).toEqual([{ loginId, reason: 'logged_out' }]);
  });

  it('is called when a login replaces another, and when another user logs in', async () => {
    const [app] = await start(1);
    const { browser, loginId } = await loggedIn(app);
    await browser.logIn();
    await untilEnded(app);
    expect(app.ended).toEqual([{ loginId, reason: 'replaced' }]);
    const second = (await browser.get('/login-id')).body;
    await browser.post('/log-in/somebody-else').expect(200);
    await untilEnded(app, 2);
    expect(app.ended[1]).toEqual({ loginId: second, reason: 'replaced' });
  });

  it('is called for a login whose browser left before the app responded', async () => {
    let isLoggedIn = false;
    const [app] = await start(1, {
      routes: (server, { passport }) => {
        server.get('/auth/polar/callback', passport.authenticate('polar'), () => {
          isLoggedIn = true;
        });
      },
    });
    const browser = app.browser();
    const path = await browser.visitPolar(await browser.startLogin());
    const gone = browser.get(path).timeout(60_000);
    gone.then(
      () => {},
      () => {},
    );
    await until(() => isLoggedIn, 5000);
    gone.abort();
    await untilEnded(app);
    expect(app.ended).toEqual([{ loginId: expect.any(String), reason: 'abandoned' }]);
  });

  it('of each strategy is called for its own logins, also for one whose tokens the app kept', async () => {
    const told: string[] = [];
    let second: PolarStrategy | undefined;
    const app = await startOne({
      strategy: { onLoginEnded: ({ reason }) => told.push(`first: ${reason}`) },
      routes: (server, { passport, polar, emulator, url }) => {
        const client = emulator.registerClient({ redirectURIs: [`${url}/auth/second/callback`] });
        second = new PolarStrategy(
          {
            clientID: client.clientID,
            clientSecret: client.clientSecret,
            name: 'second',
            callbackURL: '/auth/second/callback',
            server: emulator.server,
            onLoginEnded: ({ reason }) => told.push(`second: ${reason}`),
          },
          async ({ profile }) => profile,
        );
        passport.use(second);
        const logInWithoutSession = passport.authenticate('second', { session: false });
        server.get('/auth/second', logInWithoutSession);
        server.get('/auth/second/callback', logInWithoutSession, (_req, res) => void res.json({}));
        server.post('/logout', logout(polar, { redirectTo: '/bye' }));
      },
    });
    const browser = await app.loggedInBrowser();
    await browser.get(await app.emulator.authorize(await browser.startLogin('/auth/second'))).expect(200);
    await browser.post('/logout').expect(302);
    await until(() => told.length === 2, 5000);
    expect(told.sort()).toEqual(['first: logged_out', 'second: logged_out']);
  });

  it('is called for a login that the verify callback accepted and whose session could not be saved', async () => {
    const named: string[] = [];
    const [app] = await start(1, {
      verify: ({ loginId, profile }: { loginId: string; profile: object }) => {
        named.push(loginId);
        return profile;
      },
    });
    const set = app.store.set.bind(app.store);
    app.store.set = (sid, data, done) =>
      'passport' in data ? done?.(new Error('the disk is full')) : set(sid, data, done);
    expect((await app.browser().logIn()).status).toBe(500);
    await untilEnded(app);
    expect(app.ended).toEqual([{ loginId: named[0], reason: 'abandoned' }]);
  });

  it('is called once when Polar refuses a login, however often it is tried', async () => {
    const [app, other] = (await start(2)) as [AppProcess, AppProcess];
    const { browser, loginId } = await loggedIn(app);
    app.emulator.revokeAll();
    app.emulator.advanceTime(tenDays);
    for (let times = 0; times < 3; times++)
      expect((await browser.get('/token')).body.code).toBe('login_expired');
    await untilEnded(app);
    await browser.logIn();
    await app.polar.settled({ withinMs: 5000 });
    expect(app.ended).toEqual([{ loginId, reason: 'refused_by_polar' }]);
    expect(other.ended).toEqual([]);
  });

  it.each<[string, () => unknown]>([
    [
      'throws',
      () => {
        throw new Error('mine');
      },
    ],
    ['rejects', async () => Promise.reject(new Error('mine'))],
  ])('that %s has its error published and changes nothing', async (_how, onLoginEnded) => {
    const events: { event: string; error?: unknown }[] = [];
    const listen = (message: unknown): void => void events.push(message as never);
    subscribe('passport-polar-sh:logout', listen);
    const written = jest.spyOn(process.stderr, 'write').mockReturnValue(true);
    try {
      const [app] = await start(1, { strategy: { onLoginEnded } });
      const { browser, loginId } = await loggedIn(app);
      await browser.post('/logout').expect(302);
      await app.polar.settled({ withinMs: 5000 });
      expect(events).toContainEqual({ event: 'ended', loginId, reason: 'logged_out' });
      expect(events).toContainEqual({ event: 'on-login-ended-failed', loginId, error: new Error('mine') });
      expect(written.mock.calls).toEqual([
        [
          `passport-polar-sh: onLoginEnded threw, rejected or took too long. Its error is on the diagnostics channel passport-polar-sh:logout. See ${docsURL('on_login_ended_failed')}\n`,
        ],
      ]);
      await browser.logIn();
      expect((await browser.get('/logged-in')).body).toBe(true);
    } finally {
      written.mockRestore();
      unsubscribe('passport-polar-sh:logout', listen);
    }
  });

  it('that hangs delays no request, and a shutdown only as long as allowed', async () => {
    let release = (): void => {};
    const onLoginEnded = (): Promise<void> =>
      new Promise((resolve) => {
        release = resolve;
      });
    const [app] = await start(1, { strategy: { onLoginEnded } });
    const { browser } = await loggedIn(app);
    // Late enough that no second revocation follows.
    app.emulator.advanceTime(aMinute);
    await browser.post('/logout').expect(302);
    expect((await app.polar.settled({ withinMs: 300 })).writes).toBe(1);
    release();
    expect((await app.polar.settled({ withinMs: 5000 })).writes).toBe(0);
  });

  it('must be a function', () => {
    const options = { clientID: 'polar_ci_a', callbackURL: '/callback', onLoginEnded: 'log' as never };
    expect(() => new PolarStrategy(options)).toThrow(/onLoginEnded/);
  });
});
