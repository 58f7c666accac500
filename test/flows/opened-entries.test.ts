/** What a process has opened of a session entry: cached while the login is in use, evicted when it ends. */
import { describe, expect, it } from '@jest/globals';
import { runtimeOf } from '../../src/runtime.js';
import type { AppProcess } from '../support/app-processes.js';
import type { Browser } from '../support/browser.js';
import { fieldsOf } from '../support/entry-fields.js';
import { loggedIn, startedApps, tenDays } from '../support/login-ends.js';
import { until } from '../support/until.js';

const { start } = startedApps();

describe('an opened session entry', () => {
  const reads = async (app: AppProcess, browser: Browser) => {
    const { polar: text } = (await browser.get('/session')).body as { polar: string };
    const runtime = runtimeOf(app.polar);
    return { read: () => runtime?.logins.readEntry(text), loginId: fieldsOf(text)['loginId'] ?? '' };
  };

  it('is cached while the login is in use', async () => {
    const [app] = await start(1);
    const { browser } = await loggedIn(app);
    const { read } = await reads(app, browser);
    const opened = await read()?.open();
    expect(opened?.entry.tokens.accessToken).toBe(app.emulator.liveTokens()[0]?.accessToken);
    await browser.token();
    expect(await read()?.open()).toBe(opened);
  });

  const ends: [string, (app: AppProcess, browser: Browser, loginId: string) => Promise<unknown>][] = [
    ['a logout', async (_app, browser) => browser.post('/logout').expect(302)],
    ['disconnect', async (_app, browser) => browser.post('/disconnect').expect(302)],
    ['endLogin', async (app, _browser, loginId) => app.polar.endLogin(loginId)],
    ['a login of another user', async (_app, browser) => browser.post('/log-in/another').expect(200)],
    [
      'a refresh that Polar refuses',
      async (app, browser) => {
        app.emulator.revokeAll();
        app.emulator.advanceTime(tenDays);
        await browser.get('/token').expect(401);
      },
    ],
  ];
  it.each(ends)('is evicted after %s, also if its session returns', async (_how, end) => {
    const [app] = await start(1);
    const { browser } = await loggedIn(app);
    await browser.token();
    const { read, loginId } = await reads(app, browser);
    const before = read();
    expect(read()).toBe(before);
    await end(app, browser, loginId);
    await until(() => app.ended.length > 0, 5000);
    const after = read();
    expect(after).not.toBe(before);
    expect(read()).not.toBe(after);
  });

  it('is evicted once the process learns that another one ended the login', async () => {
    const [app, other] = (await start(2)) as [AppProcess, AppProcess];
    const { browser } = await loggedIn(app);
    const elsewhere = browser.at(other);
    await elsewhere.token();
    const { read, loginId } = await reads(other, elsewhere);
    const before = read();
    await app.polar.endLogin(loginId);
    other.emulator.advanceTime(tenDays);
    await elsewhere.get('/token').expect(401);
    expect(read()).not.toBe(before);
    expect(read()).not.toBe(read());
  });
});
