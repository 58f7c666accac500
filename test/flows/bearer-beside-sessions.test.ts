/** PolarBearerStrategy in an app whose users log in with sessions. */
import { describe, expect, it } from '@jest/globals';
import { PolarBearerStrategy } from 'passport-polar-sh';
import request from 'supertest';
import { answerUser } from '../support/bearer-api.js';
import { startTestApp } from '../support/test-app.js';

describe('PolarBearerStrategy beside session logins', () => {
  const startBoth = (route: object = {}, shared: object = {}) =>
    startTestApp({
      routes: (server, { client, emulator, passport }) => {
        const { clientID, clientSecret } = client;
        passport.use(
          new PolarBearerStrategy({ clientID, clientSecret, server: emulator.server, now: emulator.now }),
        );
        server.get('/api', passport.authenticate('polar-bearer', route), answerUser);
        const bearer = passport.authenticate('polar-bearer', { session: false });
        server.get(
          '/either',
          (req, res, next) => (req.isAuthenticated() ? next() : bearer(req, res, next)),
          answerUser,
        );
        server.get('/shared', passport.authenticate(['polar-bearer', 'polar'], shared), answerUser);
        server.get('/array', passport.authenticate(['polar-bearer', 'polar']), answerUser);
        server.get(
          '/callback-form',
          (req, res, next) =>
            passport.authenticate('polar-bearer', (error: unknown, user: Express.User) =>
              error ? next(error) : req.logIn(user, next),
            )(req, res, next),
          answerUser,
        );
        server.get('/throws', (req, res, next) =>
          passport.authenticate('polar-bearer', (error: Error | null) => {
            if (error) return next(error);
            throw new Error('thrown by the app');
          })(req, res, next),
        );
        server.get('/rejects', (req, res, next) =>
          passport.authenticate('polar-bearer', async (error: Error | null) => {
            throw new Error(error ? 'rejected after an error' : 'rejected by the app');
          })(req, res, next),
        );
      },
    });
  const bearerOf = (app: Awaited<ReturnType<typeof startBoth>>) =>
    `Bearer ${app.emulator.issueTokens({ clientID: app.client.clientID, user: 'grace@example.com' }).accessToken}`;

  it('serves routes that accept either, and sends people without a token to log in', async () => {
    const app = await startBoth();
    const browser = app.browser();
    const token = bearerOf(app);
    for (const path of ['/either', '/array']) {
      const got = await request(app.url).get(path).set('authorization', token);
      expect([got.status, got.body.user.provider, got.headers['set-cookie']]).toEqual([
        200,
        'polar',
        undefined,
      ]);
    }
    expect((await browser.get('/either')).status).toBe(401);
    expect((await browser.get('/array')).headers['location']).toContain('/oauth2/authorize?');
    await browser.logIn();
    expect((await browser.get('/either')).body.user.emails[0].value).toBe('ada@example.com');
    await app.close();
  });

  it.each<[string, object]>([
    ['scope', { scope: ['openid', 'email'] }],
    ['session', { session: false }],
    ['subType', { subType: 'organization' }],
    ['prompt', { prompt: 'login' }],
    ['callbackURL', { callbackURL: '/auth/polar/callback' }],
    ['returnTo', { returnTo: '/page' }],
    ['appState', { appState: { cart: 7 } }],
    ['state', { state: { cart: 7 } }],
    ['login_hint', { login_hint: 'ada@example.com' }],
    ['authorizationParams', { authorizationParams: { ui_locales: 'de' } }],
    ['failWithError', { failWithError: true }],
  ])('accepts the option %s of the login strategy on a shared route', async (_name, options) => {
    const app = await startBoth({}, options);
    const got = await request(app.url).get('/shared').set('authorization', bearerOf(app));
    expect(got.status).toBe(200);
    const login = await app.browser().startLogin('/shared');
    expect(login.pathname).toBe('/oauth2/authorize');
    await app.close();
  });

  it('requires tokens limited to the organizations of a shared route, and limits the login of people to these', async () => {
    const shared = { organizations: [] as string[] };
    const app = await startBoth({}, shared);
    const tokenOf = (organization?: string) => {
      const { clientID } = app.client;
      const wanted = { clientID, user: 'ada@example.com', ...(organization && { organization }) };
      return `Bearer ${app.emulator.issueTokens(wanted).accessToken}`;
    };
    const at = (path: string, token: string) => request(app.url).get(path).set('authorization', token);
    const limited = tokenOf('acme');
    shared.organizations = (await at('/api', limited)).body.user.organizations;
    expect(shared.organizations).toHaveLength(1);
    expect((await at('/shared', limited)).status).toBe(200);
    expect((await at('/shared', tokenOf())).status).toBe(302);
    shared.organizations = [...shared.organizations, '33333330-2222-4222-8222-222222222222'];
    const login = await app.browser().startLogin('/shared');
    expect(login.searchParams.get('organizations')).toBe(shared.organizations.join(','));
    await app.close();
  });

  it.each<[object, RegExp]>([
    [{ organization: 'id' }, /'organization': use organizations/],
    [{ scopes: 'orders:read' }, /'scopes'.*scope/],
    [{ organisations: ['id'] }, /'organisations'\. Did you mean organizations\?/],
    [{ scpoe: 'orders:read' }, /'scpoe'\. Did you mean scope\?/],
    [{ organizations: 7 }, /organizations must be a list/],
    [{ organizations: 'acme' }, /organizations must be a list of ids, which are UUIDs, not 'acme'/],
    [{ organizations: '' }, /organizations must not be empty/],
    [{ organizations: [''] }, /organizations must not be empty/],
    [{ scope: ['openid', ' '] }, /scope must not be empty/],
  ])('rejects a route requirement that would protect nothing: %j', async (route, message) => {
    const app = await startBoth(route);
    const got = await request(app.url).get('/api').set('authorization', bearerOf(app));
    expect([got.status, got.body.code]).toEqual([500, 'invalid_option']);
    expect(got.body.message).toMatch(message);
    await app.close();
  });

  it('starts no session unless the route asks for one', async () => {
    const app = await startBoth();
    const got = await request(app.url).get('/api').set('authorization', bearerOf(app));
    expect([got.status, got.headers['set-cookie']]).toEqual([200, undefined]);
    expect(Object.keys(app.store['sessions' as never])).toHaveLength(0);
    const asked = await request(app.url).get('/callback-form').set('authorization', bearerOf(app));
    expect(asked.headers['set-cookie']).toBeDefined();
    await app.close();
    const other = await startBoth({ session: true });
    const wanted = await request(other.url).get('/api').set('authorization', bearerOf(other));
    expect(wanted.headers['set-cookie']).toBeDefined();
    await other.close();
  });

  it('passes on what the app throws in a custom callback, or what that rejects with', async () => {
    const app = await startBoth();
    const got = await request(app.url).get('/throws').set('authorization', bearerOf(app));
    expect([got.status, got.body.message]).toEqual([500, 'thrown by the app']);
    const rejected = () => request(app.url).get('/rejects').set('authorization', bearerOf(app));
    expect((await rejected()).body.message).toBe('rejected by the app');
    app.emulator.fail('introspect', { status: 500 });
    expect((await rejected()).body.message).toBe('rejected after an error');
    await app.close();
  });

  it('does not cache the refusal of a token that Polar has not committed yet', async () => {
    const app = await startTestApp({
      emulator: { realistic: { commitLagMs: 900 } },
      routes: (server, { client, emulator, passport }) => {
        const { clientID, clientSecret } = client;
        passport.use(new PolarBearerStrategy({ clientID, clientSecret, server: emulator.server }));
        server.get('/api', passport.authenticate('polar-bearer', { session: false }), answerUser);
      },
    });
    const browser = await app.loggedInBrowser();
    const token = await browser.token();
    const status = async () =>
      (await request(app.url).get('/api').set('authorization', `Bearer ${token}`)).status;
    const statuses = [await status()];
    for (const giveUpAt = Date.now() + 4000; statuses.at(-1) !== 200 && Date.now() < giveUpAt; ) {
      await new Promise((resolve) => setTimeout(resolve, 50));
      statuses.push(await status());
    }
    expect([statuses[0], statuses.at(-1)]).toEqual([401, 200]);
    await app.close();
  });
});
