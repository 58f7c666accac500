/**
 * Sessions and rows that a published version has stored stay readable (README, "Stability"). `WRITE_STORED=1 npx jest
 * stored-formats` adds what the present version stores, once before each release.
 */
import { createHmac } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from '@jest/globals';
import express, { type Express } from 'express';
import session from 'express-session';
import passport from 'passport';
import { type PolarStorage, PolarStrategy, polarTokens, type StoredRow } from 'passport-polar-sh';
import { startPolarEmulator } from 'passport-polar-sh/emulator';
import request from 'supertest';
import { version } from '../../package.json';
import { Browser } from '../support/browser.js';
import { closeServer } from '../support/test-app.js';

const folder = join(__dirname, 'stored-formats');
const encryptionKeys = ['a key of the tests that opens no door at all'];

/** What an app had stored at one moment. Its Polar is gone, and its tokens with it. */
interface Stored {
  readonly client: { readonly clientID: string; readonly server: string };
  readonly now: number;
  readonly session: Record<string, unknown>;
  readonly rows: Record<string, StoredRow>;
  readonly accessToken: string;
}

function storageOver(rows: Map<string, StoredRow>): PolarStorage {
  return {
    read: async ({ id }) => rows.get(id),
    write: async ({ id }, row) => Boolean(rows.set(id, row)),
    remove: async ({ id }) => void rows.delete(id),
  };
}

function appOf(polar: PolarStrategy, store: session.Store): Express {
  const authenticator = new passport.Passport();
  authenticator.use(polar);
  authenticator.serializeUser((user, done) => done(null, user));
  authenticator.deserializeUser((user, done) => done(null, user as Express.User));
  const app = express();
  app.use(session({ secret: 'only for tests', resave: false, saveUninitialized: false, store }));
  app.use(authenticator.session(), polarTokens(polar));
  app.get('/auth/polar', authenticator.authenticate('polar'));
  app.get('/auth/polar/callback', authenticator.authenticate('polar', { successRedirect: '/' }));
  app.get('/token', async (req, res) => {
    const accessToken = await req.polar.getAccessToken({ forceRefresh: 'refresh' in req.query });
    res.json({ accessToken });
  });
  return app;
}

/** Logs in, refreshes if asked to, and returns what is stored then. */
async function store(withKeys: boolean, refreshes: boolean): Promise<Stored> {
  const emulator = await startPolarEmulator({ consent: 'auto' });
  const server = express().listen(0, '127.0.0.1');
  await new Promise((listening) => server.once('listening', listening));
  const url = `http://127.0.0.1:${(server.address() as { port: number }).port}`;
  const client = emulator.registerClient({ redirectURIs: [`${url}/auth/polar/callback`] });
  const sessions = new session.MemoryStore();
  const rows = new Map<string, StoredRow>();
  const polar = new PolarStrategy({
    clientID: client.clientID,
    clientSecret: client.clientSecret,
    callbackURL: `${url}/auth/polar/callback`,
    server: emulator.url,
    storage: storageOver(rows),
    ...(withKeys && { encryptionKeys }),
  });
  server.removeAllListeners('request');
  server.on('request', appOf(polar, sessions));
  const browser = new Browser(url);
  await browser.logIn();
  const { body } = await browser.get(`/token${refreshes ? '?refresh' : ''}`);
  await polar.settled({ withinMs: 5000 });
  const [, saved] =
    Object.entries((sessions as unknown as { sessions: Record<string, string> }).sessions)[0] ?? [];
  await closeServer(server);
  await emulator.close();
  return {
    client: { clientID: client.clientID, server: emulator.url },
    now: Date.now(),
    session: JSON.parse(saved ?? '{}'),
    rows: Object.fromEntries(rows),
    accessToken: body.accessToken,
  };
}

/** Signs a session id as express-session does. */
const signatureOf = (id: string): string =>
  encodeURIComponent(createHmac('sha256', 'only for tests').update(id).digest('base64').replace(/=+$/, ''));

const cases = [
  ['at login', false, false],
  ['at login, with encryptionKeys', true, false],
  ['after a refresh', false, true],
  ['after a refresh, with encryptionKeys', true, true],
] as const;

if (process.env['WRITE_STORED']) {
  it('writes what this version stores', async () => {
    mkdirSync(folder, { recursive: true });
    const stored: Record<string, Stored> = {};
    for (const [name, withKeys, refreshes] of cases) stored[name] = await store(withKeys, refreshes);
    writeFileSync(join(folder, `${version}.json`), `${JSON.stringify(stored, undefined, 2)}\n`);
  });
}

const files = existsSync(folder) ? readdirSync(folder) : [];

it.each(files.flatMap((file) => cases.map(([name]) => [file.replace('.json', ''), name] as const)))(
  'reads what version %s has stored %s',
  async (release, name) => {
    const text = readFileSync(join(folder, `${release}.json`), 'utf8');
    const stored: Stored = JSON.parse(text)[name];
    const sessions = new session.MemoryStore();
    const rows = new Map(Object.entries(stored.rows));
    const polar = new PolarStrategy({
      ...stored.client,
      clientSecret: 'none that is known',
      callbackURL: 'http://localhost/auth/polar/callback',
      now: () => stored.now, // the tokens are still valid then
      storage: storageOver(rows),
      ...(name.includes('Keys') && { encryptionKeys }),
    });
    const app = appOf(polar, sessions);
    const saved = stored.session as unknown as session.SessionData;
    await new Promise((done) => sessions.set('stored', saved, done));
    const signed = `s%3Astored.${signatureOf('stored')}`;
    const { body } = await request(app).get('/token').set('cookie', `connect.sid=${signed}`);
    expect(body).toEqual({ accessToken: stored.accessToken });
  },
);

it('has what every published version has stored', () => {
  const changelog = readFileSync(join(__dirname, '../../CHANGELOG.md'), 'utf8');
  const published = [...changelog.matchAll(/^## (\d+\.\d+\.\d+)/gm)].map(([, release]) => `${release}.json`);
  expect(published).not.toEqual([]);
  expect(files).toEqual(expect.arrayContaining(published));
});
