/** The pino example of docs/observability.md, over a day of a login. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { logout, type VerifiedLogin } from 'passport-polar-sh';
import pino from 'pino';
import { startTestApp, type TestApp } from '../../support/test-app.js';
import { until } from '../../support/until.js';
import { projectFile } from '../shown-code.js';
import { logPolar } from './log.js';

interface Line {
  readonly level: number;
  readonly event: string;
  readonly code?: string;
  readonly loginId?: string;
  readonly error?: { readonly name: string; readonly code?: string; readonly message?: string };
  readonly msg: string;
}

const texts: string[] = [];
const lines = (): Line[] => texts.map((text) => JSON.parse(text) as Line);
/** Ids of this app's logins: the channels are those of the process, in which another test's retry may still run. */
const ownLogins = new Set<string>();
const of = (event: string): Line[] =>
  lines().filter(
    (line) => line.event === event && (line.loginId === undefined || ownLogins.has(line.loginId)),
  );
const secrets = new Set<string>();
let app: TestApp;
let isAppBroken = false;
const noteTokens = (): void => {
  for (const { accessToken, refreshToken } of app.emulator.liveTokens())
    for (const token of [accessToken, refreshToken]) if (token !== undefined) secrets.add(token);
};

beforeAll(async () => {
  logPolar(pino({ level: 'trace' }, { write: (text: string) => void texts.push(text) }));
  app = await startTestApp({
    verify: ({ profile, tokens, loginId }: VerifiedLogin) => {
      ownLogins.add(loginId);
      secrets.add(tokens.accessToken);
      if (isAppBroken) throw new Error(`INSERT failed for ${tokens.accessToken}`);
      return profile;
    },
    routes: (server, { polar }) => server.post('/logout', logout(polar, { redirectTo: '/' })),
  });
  const browser = await app.loggedInBrowser();
  noteTokens();
  await browser.get('/auth/polar/callback?error=access_denied&state=unknown');
  app.emulator.advanceTime(864_000);
  app.emulator.fail('token', { status: 429 });
  await browser.get('/token');
  app.emulator.advanceTime(60);
  await browser.token();
  noteTokens();
  app.emulator.fail('revoke', { status: 500 });
  await browser.post('/logout');
  await until(() => of('revocation').some(({ level }) => level === 20), 30_000);
  isAppBroken = true;
  await app.browser().logIn();
  noteTokens();
  await logInWithoutSessionCookie();
});
afterAll(() => app.close());

/** Logs in to an app behind a proxy that terminates TLS and that Express does not trust. */
async function logInWithoutSessionCookie(): Promise<void> {
  const { clientID, clientSecret } = app.emulator.registerClient({
    redirectURIs: ['https://127.0.0.1/auth/polar/callback'],
  });
  const proxied = await startTestApp({
    sharedEmulator: app.emulator,
    session: { cookie: { secure: true } },
    strategy: { clientID, clientSecret, proxy: true },
    routes: (server) => void server.set('trust proxy', false),
  });
  const https = { 'x-forwarded-proto': 'https', 'x-forwarded-host': '127.0.0.1' };
  const login = await proxied.browser().get('/auth/polar').set(https);
  const [cookie = ''] = String(login.headers['set-cookie']).split(';');
  const path = await app.emulator.authorize(login.headers['location']);
  await proxied
    .browser()
    .get(path)
    .set({ ...https, cookie });
  await until(() => of('login-failed').length === 3);
  noteTokens();
  await proxied.close();
}

describe('the log', () => {
  it.each<[string, number[]]>([
    ['login-started', [20, 20]],
    ['logged-in', [30]],
    ['refreshed', [20]],
    ['refresh-failed', [40]],
    ['ended', [30]],
    ['logged-out', [30]],
    ['revocation', [40]],
    ['login-failed', [30, 50]],
  ])('has %s at the levels %j', (event, levels) => {
    expect(
      of(event)
        .slice(0, levels.length)
        .map(({ level }) => level),
    ).toEqual(levels);
    for (const { msg } of of(event)) expect(msg).toBe(`polar: ${event}`);
  });

  it('names the login in each line of it', () => {
    const [loggedIn] = of('logged-in');
    for (const event of ['refreshed', 'refresh-failed', 'ended', 'logged-out', 'revocation'])
      expect([event, of(event)[0]?.loginId]).toEqual([event, loggedIn?.loginId]);
  });

  it('warns of a login whose session cookie was not set, which is no fault of the user', () => {
    const [, , withoutCookie] = of('login-failed');
    expect(withoutCookie).toMatchObject({ level: 40, code: 'session_cookie_not_set' });
  });

  it('says what failed, but quotes no error of the app', () => {
    expect(of('refresh-failed')[0]?.error).toMatchObject({
      name: 'PolarTransientError',
      code: 'rate_limited',
      message: expect.stringContaining('429'),
    });
    const [, broken] = of('login-failed');
    expect(broken).toMatchObject({ code: 'app_error', error: { name: 'Error' } });
    expect(broken?.error).not.toHaveProperty('message');
  });

  it('has the line that the guide shows', () => {
    const [, shown = ''] = /```json\n(.*)\n```/.exec(projectFile('docs/observability.md')) ?? [];
    const { time, pid, hostname, ...line } = of('refresh-failed')[0] as Line & Record<string, unknown>;
    const { loginId, durationMs, ...expected } = JSON.parse(
      shown.replace('https://api.polar.sh', app.emulator.url),
    );
    expect(line).toEqual({ ...expected, loginId: expect.any(String), durationMs: expect.any(Number) });
    expect(Object.keys(line)).toEqual(Object.keys(JSON.parse(shown)));
    expect([time, pid, hostname, loginId, durationMs]).not.toContain(undefined);
  });

  it('contains no token', () => {
    expect(secrets.size).toBeGreaterThan(3);
    for (const secret of secrets) expect(texts.join('')).not.toContain(secret);
  });
});
