/** docs/ended-logins.md shows the files that run here, with a real app and the local Polar. */
import { afterEach, describe, expect, it } from '@jest/globals';
import session from 'express-session';
import { inMemoryStorage } from '../support/in-memory-storage.js';
import { startTestApp, type TestApp } from '../support/test-app.js';
import { until } from '../support/until.js';
import { logOutEverywhere } from './ended-logins/log-out-everywhere.js';
import { createPolar, type LoginTable } from './ended-logins/polar.js';
import { blocksOf, projectFile, runningFile } from './shown-code.js';

const files = ['polar.ts', 'log-out-everywhere.ts'];

describe('the guide to logins that end', () => {
  it.each(files)('shows %s exactly as it runs', (file) => {
    expect(blocksOf('ended-logins.md').get(file)).toBe(runningFile('ended-logins', file));
  });

  it('names every reason for which a login ends', () => {
    const guide = projectFile('docs/ended-logins.md');
    const source = projectFile('src/tokens/tombstone.ts');
    const reasons = [...source.matchAll(/^ {2}'(\w+)',$/gm)].map(([, reason]) => reason as string);
    expect(reasons.length).toBeGreaterThan(4);
    const listed = guide.split('| `reason` | |')[1] ?? '';
    expect([...listed.matchAll(/^\| `(\w+)` \|/gm)].map(([, reason]) => reason)).toEqual(reasons);
  });
});

describe('logging a user out everywhere', () => {
  let app: TestApp;
  afterEach(() => app.close());

  class Table implements LoginTable {
    readonly rows = new Map<string, string>();
    async add(userId: string, loginId: string): Promise<void> {
      this.rows.set(loginId, userId);
    }
    async remove(loginId: string): Promise<void> {
      this.rows.delete(loginId);
    }
    async idsOf(userId: string): Promise<string[]> {
      return [...this.rows].filter(([, user]) => user === userId).map(([loginId]) => loginId);
    }
  }

  it('ends all remaining logins of that user and of nobody else', async () => {
    const table = new Table();
    const options = {
      storage: inMemoryStorage(),
      encryptionKeys: ['a key that only this test knows, and its jobs'],
    };
    app = await startTestApp({
      session: { store: new session.MemoryStore() },
      strategy: { ...options, onLoginEnded: ({ loginId }) => table.remove(loginId) },
      verify: async ({ profile, loginId }: { profile: { id: string }; loginId: string }) => {
        await table.add(profile.id, loginId);
        return profile;
      },
      routes: (server) =>
        server.get('/logged-in', async (req, res) => void res.json(await req.polar.isLoggedIn())),
    });
    const job = createPolar(table, {
      clientID: app.client.clientID,
      clientSecret: app.client.clientSecret,
      callbackURL: '/auth/polar/callback',
      server: app.emulator.server,
      now: app.emulator.now,
      ...options,
    });
    const browsers = [app.browser(), app.browser(), app.browser()];
    for (const browser of browsers.slice(0, 2)) await browser.logIn();
    const other = browsers[2] as ReturnType<TestApp['browser']>;
    await other.get(await app.emulator.authorize(await other.startLogin(), { user: 'grace@example.com' }));
    const userId = [...table.rows.values()][0] as string;
    expect(table.rows.size).toBe(3);
    await table.add(userId, '0'.repeat(32));

    await logOutEverywhere(job, table, userId);
    await until(() => app.emulator.liveTokens().length === 1);
    app.emulator.advanceTime(60);
    for (const browser of browsers) await browser.get('/logged-in');
    const states = async () =>
      Promise.all(browsers.map(async (browser) => (await browser.get('/logged-in')).body));
    const giveUpAt = Date.now() + 5000;
    while ((await states()).filter(Boolean).length > 1 && Date.now() < giveUpAt);
    expect(await states()).toEqual([false, false, true]);
    await until(() => table.rows.size === 1);
    expect(new Set(table.rows.values())).not.toContain(userId);
  });
});
