// What a request costs when many people are logged in, and use the app evenly.
import { cpuOf, startApp, startProvider, stopAll } from '../lib/apps.mjs';
import { interleaved, median, ratios, shuffled, withSpread } from '../lib/figures.mjs';
import { getMany, logIn } from '../lib/load.mjs';

/** @type {import('../lib/apps.mjs').Variant[]} */
const variants = [
  { name: 'session', server: 'session' },
  { name: 'passport-polar-sh', server: 'polar' },
  { name: 'openid-client by hand', server: 'openid-client' },
];
const baseline = 'session';
const sizes = [1000, 10_000, 100_000];
const most = { seconds: 10, rounds: 20 };
const requests = 500;

/** @param {import('../run.mjs').Context} context */
export default async function growth({ only, log }) {
  const chosen = variants.filter(({ name }) => name === baseline || only(name));
  const rows = [];
  for (const size of sizes) {
    const provider = await startProvider();
    /** @type {Map<string, { app: import('../lib/apps.mjs').Running, next: () => string[] }>} */
    const running = new Map();
    /** @type {Record<string, number>} */
    const heap = {};
    for (const variant of chosen) {
      const app = await startApp(variant, { provider: provider.url });
      const url = `${app.url}/page`;
      await getMany(url, [await logIn(app.url)], 2000);
      /** @type {string[]} */
      const cookies = shuffled(await app.call('multiply', size));
      let used = 0;
      const next = () => {
        const taken = cookies.slice(used, used + requests);
        used = (used + requests) % size;
        return taken;
      };
      // Everybody once, as far as there is time. Others remember nobody, so that nothing is to be seen of it.
      if (variant.server === 'polar') {
        const before = await app.call('heapUsed');
        const end = performance.now() + 30_000;
        let seen = 0;
        for (; seen < size && performance.now() < end; seen += requests) await getMany(url, next(), requests);
        heap[variant.name] = ((await app.call('heapUsed')) - before) / seen;
      }
      await getMany(url, cookies, 2000);
      await app.call('takeOperations');
      running.set(variant.name, { app, next });
      log(`${size}: ${variant.name}`);
    }
    let measured = 0;
    const figures = await interleaved([...running.keys()], most, async (name) => {
      const { app, next } = /** @type {NonNullable<ReturnType<typeof running.get>>} */ (running.get(name));
      if (name === baseline) measured += requests;
      return cpuOf(app, requests, () => getMany(`${app.url}/page`, next(), requests));
    });
    for (const [name, { app }] of running) {
      const own = figures[name] ?? [];
      const { get } = await app.call('takeOperations');
      rows.push([
        size,
        name,
        `${median(own).toFixed(0)} us`,
        name === baseline ? '1' : withSpread(ratios(own, figures[baseline] ?? [])),
        (get / measured - 1).toFixed(2),
        heap[name] === undefined ? '' : `${((heap[name] ?? 0) / 1024).toFixed(2)} KB`,
      ]);
    }
    await stopAll([provider, ...[...running.values()].map(({ app }) => app)]);
  }
  return {
    title: 'Many logins in one process',
    text: "Requests of all users in turn, each login's token valid, over a MemoryStore. Store reads are those beside the session's own one. Memory is what the process keeps of each login once all users have made a request, without the session.",
    tables: [
      {
        columns: [
          'logins',
          '',
          'CPU per request',
          'ratio (middle half of the rounds)',
          'store reads',
          'memory per login',
        ],
        rows,
      },
    ],
    goals: [],
  };
}
