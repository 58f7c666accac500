/** docs/migrating.md shows the apps of integration/comparison/ as what was before, and those of migrating/, which run here. */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import express, { type Express } from 'express';
import session, { MemoryStore } from 'express-session';
import { PolarStrategy, type PolarStrategyOptions } from 'passport-polar-sh';
import { type PolarEmulator, startPolarEmulator } from 'passport-polar-sh/emulator';
import { Browser } from '../support/browser.js';
import { closeServer } from '../support/test-app.js';
import * as betterAuth from './migrating/better-auth.js';
import * as expressOpenidConnect from './migrating/express-openid-connect.js';
import * as handWritten from './migrating/hand-written.js';
import * as openidClient from './migrating/openid-client.js';
import * as passportOAuth2 from './migrating/passport-oauth2.js';
import { revokeOldTokens } from './migrating/revoke-old-tokens.js';
import type { User, Users } from './migrating/users.js';
import { blocksOf, projectFile, runningFile } from './shown-code.js';

const ada = '11111111-1111-4111-8111-111111111111';
const oldTokens = { accessToken: 'polar_at_u_old', refreshToken: 'polar_rt_u_old', expiresAt: 1 };

/** What the app of each library left in the session of express-session, if it used one. */
const migrations = {
  'passport-oauth2': {
    ...passportOAuth2,
    left: { passport: { user: { provider: 'polar', id: ada, email: 'ada@example.com', tokens: oldTokens } } },
  },
  'openid-client': {
    ...openidClient,
    left: {
      'polar.sh': { code_verifier: 'of a login that has not finished' },
      passport: { user: { id: ada, email: 'ada@example.com', tokens: oldTokens } },
    },
  },
  'express-openid-connect': { ...expressOpenidConnect, left: undefined },
  'better-auth': { ...betterAuth, left: undefined, callbackPath: '/api/auth/callback/polar' },
  'hand-written': {
    ...handWritten,
    left: { state: 'of a login', user: { id: ada, email: 'ada@example.com' }, tokens: oldTokens },
  },
} as const satisfies Record<string, Migration>;

interface Migration {
  readonly createApp: (users: Users, store: MemoryStore, options: PolarStrategyOptions) => Express;
  readonly left: object | undefined;
  readonly callbackPath?: string;
}

describe('the guide to migrating', () => {
  const blocks = blocksOf('migrating.md');
  const names = Object.keys(migrations);

  it.each(names)('shows the app before, with %s, exactly as the comparison runs it', (name) => {
    expect(blocks.get(`before/${name}.mjs`)).toBe(projectFile(`integration/comparison/apps/${name}.mjs`));
  });

  it.each(names)('shows the app after %s exactly as it runs', (name) => {
    expect(blocks.get(`after/${name}.ts`)).toBe(runningFile('migrating', `${name}.ts`));
  });

  const others = ['users.ts', 'revoke-old-tokens.ts'];
  it.each(others)('shows %s exactly as it runs', (file) => {
    expect(blocks.get(file)).toBe(runningFile('migrating', file));
  });

  it('shows no other code', () => {
    expect(projectFile('docs/migrating.md').match(/```\w+/g)).toHaveLength(2 * names.length + others.length);
  });

  it('revokes the tokens that the app before had stored', async () => {
    const polar = await startPolarEmulator();
    const { clientID, ...options } = polar.strategyOptions();
    const old = ['ada', 'grace'].map((name) => polar.issueTokens({ clientID, user: `${name}@example.com` }));
    await revokeOldTokens(
      new PolarStrategy({ ...options, clientID }),
      old.map(({ refreshToken }) => String(refreshToken)),
    );
    expect(polar.liveTokens()).toEqual([]);
    await polar.close();
  });
});

/** The app's users: Ada was there before, and known by Polar's id. */
function usersFromBefore() {
  const rows = [{ polarId: ada, user: { id: 'user-7', email: 'ada@example.com' } as User }];
  const users: Users = {
    byId: async (id) => rows.find(({ user }) => user.id === id)?.user,
    async findOrCreate(polarId, email) {
      const found = rows.find((row) => row.polarId === polarId);
      if (found) return found.user;
      const user = { id: `user-${rows.length + 7}`, email };
      rows.push({ polarId, user });
      return user;
    },
  };
  return { rows, users };
}

describe.each(Object.entries<Migration>(migrations))('an app after %s', (_name, migration) => {
  const { createApp, left, callbackPath = '/auth/polar/callback' } = migration;
  let polar: PolarEmulator;
  let server: Server;
  let browser: Browser;
  let table: ReturnType<typeof usersFromBefore>;

  beforeEach(async () => {
    polar = await startPolarEmulator({ consent: 'auto' });
    server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    table = usersFromBefore();
    const store = new MemoryStore();
    const app = express();
    // As the app before filled it, with the same cookie, secret and store.
    app.post(
      '/before',
      session({ secret: 'from the environment', store, resave: false, saveUninitialized: false }),
      (req, res) => {
        Object.assign(req.session, left ?? { any: 'other' });
        res.end();
      },
    );
    app.use(createApp(table.users, store, polar.strategyOptions(url + callbackPath)));
    server.on('request', app);
    browser = new Browser(url);
  });

  afterEach(async () => {
    await closeServer(server);
    await polar.close();
  });

  const page = (path: string) => browser.get(path).set('accept', 'text/html');

  it('matches a user from before by the id at Polar, whatever the e-mail address is by now', async () => {
    const [row] = table.rows;
    if (row) row.user.email = 'ada@old.example';
    expect((await browser.logIn()).status).toBe(302);
    expect((await browser.get('/me')).body).toEqual({ id: 'user-7', email: 'ada@old.example' });
    expect(table.rows).toHaveLength(1);
    expect((await browser.get('/organizations')).body.items).toHaveLength(2);
  });

  it('sends a browser with a session from before to a new login, and back to its page', async () => {
    await browser.post('/before').expect(200);
    await browser.get('/me').expect(401);
    const start = await page('/organizations');
    expect([302, 303]).toContain(start.status);
    const back = await browser.logIn(String(start.headers['location']));
    expect(back.headers['location']).toBe('/organizations');
    expect((await page('/organizations')).body.items).toHaveLength(2);
    expect((await browser.get('/me')).body.id).toBe('user-7');
  });

  it('lets a browser with a session from before log in at once, and log out', async () => {
    await browser.post('/before').expect(200);
    await browser.logIn();
    await browser.get('/me').expect(200);
    await browser.post('/logout').expect(302);
    await browser.get('/me').expect(401);
    expect(polar.liveTokens()).toEqual([]);
  });

  it('rejects the callback of a login that the app before had started, without an error of its own', async () => {
    await browser.post('/before').expect(200);
    const answer = await browser.get(`${callbackPath}?code=polar_ac_any&state=of-a-login`);
    expect(answer.status).toBe(403);
    expect(answer.text).toContain('PolarLoginFailedError');
    await browser.logIn();
    await browser.get('/me').expect(200);
  });
});
