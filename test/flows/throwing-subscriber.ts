/** A process whose subscribers throw at every message: logs in, refreshes and logs out, and prints what it has seen. */
import { subscribe } from 'node:diagnostics_channel';
import { logout } from 'passport-polar-sh';
import { startTestApp } from '../support/test-app.js';

async function run(): Promise<void> {
  const uncaught: string[] = [];
  if (process.argv.includes('--handles-uncaught'))
    process.on('uncaughtException', (error) => void uncaught.push(error.message));
  for (const channel of ['login', 'refresh', 'logout', 'request'])
    subscribe(`passport-polar-sh:${channel}`, (message) => {
      throw new Error((message as { event: string }).event);
    });
  const app = await startTestApp({
    routes: (server, { polar }) => server.post('/logout', logout(polar, { redirectTo: '/' })),
  });
  const browser = app.browser();
  const statuses = [(await browser.logIn()).status];
  app.emulator.advanceTime(864_000);
  for (const path of ['/me', '/token']) statuses.push((await browser.get(path)).status);
  statuses.push((await browser.post('/logout')).status);
  const live = app.emulator.liveTokens().length;
  process.stdout.write(JSON.stringify({ statuses, live, errors: app.errors.length, uncaught }));
  process.exit();
}
void run();
