/** Requests that already have a response when a login finishes, and apps whose own code throws then: the process survives. */
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, describe, expect, it } from '@jest/globals';
import type { RequestHandler } from 'express';
import { failOnUncaughtErrors, recordMessages } from '../support/diagnostics.js';
import { startTestApp, type TestApp, type TestAppOptions } from '../support/test-app.js';

let app: TestApp;
const messages = recordMessages();
const faults = () =>
  messages.filter(({ event }) => event === 'fault-after-response').map(({ error }) => error);
afterEach(() => app.close());
failOnUncaughtErrors();

/** Responds early, as middleware with a time-out does, while the work goes on. */
const giveUp: RequestHandler = (_req, res, next) => {
  res.status(503).json({ code: 'gave_up' });
  next();
};
const at = (
  path: string,
  routes: (parts: Parameters<NonNullable<TestAppOptions['routes']>>[1]) => RequestHandler[],
) => ({
  routes: ((server, parts) => server.get(path, ...routes(parts))) as NonNullable<TestAppOptions['routes']>,
});
const ways: Record<string, object> = {
  successRedirect: { successRedirect: '/home', failureRedirect: '/failed' },
  'a next handler': { failureRedirect: '/failed' },
  failureMessage: { successRedirect: '/home', failureRedirect: '/failed', failureMessage: true },
};

describe('the process survives when the response was sent before', () => {
  it.each(Object.keys(ways))('the login finished (%s)', async (way) => {
    app = await startTestApp(
      at('/auth/polar/callback', ({ passport }) => [
        giveUp,
        passport.authenticate('polar', ways[way] as object),
        (_req, res) => void res.json({}),
      ]),
    );
    const browser = app.browser();
    const answer = await browser.logIn();
    expect([answer.status, answer.body.code]).toEqual([503, 'gave_up']);
    await settled();
    expect(await browser.get('/me').expect(200)).toBeDefined();
    expect(faults().length).toBeLessThanOrEqual(1);
  });

  it.each(['error=access_denied', 'code=x', 'code='])('the login failed (%s)', async (query) => {
    app = await startTestApp(
      at('/auth/polar/callback', ({ passport }) => [
        giveUp,
        passport.authenticate('polar', { failureRedirect: '/failed' }),
      ]),
    );
    const browser = app.browser();
    const state = (await browser.startLogin()).searchParams.get('state');
    await browser.get(`/auth/polar/callback?${query}&state=${state}`).expect(503);
    await settled();
    await browser.get('/me').expect(200);
  });

  it('the login started, and the diagnostics channel reports the error', async () => {
    app = await startTestApp(at('/start', ({ passport }) => [giveUp, passport.authenticate('polar')]));
    await app.browser().get('/start').expect(503);
    await settled();
    expect(faults()).toEqual([expect.objectContaining({ code: 'ERR_HTTP_HEADERS_SENT' })]);
  });
});

describe('an error that the app throws', () => {
  const fault = new Error('a fault of the app');
  it.each([
    ['in its callback', 'callback'],
    ['after req.logIn', 'logIn'],
    ['after a req.logIn that fails', 'failing'],
  ])('%s reaches next', async (_name, where) => {
    app = await startTestApp(
      at('/auth/polar/callback', ({ passport, store }) => [
        (req, res, next) =>
          passport.authenticate('polar', (_error: unknown, user: Express.User) => {
            if (where === 'callback') throw fault;
            if (where === 'failing') store.destroy = (_sid, done) => done?.(new Error('down'));
            req.logIn(user, () => {
              throw fault;
            });
          })(req, res, next),
      ]),
    );
    const browser = app.browser();
    const answer = await browser.logIn();
    expect([answer.status, answer.body.message]).toEqual([500, fault.message]);
    expect(app.errors).toEqual([fault]);
  });

  it('synchronously in its session store fails the login', async () => {
    app = await startTestApp();
    const browser = app.browser();
    const back = await browser.visitPolar(await browser.startLogin());
    app.store.regenerate = () => {
      throw fault;
    };
    const answer = await browser.get(back);
    expect([answer.status, answer.body.message]).toEqual([500, fault.message]);
  });

  it('after a later req.login reaches next', async () => {
    app = await startTestApp({
      routes: (server) =>
        server.post('/again', (req) => {
          req.login(req.user as Express.User, () => {
            throw fault;
          });
        }),
    });
    const browser = await app.loggedInBrowser();
    const answer = await browser.post('/again');
    expect([answer.status, answer.body.message]).toEqual([500, fault.message]);
  });
});

/** Waits until the background work after a response is done. */
async function settled(): Promise<void> {
  await delay(300);
  await app.polar.settled({ withinMs: 5000 });
}
