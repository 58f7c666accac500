import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { startPolarEmulator } from 'passport-polar-sh/emulator';
import { Browser } from './browser.mjs';
import { freePort, startServer } from './processes.mjs';

const PROCESSES = 2;
/** Access tokens of a login live ten seconds instead of ten days, so that apps find them expired without waiting. */
const lifetimes = { loginAccessTokenSeconds: 10 };

/**
 * The app of a library in two processes that share their stores, and the local Polar that it uses.
 *
 * @param {import('../libraries.mjs').Library} library
 * @param {string} redisURL
 */
export async function startSite(library, redisURL) {
  const ports = [];
  while (ports.length < PROCESSES) ports.push(await freePort());
  const origins = ports.map((port) => `http://localhost:${port}`);
  const polar = await startPolarEmulator({ lifetimes });
  const client = polar.registerClient({
    redirectURIs: [origins[0] + library.callbackPath],
    scope: 'openid profile email organizations:read',
  });
  const folder = mkdtempSync(join(tmpdir(), 'polar-comparison-'));
  const environment = {
    PATH: process.env.PATH,
    BASE_URL: origins[0],
    ...(library.needsHTTPS
      ? { LOCAL_POLAR: polar.url, NODE_OPTIONS: `--import=${new URL('real-addresses.mjs', import.meta.url)}` }
      : { POLAR_SERVER: polar.url, POLAR_WEB_URL: polar.url, POLAR_API_URL: polar.url }),
    POLAR_CLIENT_ID: client.clientID,
    POLAR_CLIENT_SECRET: client.clientSecret,
    SESSION_SECRET: 'at least 32 characters, and for this comparison only',
    REDIS_URL: redisURL,
    DATABASE_FILE: join(folder, 'database.sqlite'),
  };
  const apps = [];
  const stop = async () => {
    await Promise.all(apps.map((app) => app.stop()));
    await polar.close();
    rmSync(folder, { recursive: true, force: true });
  };
  const app = fileURLToPath(new URL(`../apps/${library.file}`, import.meta.url));
  try {
    for (const [index, port] of ports.entries()) {
      const env = { ...environment, PORT: String(port) };
      apps.push(await startServer(process.execPath, [app], { address: new URL(origins[index]), env }));
    }
  } catch (error) {
    await stop();
    throw error;
  }
  return new Site({
    library,
    redisURL,
    polar,
    client,
    origins,
    stop,
    said: () => apps.map(({ said }) => said()).join('\n'),
  });
}

/** What happens at a site. */
export class Site {
  constructor({ library, redisURL, polar, client, origins, stop, said }) {
    this.library = library;
    this.redisURL = redisURL;
    this.polar = polar;
    this.client = client;
    this.origins = origins;
    this.stop = stop;
    this.said = said;
  }

  browser() {
    return new Browser(this.origins[0]);
  }

  /** Starts a login. Gives the address of Polar's page. */
  async start(browser) {
    const page = await this.requestStart(browser);
    browser.keepCookies(page);
    return this.addressIn(page);
  }

  requestStart(browser) {
    const { path, init } = this.library.start;
    return browser.request(path, init);
  }

  /** Where the start of a login sends the browser. */
  addressIn(page) {
    if (page.status >= 400) throw new Error(`the start of the login answered ${page.status}: ${page.text}`);
    return new URL(page.location ?? JSON.parse(page.text).url);
  }

  /** Logs in at Polar and agrees. Gives the callback's address. */
  agree(address, visit) {
    return this.polar.authorize(new URL(address.pathname + address.search, this.polar.url).href, visit);
  }

  async logIn(browser = this.browser()) {
    const page = await browser.open(await this.agree(await this.start(browser)));
    if (!this.hasLoggedIn(page))
      throw new Error(`the callback answered ${page.status} ${page.location}: ${page.text.slice(0, 200)}`);
    return browser;
  }

  /** Whether a callback has sent the browser on to the app, not to an error. */
  hasLoggedIn({ status, location }) {
    if (status !== 302) return false;
    const { pathname, search } = new URL(location, this.origins[0]);
    return ['/', '/me'].includes(pathname) && search === '';
  }

  /** Whether a page sends the browser to Polar to log in. */
  isAtPolar({ location }) {
    return location !== undefined && new URL(location, this.origins[0]).pathname === '/oauth2/authorize';
  }

  async isLoggedIn(browser) {
    return (await browser.open('/me')).status === 200;
  }

  async canCallPolar(browser) {
    return (await browser.open('/organizations')).status === 200;
  }

  /** How many refreshes Polar has received. */
  get refreshes() {
    return this.polar.requests.filter(({ grantType }) => grantType === 'refresh_token').length;
  }
}
