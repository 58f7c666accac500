// What a request costs whose user is logged in and whose token is valid.
import { addApp, cpuOf, startProvider, stopAll } from '../lib/apps.mjs';
import { interleaved, median, ratios, withSpread } from '../lib/figures.mjs';
import { closeConnections, getMany, logIn } from '../lib/load.mjs';
import { startProcess } from '../lib/processes.mjs';

/** @type {(import('../lib/apps.mjs').Variant & { limit?: number })[]} */
const variants = [
  { name: 'session', server: 'session' },
  { name: 'session, once more', server: 'session' },
  {
    name: 'session, and a middleware that does nothing',
    server: 'session',
    options: { hasEmptyMiddleware: true },
  },
  {
    name: 'polarTokens left out after the login',
    server: 'polar',
    options: { use: 'nothing', isMounted: false },
  },
  { name: 'polarTokens mounted, not used', server: 'polar', options: { use: 'nothing' }, limit: 1.03 },
  { name: 'getAccessToken', server: 'polar', options: { use: 'token' }, limit: 1.1 },
  {
    name: 'requireLogin + getAccessToken',
    server: 'polar',
    options: { use: 'guard and token' },
    limit: 1.12,
  },
  {
    name: 'getAccessToken, encryptionKeys',
    server: 'polar',
    options: { use: 'token', isEncrypted: true },
    limit: 1.15,
  },
  {
    name: 'requireLogin + getAccessToken, encryptionKeys',
    server: 'polar',
    options: { use: 'guard and token', isEncrypted: true },
    limit: 1.15,
  },
  {
    name: 'openid-client, tokens in the session by hand',
    server: 'openid-client',
    lacks: 'refreshes are not joined; no encryption',
  },
  {
    name: 'express-openid-connect, cookie',
    server: 'express-openid-connect',
    options: { keepsIn: 'cookie' },
    lacks: 'no Passport; refreshes are not joined',
  },
  {
    name: 'express-openid-connect, store',
    server: 'express-openid-connect',
    options: { keepsIn: 'store' },
    lacks: 'no Passport; refreshes are not joined; no encryption',
  },
];
const why = `The missed goals have three causes; the first two are not code of this package.

- **The tokens are in the session.** \`polarTokens left out after the login\` runs no code of this package: its distance from 1 is what
  express-session does with 0.6 KB more, which it reads, turns into JSON three times and hashes twice for each request. In the profile
  that is \`hash\`, \`getSession\` and \`touch\` of express-session. Tokens that an app keeps in the session by hand cost this, too, but are
  shorter: this package also keeps the key of the login's record, its id, client, server, scopes, nonce and user.
- **A middleware is a layer of Express**, even one that does nothing. A guard is another one, and continues in another turn of the
  microtask queue.
- **The rest is code of this package**: 6 us a request in a loop of its own (\`polarTokens\`, a guard and one token), and some 6 % of a
  request's CPU time in the profile of a server. Most of it sets properties on the request (\`req.polar\`, \`req.logIn\`) and keeps three
  maps in the order of their use. No single line stands out.`;
const baseline = 'session';
const most = { seconds: 28, rounds: 150 };
const warmUp = { seconds: 12, rounds: 30 };
const requests = 150;

/** @param {import('../run.mjs').Context} context */
export default async function hot({ redisURL, only, log }) {
  const chosen = variants.filter(({ name }) => name === baseline || only(name));
  /** @type {{ store: string, url?: string, generations: number }[]} */
  const settings = [{ store: 'MemoryStore', generations: 2 }];
  if (redisURL !== undefined) settings.push({ store: 'Redis', url: redisURL, generations: 1 });
  const tables = [];
  const goals = [];
  for (const { store, url, generations } of settings) {
    const figures = await measure(chosen, url, generations, (done) =>
      log(`${store}: ${done} of ${generations}`),
    );
    const ratiosOf = (/** @type {string} */ name) => ratios(figures[name] ?? [], figures[baseline] ?? []);
    tables.push({
      columns: [store, 'CPU per request', 'ratio (middle half of the rounds)', 'what it does not do'],
      rows: chosen.map(({ name, lacks = '' }) => [
        name,
        `${median(figures[name] ?? []).toFixed(0)} us`,
        name === baseline ? '1' : withSpread(ratiosOf(name)),
        lacks,
      ]),
    });
    for (const { name, limit } of chosen)
      if (limit !== undefined)
        goals.push({ name: `${name} (${store})`, figure: median(ratiosOf(name)), limit });
  }
  return {
    title: 'A request with a valid token',
    text: `CPU time of the server, and its ratio to Express 5, express-session and passport.session with a user and without any token. The second \`session\` is the same code once more: its distance from 1 is the error of the other rows. All apps are in one process, so that what they share is compiled once; at most ${most.rounds} rounds of ${requests} requests in each of ${settings.map(({ store, generations }) => `${generations} over ${store}`).join(', ')}.`,
    tables,
    goals,
    why,
  };
}

/**
 * @param {typeof variants} chosen
 * @param {string | undefined} redisURL
 * @param {number} generations of processes
 * @param {(done: number) => void} progress
 */
async function measure(chosen, redisURL, generations, progress) {
  /** @type {Record<string, number[]>} */
  const figures = {};
  for (let generation = 1; generation <= generations; generation += 1) {
    const provider = await startProvider();
    // One process for all: two processes of the same code are never equally fast.
    const apps = startProcess('app', `hot-${generation}`);
    /** @type {Map<string, { url: string, cookies: string[] }>} */
    const running = new Map();
    for (const variant of chosen) {
      const url = await addApp(apps, variant, { provider: provider.url, redisURL });
      running.set(variant.name, { url: `${url}/page`, cookies: [await logIn(url)] });
    }
    const measureOne = async (/** @type {string} */ name) => {
      const { url = '', cookies = [] } = running.get(name) ?? {};
      return cpuOf(apps, requests, () => getMany(url, cookies, requests));
    };
    await interleaved([...running.keys()], warmUp, measureOne);
    await interleaved([...running.keys()], most, measureOne, figures);
    await closeConnections();
    await Promise.all([stopAll([provider]), apps.stop()]);
    progress(generation);
  }
  return figures;
}
