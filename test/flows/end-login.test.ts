/** `polar.endLogin`: ends a login from anywhere. */
import { describe, expect, it } from '@jest/globals';
import type { PolarStrategy, PolarStrategyOptions } from 'passport-polar-sh';
import type { AppProcess } from '../support/app-processes.js';
import { codeOf } from '../support/code-of.js';
import { inMemoryStorage } from '../support/in-memory-storage.js';
import {
  aMinute,
  encryptionKeys,
  loggedIn,
  startedApps,
  tenDays,
  untilEnded,
} from '../support/login-ends.js';
import { siblingStrategy } from '../support/sibling.js';
import { until } from '../support/until.js';

const { start } = startedApps();

describe('polar.endLogin', () => {
  const jobOf = (app: AppProcess, changes: Partial<PolarStrategyOptions> = {}): PolarStrategy =>
    siblingStrategy(app, { encryptionKeys, ...changes });

  it('ends a login in this process at once, and in others within a minute of use', async () => {
    const [app, other] = (await start(2)) as [AppProcess, AppProcess];
    const { browser, loginId } = await loggedIn(app);
    const there = browser.at(other);
    expect((await there.get('/logged-in')).body).toBe(true);
    await app.polar.endLogin(loginId);
    expect((await browser.get('/logged-in')).body).toBe(false);
    expect((await browser.get('/token')).body.code).toBe('logged_out');
    expect((await browser.get('/me')).body.user).not.toBeNull();
    app.emulator.advanceTime(aMinute);
    // The request that finds the check due does not wait for it.
    await there.get('/logged-in');
    await untilEnded(other);
    expect((await there.get('/logged-in')).body).toBe(false);
    expect(app.ended).toEqual([{ loginId, reason: 'ended_by_app' }]);
    expect(other.ended).toEqual(app.ended);
    expect(app.emulator.liveTokens()).toEqual([]);
  });

  it('works from a job that has never seen the login, also after refreshes, and revokes the newest tokens', async () => {
    const storage = inMemoryStorage();
    const [app] = await start(1, { strategy: { storage } });
    const { browser, loginId } = await loggedIn(app);
    app.emulator.advanceTime(tenDays);
    await browser.token();
    await jobOf(app, { storage }).endLogin(loginId);
    expect(app.emulator.liveTokens()).toEqual([]);
    app.emulator.advanceTime(aMinute);
    await browser.get('/logged-in');
    await untilEnded(app);
    expect((await browser.get('/logged-in')).body).toBe(false);
  });

  it('changes nothing for a login that has already ended, and keeps the first reason', async () => {
    const storage = inMemoryStorage();
    const [app] = await start(1, { strategy: { storage } });
    const { browser, loginId } = await loggedIn(app);
    await browser.post('/logout');
    const reasons: string[] = [];
    const job = jobOf(app, { storage, onLoginEnded: ({ reason }) => reasons.push(reason) });
    for (let times = 0; times < 2; times++) await job.endLogin(loginId);
    await app.polar.endLogin(loginId);
    expect(app.ended).toEqual([{ loginId, reason: 'logged_out' }]);
    expect(await codeOf(job.tokensFor(loginId).getAccessToken())).toBe('logged_out');
  });

  it.each<[string, (app: AppProcess, loginId: string) => Promise<unknown>]>([
    ['endLogin', (app, loginId) => app.polar.endLogin(loginId)],
    ['use in a job', (app, loginId) => codeOf(app.polar.tokensFor(loginId).getAccessToken())],
  ])(
    'takes effect in another process with the next %s there, and onLoginEnded is told',
    async (_how, use) => {
      const [app, other] = (await start(2)) as [AppProcess, AppProcess];
      const { browser, loginId } = await loggedIn(app);
      const there = browser.at(other);
      expect((await there.get('/logged-in')).body).toBe(true);
      await app.polar.endLogin(loginId);
      await use(other, loginId);
      expect((await there.get('/logged-in')).body).toBe(false);
      await untilEnded(other);
      expect(other.ended).toEqual([{ loginId, reason: 'ended_by_app' }]);
    },
  );

  it.each(['', 'nobody', '0'.repeat(31), undefined as never, 7 as never])(
    'rejects %j, which names no login, with a code',
    async (loginId) => {
      const [app] = await start(1);
      expect(await codeOf(app.polar.endLogin(loginId))).toBe('not_logged_in');
    },
  );

  it('ends a login whose record is not stored yet', async () => {
    const rows = inMemoryStorage();
    let isDown = true;
    const storage = {
      ...rows,
      write: async (...given: Parameters<typeof rows.write>) =>
        isDown && given[0].group.length === 32 && given[1].value.length > 500
          ? Promise.reject(new Error('down'))
          : rows.write(...given),
    };
    const [app] = await start(1, { strategy: { storage } });
    isDown = false;
    const { browser, loginId } = await loggedIn(app);
    await app.polar.settled({ withinMs: 5000 });
    const reasons: string[] = [];
    const lost = jobOf(app, {
      storage: inMemoryStorage(),
      onLoginEnded: ({ reason }) => reasons.push(reason),
    });
    for (let times = 0; times < 2; times++) await lost.endLogin(loginId);
    expect((await browser.get('/logged-in')).body).toBe(true);
    expect(await codeOf(lost.tokensFor(loginId).getAccessToken())).toBe('logged_out');
    await until(() => reasons.length > 0, 5000);
    expect(reasons).toEqual(['ended_by_app']);
  });

  it('ends no login of another client or server', async () => {
    const storage = inMemoryStorage();
    const [app] = await start(1, { strategy: { storage } });
    const { browser, loginId } = await loggedIn(app);
    const { clientID, clientSecret } = app.emulator.registerClient({
      redirectURIs: ['http://localhost/callback'],
    });
    for (const other of [
      jobOf(app, { storage, clientID, clientSecret }),
      jobOf(app, { storage, server: 'sandbox' }),
    ])
      expect(await codeOf(other.endLogin(loginId))).toBe('not_logged_in');
    app.emulator.advanceTime(aMinute);
    for (let times = 0; times < 2; times++) expect((await browser.get('/logged-in')).body).toBe(true);
  });

  it.each([{ storage: undefined }, { encryptionKeys: undefined }])(
    'says that it needs storage and encryptionKeys: %j',
    async (without) => {
      const [app] = await start(1);
      const job = jobOf(app, { storage: inMemoryStorage(), ...without });
      const error = await job.endLogin('0'.repeat(32)).catch((reason) => reason);
      expect([error.code, error.message]).toEqual([
        'invalid_option',
        expect.stringMatching(/^endLogin needs the options/),
      ]);
    },
  );

  it('asks to be retried while the storage cannot be read', async () => {
    const [app] = await start(1);
    const down = { ...inMemoryStorage(), read: () => Promise.reject(new Error('down')) };
    const error = await jobOf(app, { storage: down })
      .endLogin('0'.repeat(32))
      .catch((reason) => reason);
    expect(error).toMatchObject({ code: 'server_error', status: 503, cause: expect.any(Error) });
  });
});
