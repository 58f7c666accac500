/** An app whose logins end in every way, for the tests of disconnect, endLogin and onLoginEnded. */
import { afterEach } from '@jest/globals';
import { disconnect, logout, requireLogin } from 'passport-polar-sh';
import { type AppProcess, startProcesses } from './app-processes.js';
import type { Browser } from './browser.js';
import { inMemoryStorage } from './in-memory-storage.js';
import { startTestApp, type TestApp, type TestAppOptions } from './test-app.js';
import { until } from './until.js';

export const encryptionKeys = ['a key that only these tests know, and nobody else'];
export const tenDays = 864_000;
export const aMinute = 60;

export const endRoutes: NonNullable<TestAppOptions['routes']> = (server, { polar }) => {
  server.post('/logout', logout(polar, { redirectTo: '/bye' }));
  server.post('/disconnect', disconnect(polar, { redirectTo: '/settings' }));
  server.post('/disconnect-then', disconnect(polar), async (req, res) => {
    res.json({ isLoggedIn: await req.polar.isLoggedIn(), user: req.user });
  });
  server.post('/mark', (req, res) => {
    Object.assign(req.session, { cart: ['a book'] });
    res.json({});
  });
  server.get('/logged-in', async (req, res) => void res.json(await req.polar.isLoggedIn()));
  server.get('/login-id', (req, res) => void res.json(req.polar.loginId ?? null));
  server.get('/guarded', requireLogin({ loginPath: '/auth/polar' }), (_req, res) => void res.json({}));
  server.post('/log-in/:id', (req, res, next) => {
    req.logIn({ id: req.params.id } as never, (error) => (error ? next(error) : res.json({})));
  });
};

/** Starts apps, and closes them after each test: the first one last, as the others share its Polar. */
export function startedApps() {
  let apps: TestApp[] = [];
  afterEach(async () => {
    for (const app of apps) await app.close();
    apps = [];
  });
  return {
    /** One app with the given options only. */
    async startOne(options: TestAppOptions): Promise<TestApp> {
      const app = await startTestApp(options);
      apps.unshift(app);
      return app;
    },
    /** Processes of one app, with these routes, a storage and keys unless the options say otherwise. */
    async start(count: number, options: TestAppOptions = {}): Promise<[AppProcess, ...AppProcess[]]> {
      const processes = await startProcesses(count, {
        routes: endRoutes,
        ...options,
        strategy: { storage: inMemoryStorage(), encryptionKeys, ...options.strategy },
      });
      for (const app of processes) apps.unshift(app);
      return processes;
    },
  };
}

/** Logs in; resolves with the browser and the id of the login. */
export async function loggedIn(app: TestApp): Promise<{ browser: Browser; loginId: string }> {
  const browser = await app.loggedInBrowser();
  return { browser, loginId: (await browser.get('/login-id')).body };
}

/** Waits until `onLoginEnded` of a process was called so often. */
export const untilEnded = (app: AppProcess, count = 1): Promise<void> =>
  until(() => app.ended.length >= count, 5000);
