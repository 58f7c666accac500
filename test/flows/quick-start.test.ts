/** Runs the quick start of the README as its readers do: as a process of its own, with an environment and nothing else. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type PolarEmulator, startPolarEmulator } from 'passport-polar-sh/emulator';
import { Browser } from '../support/browser.js';
import { refreshesAt } from '../support/emulator-requests.js';
import { freePort } from '../support/free-port.js';
import { until } from '../support/until.js';

const folder = join(__dirname, '../docs/quick-start');

describe.each(['app.ts', 'app.mjs'])('the quick start, %s', (file) => {
  let app: ChildProcess;
  let url: string;
  let emulator: PolarEmulator;
  let browser: Browser;

  beforeAll(async () => {
    emulator = await startPolarEmulator({
      consent: 'auto',
      users: [
        { email: 'ada@example.com', organizations: [{ slug: 'acme', name: 'Acme' }] },
        { email: '"<b>&"@example.com' },
      ],
    });
    const port = await freePort();
    url = `http://localhost:${port}`;
    const client = emulator.registerClient({ redirectURIs: [`${url}/auth/polar/callback`] });
    app = spawn(process.execPath, ['--import', 'tsx', join(folder, file)], {
      stdio: ['ignore', 'pipe', 'inherit'],
      env: {
        PATH: process.env['PATH'],
        PORT: String(port),
        POLAR_SERVER: emulator.url,
        POLAR_CLIENT_ID: client.clientID,
        POLAR_CLIENT_SECRET: client.clientSecret,
        SESSION_SECRET: 'only for tests',
        NODE_ENV: 'production', // prints no hints
      },
    });
    const [line] = await once(app.stdout ?? app, 'data');
    expect(String(line)).toBe(`${url}\n`);
    browser = new Browser(url);
  });
  afterAll(async () => {
    app.kill();
    await emulator.close();
  });

  it('offers a login', async () => {
    const { status, text } = await browser.get('/');
    expect([status, text]).toEqual([200, '<p></p> <a href="/auth/polar">Log in with Polar</a>']);
  });

  it('shows that a login was cancelled, and a link to try again, without creating a session', async () => {
    emulator.consent = 'deny';
    const { status, text, headers } = await browser.logIn();
    emulator.consent = 'auto';
    expect(status).toBe(401);
    expect(text).toBe(
      '<p>The login with Polar was cancelled.</p> <a href="/auth/polar">Log in with Polar</a>',
    );
    expect(headers['set-cookie']).toBeUndefined();
  });

  it('shows that a login is no longer valid', async () => {
    const callback = await browser.visitPolar(await browser.startLogin());
    const { status, text } = await new Browser(url).get(callback);
    expect(status).toBe(403);
    expect(text).toMatch(/^<p>Your browser did not send the cookie of this login\./);
  });

  it('logs in, returns to the page that needed a login, and calls the API', async () => {
    const { headers } = await browser.get('/organizations').set('accept', 'text/html');
    expect(headers['location']).toBe('/auth/polar?return_to=%2Forganizations');
    const loggedIn = await browser.logIn(headers['location'] as string);
    expect(loggedIn.headers['location']).toBe('/organizations');
    // No form of another site can log the user out.
    expect(String(loggedIn.headers['set-cookie'])).toMatch(/connect\.sid=.*SameSite=Lax/);
    const { body } = await browser.get('/organizations');
    expect(body.items.map(({ slug }: { slug: string }) => slug)).toContain('acme');
  });

  it('greets the user, whatever characters the name has', async () => {
    const { text } = await browser.get('/');
    expect(text).toContain('<p>Hello, ada@example.com. <a href="/organizations">');
    expect(text).toContain('<form method="post" action="/logout"><button>Log out</button></form>');
    const other = new Browser(url);
    emulator.user = '"<b>&"@example.com';
    await other.logIn();
    emulator.user = 'ada@example.com';
    expect((await other.get('/')).text).toContain('Hello, &#34;&#60;b&#62;&#38;&#34;@example.com.');
  });

  it('refreshes a token that Polar no longer accepts', async () => {
    emulator.advanceTime(864_001); // ten days later, for Polar only
    // A token that Polar refuses in its first second counts as not yet committed, and is only sent again.
    await until(async () => (await browser.get('/organizations')).status === 200);
    expect(refreshesAt(emulator)).toHaveLength(1);
  });

  it('logs out and revokes the tokens', async () => {
    const { headers } = await browser.post('/logout');
    expect(headers['location']).toBe('/');
    expect((await browser.get('/')).text).toContain('Log in with Polar');
    expect((await browser.get('/organizations')).status).toBe(401);
    const revoked = emulator.requests.filter(({ endpoint }) => endpoint === 'revoke');
    expect(revoked.map(({ status }) => status)).toEqual([200]);
  });
});
