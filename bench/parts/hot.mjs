// What a request costs whose user is logged in and whose token is valid.
import { cpuOf, startApp, startProvider, stopAll } from '../lib/apps.mjs';
import { interleaved, median, ratios, withSpread } from '../lib/figures.mjs';
import { getMany, logIn, warmUp } from '../lib/load.mjs';

/** @type {(import('../lib/apps.mjs').Variant & { limit?: number })[]} */
const variants = [
  { name: 'session', server: 'session' },
  { name: 'session, once more', server: 'session' },
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
const baseline = 'session';
const most = { seconds: 12, rounds: 25 };
const requests = 400;

/** @param {import('../run.mjs').Context} context */
export default async function hot({ redisURL, only, log }) {
  const chosen = variants.filter(({ name }) => name === baseline || only(name));
  // Two processes of the same code are never equally fast: what V8 makes of it is settled early in each.
  /** @type {{ store: string, url?: string, generations: number }[]} */
  const settings = [{ store: 'MemoryStore', generations: 3 }];
  if (redisURL !== undefined) settings.push({ store: 'Redis', url: redisURL, generations: 2 });
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
    text: `CPU time of the server, and its ratio to Express 5, express-session and passport.session with a user and without any token. The second \`session\` is the same code in another process: how far it is from 1 is how much the others can be wrong. ${settings.map(({ store, generations }) => `${generations} processes of each over ${store}`).join(', ')}, and in each at most ${most.rounds} rounds of ${requests} requests.`,
    tables,
    goals,
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
    /** @type {Map<string, { app: import('../lib/apps.mjs').Running, cookies: string[] }>} */
    const running = new Map();
    for (const variant of chosen) {
      const app = await startApp(variant, { provider: provider.url, redisURL });
      const cookies = [await logIn(app.url)];
      running.set(variant.name, { app, cookies });
      await warmUp(10, () => getMany(`${app.url}/page`, cookies, requests));
    }
    await interleaved(
      [...running.keys()],
      most,
      async (name) => {
        const { app, cookies } = /** @type {NonNullable<ReturnType<typeof running.get>>} */ (
          running.get(name)
        );
        return cpuOf(app, requests, () => getMany(`${app.url}/page`, cookies, requests));
      },
      figures,
    );
    await stopAll([provider, ...[...running.values()].map(({ app }) => app)]);
    progress(generation);
  }
  return figures;
}
