/** `polar.tokensFor(loginId)`: what docs/background-jobs.md leaves out. */
import { afterEach, describe, expect, it } from '@jest/globals';
import {
  logout,
  PolarConfigurationError,
  PolarLoginRequiredError,
  type PolarStorage,
  type PolarStrategyOptions,
  PolarTransientError,
} from 'passport-polar-sh';
import { codeOf } from '../support/code-of.js';
import { inMemoryStorage } from '../support/in-memory-storage.js';
import { siblingStrategy } from '../support/sibling.js';
import { rowIdOf } from '../support/stored-rows.js';
import { startTestApp, type TestApp } from '../support/test-app.js';

let app: TestApp;
afterEach(() => app.close());

const encryptionKeys = ['a key that only these tests know, and its jobs'];
let loginId: string;

/** Logs in to an app; `jobOf` makes the strategy of one of its jobs. */
async function loggedIn(storage: PolarStorage = inMemoryStorage()) {
  app = await startTestApp({
    strategy: { storage, encryptionKeys },
    routes: (server, { polar }) => server.post('/logout', logout(polar, { redirectTo: '/' })),
    verify: ({ loginId: id, profile }: { loginId: string; profile: object }) => {
      loginId = id;
      return profile;
    },
  });
  const browser = await app.loggedInBrowser();
  const jobOf = (changes: Partial<PolarStrategyOptions> = {}) =>
    siblingStrategy(app, { storage, encryptionKeys, ...changes });
  return { browser, jobOf };
}

describe('tokensFor', () => {
  it('returns what another process has refreshed meanwhile, also before its own tokens expire', async () => {
    const { jobOf } = await loggedIn();
    const [one, other] = [jobOf().tokensFor(loginId), jobOf().tokensFor(loginId)];
    const first = await one.getAccessToken();
    const forced = await other.getAccessToken({ forceRefresh: true });
    expect(forced).not.toBe(first);
    expect(await one.getAccessToken()).toBe(forced);
    expect((await one.getTokens({ forceRefresh: true })).accessToken).not.toBe(forced);
  });

  it('can be kept and used for weeks', async () => {
    const { browser, jobOf } = await loggedIn();
    const access = jobOf().tokensFor(loginId);
    for (const seconds of [0, 864_000, 3600, 3600]) {
      app.emulator.advanceTime(seconds);
      expect((await access.fetch('/v1/users/me')).status).not.toBe(401);
      expect(await access.getAccessToken()).toBe(await browser.token());
    }
  });

  it('reports with isLoggedIn that there is no login, or no longer', async () => {
    const { jobOf } = await loggedIn();
    const job = jobOf();
    expect(await job.tokensFor(loginId).isLoggedIn()).toBe(true);
    expect(await job.tokensFor('nobody').isLoggedIn()).toBe(false);
    app.emulator.revokeAll();
    app.emulator.advanceTime(864_000);
    expect(await codeOf(job.tokensFor(loginId).getAccessToken())).toBe('login_expired');
    expect(await job.tokensFor(loginId).isLoggedIn()).toBe(false);
  });

  it.each(['', 'nobody', '../..', '%', '0'.repeat(32), undefined as never])(
    'finds no login named %j',
    async (name) => {
      const { jobOf } = await loggedIn();
      const error = await jobOf()
        .tokensFor(name)
        .getAccessToken()
        .catch((reason) => reason);
      expect(error).toBeInstanceOf(PolarLoginRequiredError);
      expect(error).toMatchObject({ code: 'not_logged_in', status: 401 });
    },
  );

  it('asks the storage only for ids of 32 hexadecimal characters, which fit every column', async () => {
    const asked: string[] = [];
    const rows = inMemoryStorage();
    const read: PolarStorage['read'] = async (key) => {
      asked.push(key.id, key.group);
      return rows.read(key);
    };
    const { jobOf } = await loggedIn({ ...rows, read });
    for (const name of ['', 'nobody', `${loginId}.ended`, loginId.toUpperCase(), 7 as never])
      expect(await codeOf(jobOf().tokensFor(name).getAccessToken())).toBe('not_logged_in');
    expect(await jobOf().tokensFor(loginId).isLoggedIn()).toBe(true);
    expect(asked.filter((id) => !/^[0-9a-f]{32}$/.test(id))).toEqual([]);
    expect(asked).toContain(loginId);
  });

  it('does not take the tombstone, record or lock of a login for a login', async () => {
    const { browser, jobOf } = await loggedIn();
    app.emulator.advanceTime(864_000);
    await browser.token();
    await browser.post('/logout');
    for (const row of ['tombstone', 'record', 'lock'] as const) {
      const access = jobOf().tokensFor(rowIdOf(loginId, row));
      expect(await codeOf(access.getAccessToken())).toBe('not_logged_in');
    }
    expect(await codeOf(jobOf().tokensFor(loginId).getAccessToken())).toBe('logged_out');
  });

  it('finds no login of another client or server, whose tokens it must not send', async () => {
    const { jobOf } = await loggedIn();
    const { clientID, clientSecret } = app.emulator.registerClient({
      redirectURIs: ['http://localhost/auth/polar/callback'],
    });
    const others = [jobOf({ clientID, clientSecret }), jobOf({ server: 'sandbox' })];
    for (const other of others)
      expect(await codeOf(other.tokensFor(loginId).getAccessToken())).toBe('not_logged_in');
  });

  it.each<[string, () => Promise<never>]>([
    ['rejects', async () => Promise.reject(new Error('down'))],
    ['does not respond', () => new Promise<never>(() => {})],
  ])('asks to be retried later while the store %s', async (_what, read) => {
    const { jobOf } = await loggedIn();
    const access = jobOf({ storage: { ...inMemoryStorage(), read }, timeoutMs: 100 }).tokensFor(loginId);
    for (const use of [access.getAccessToken(), access.fetch('/v1/organizations/'), access.isLoggedIn()]) {
      const error = await use.catch((reason) => reason);
      expect(error).toBeInstanceOf(PolarTransientError);
      expect(error).toMatchObject({ code: 'server_error', status: 503 });
      expect(error.cause).toBeInstanceOf(Error);
    }
  });

  it.each<[string, Partial<PolarStrategyOptions>]>([
    ['storage', { storage: undefined }],
    ['encryptionKeys', { encryptionKeys: undefined }],
  ])('says what it needs without the option %s', async (name, without) => {
    const { jobOf } = await loggedIn();
    const error = await jobOf(without)
      .tokensFor(loginId)
      .fetch('/v1/organizations/')
      .catch((reason) => reason);
    expect(error).toBeInstanceOf(PolarConfigurationError);
    expect(error.message).toContain(
      `tokensFor needs the options storage and encryptionKeys (not given: ${name})`,
    );
  });
});
