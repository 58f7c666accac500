/** `encryptionKeys`: what the stores contain, and what a change of keys does. */
import crypto from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import session from 'express-session';
import { logout, PolarStrategy } from 'passport-polar-sh';
import type { Browser } from '../support/browser.js';
import { fieldsOf, textOf } from '../support/entry-fields.js';
import { keepSessions } from '../support/keep-sessions.js';
import { isRowId, rowIdOf } from '../support/stored-rows.js';
import { startTestApp, type TestApp, type TestAppOptions } from '../support/test-app.js';

const [first, second] = ['first', 'second'].map((name) => name.padEnd(40, '.')) as [string, string];
const loginLife = 864_000;

let apps: TestApp[];
let store: session.MemoryStore;
beforeEach(() => {
  apps = [];
  store = new session.MemoryStore();
});
afterEach(async () => {
  for (const app of apps) await app.close();
});

/** Another app over the same store, as after a restart with other keys. */
async function start(
  encryptionKeys: readonly string[] | undefined,
  options: TestAppOptions = {},
): Promise<TestApp> {
  const app = await startTestApp({
    ...options,
    ...(apps[0] !== undefined && { sharedEmulator: apps[0].emulator }),
    session: { store },
    strategy: {
      encryptionKeys,
      ...(apps[0] !== undefined && {
        clientID: apps[0].client.clientID,
        clientSecret: apps[0].client.clientSecret,
      }),
      ...options.strategy,
    },
  });
  // To Polar, all of them are the same app.
  const clientID = apps[0]?.client.clientID ?? app.client.clientID;
  app.emulator.updateClient(clientID, { redirectURIs: [`${app.url}/auth/polar/callback`] });
  apps.unshift(Object.assign(app, { client: apps[0]?.client ?? app.client }));
  return app;
}

const sessions = () => (store as unknown as { sessions: Readonly<Record<string, string>> }).sessions;
const everythingStored = () => JSON.stringify(sessions());

describe('encryptionKeys', () => {
  it('keep tokens out of every store, at login and after a refresh', async () => {
    const app = await start([first]);
    const browser = await app.loggedInBrowser();
    expect(everythingStored()).not.toMatch(/polar_[ar]t_/);
    app.emulator.advanceTime(loginLife);
    expect(await browser.token()).toBe(app.emulator.liveTokens()[0]?.accessToken);
    expect(everythingStored()).not.toMatch(/polar_[ar]t_/);
    const { polar } = (await browser.get('/session')).body;
    const fields = fieldsOf(polar);
    expect(fields).toMatchObject({ v: '2', clientID: app.client.clientID, sealed: expect.any(String) });
    for (const secret of ['subject', 'nonce', 'recordKey', 'accessToken', 'refreshToken'])
      expect(Object.keys(fields)).not.toContain(secret);
    expect((await browser.get('/me')).body.scopes).toEqual(['openid', 'email']);
  });

  it('cost one decryption per login and process, however many requests use the login', async () => {
    const before = await start([first]);
    const browser = await before.loggedInBrowser();
    const decrypt = jest.spyOn(crypto, 'createDecipheriv');
    try {
      for (let use = 0; use < 5; use++) await browser.token();
      // Already opened when it was written.
      expect(decrypt).toHaveBeenCalledTimes(0);
      const later = browser.at(await start([first]));
      for (let use = 0; use < 5; use++) await later.token();
      expect(decrypt).toHaveBeenCalledTimes(1);
    } finally {
      decrypt.mockRestore();
    }
  });

  it('are optional: without them, the session contains the tokens in the clear', async () => {
    const app = await start(undefined);
    await app.browser().logIn();
    expect(everythingStored()).toMatch(/polar_at_/);
  });

  it('can be rotated: the new list opens what the previous key sealed, and seals it again at the next write', async () => {
    const before = await start([first]);
    const browser = await before.loggedInBrowser();
    const after = await start([second, first]);
    const tokens = browser.at(after);
    expect(await tokens.token()).toBe(after.emulator.liveTokens()[0]?.accessToken);
    after.emulator.advanceTime(loginLife);
    expect(await tokens.token()).toBe(after.emulator.liveTokens()[0]?.accessToken);
    // The record was written with the new key; the entry is written at login alone.
    await tokens.logIn();
    const last = await start([second]);
    expect(await tokens.at(last).token()).toBe(last.emulator.liveTokens().at(-1)?.accessToken);
  });

  it('log people out once their key is gone, and let them log in again', async () => {
    const before = await start([first]);
    const browser = await before.loggedInBrowser();
    const after = await start([second]);
    const later = browser.at(after);
    const answer = await later.get('/token');
    expect([answer.status, answer.body.code]).toEqual([401, 'not_logged_in']);
    expect((await later.get('/session')).status).toBe(200);
    await later.logIn();
    expect((await later.get('/token')).status).toBe(200);
  });

  describe('that only some processes have yet', () => {
    const options: TestAppOptions = {
      routes: (server, { polar }) => {
        server.post('/logout', logout(polar, { redirectTo: '/' }));
        server.get('/new-token', async (req, res) => {
          res.json({ accessToken: await req.polar.getAccessToken({ forceRefresh: true }) });
        });
      },
    };
    const inBoth = async (): Promise<{ old: Browser; renewed: Browser; app: TestApp }> => {
      const app = await start([first], options);
      const old = await app.loggedInBrowser();
      const renewed = old.at(await start([second, first], options));
      return { old, renewed, app };
    };

    it('make the others respond 503 at once, without losing a login', async () => {
      const { old, renewed, app } = await inBoth();
      app.emulator.advanceTime(loginLife);
      const token = await renewed.token();
      const before = app.emulator.requests.length;
      for (const path of ['/token', '/new-token']) {
        const answer = await old.get(path);
        expect([answer.status, answer.body.code]).toEqual([503, 'server_error']);
      }
      expect(app.emulator.requests).toHaveLength(before);
      const updated = old.at(await start([first, second]));
      expect(await updated.token()).toBe(token);
    });

    it('let a logout hold in all processes', async () => {
      const { old, renewed, app } = await inBoth();
      await Promise.all([old.token(), renewed.token()]);
      const bringBack = keepSessions(store, renewed);
      await renewed.post('/logout');
      expect(app.emulator.liveTokens()).toEqual([]);
      bringBack();
      app.emulator.advanceTime(loginLife);
      expect((await old.get('/token')).body.code).toBe('logged_out');
    });

    it('let a logout hold that reaches a process which cannot open the login while the store fails at first', async () => {
      const { old, renewed } = await inBoth();
      await renewed.logIn();
      const { loginId = '' } = fieldsOf((await renewed.get('/session')).body.polar);
      const set = store.set.bind(store);
      let failures = 1;
      store.set = (sid, session, done) =>
        sid === rowIdOf(loginId, 'tombstone') && failures-- > 0
          ? done?.(new Error('down'))
          : set(sid, session, done);
      const bringBack = keepSessions(store, renewed);
      expect((await old.get('/token')).body.code).toBe('not_logged_in');
      await old.post('/logout');
      bringBack();
      const elsewhere = renewed.at(await start([second, first]));
      expect((await elsewhere.get('/token')).body.code).toBe('logged_out');
    });
  });

  it('keep logins from before there were keys', async () => {
    const before = await start(undefined);
    const browser = await before.loggedInBrowser();
    before.emulator.advanceTime(loginLife);
    await browser.token();
    const after = await start([first]);
    const later = browser.at(after);
    expect(await later.token()).toBe(after.emulator.liveTokens()[0]?.accessToken);
    after.emulator.advanceTime(3600);
    expect(await later.token()).toBe(after.emulator.liveTokens()[0]?.accessToken);
  });

  // Letters that every field may contain.
  const other = (letter: string | undefined): string => (letter === 'a' ? 'b' : 'a');
  it.each([
    'loginId',
    'user',
    'clientID',
    'server',
    'issuedAt',
    'attempt',
    'sealed',
    'scopes',
    'askedScopes',
  ])('bind the sealed part to the field %s', async (field) => {
    const tamper: TestAppOptions = {
      routes: (server) =>
        server.post('/tamper', (req, res) => {
          const session = req.session as unknown as { polar: string };
          const entry = fieldsOf(session.polar);
          const value = entry[field] ?? '';
          const changed = /scopes/i.test(field)
            ? `${value} organizations:read`
            : value.slice(0, 5) + other(value[5]) + value.slice(6);
          session.polar = textOf({ ...entry, [field]: changed });
          res.json({});
        }),
    };
    const app = await start([first], tamper);
    const browser = await app.loggedInBrowser();
    await browser.post('/tamper');
    expect((await browser.get('/token')).body.code).toBe('not_logged_in');
  });

  it('make the sealed part of one person useless in the session of another', async () => {
    const app = await start([first], {
      routes: (server) =>
        server.post('/take/:sid', (req, res, next) =>
          store.get(String(req.params['sid']), (error, other) => {
            const mine = req.session as unknown as { polar: string };
            const { polar: theirs } = other as unknown as { polar: string };
            // Everything except what binds it to its user.
            mine.polar = textOf({ ...fieldsOf(theirs), user: fieldsOf(mine.polar)['user'] });
            error ? next(error) : res.json({});
          }),
        ),
    });
    await app.loggedInBrowser(); // the victim
    const sids = Object.keys(sessions()).filter((sid) => !isRowId(sid));
    expect(sids).toHaveLength(1);
    app.emulator.user = 'grace@example.com';
    const thief = await app.loggedInBrowser();
    await thief.post(`/take/${sids[0]}`).expect(200);
    expect((await thief.get('/token')).body.code).toBe('not_logged_in');
  });
});

it('the strategy refuses encryptionKeys that could be guessed', () => {
  for (const encryptionKeys of [[], ['short'], 'x'.repeat(40), [first, 7]]) {
    const options = { clientID: 'c', callbackURL: '/cb', encryptionKeys: encryptionKeys as never };
    expect(() => new PolarStrategy(options)).toThrow(
      /encryptionKeys must be a list of keys of at least 32 characters each/,
    );
  }
});
