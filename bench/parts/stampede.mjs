// What happens when many requests of one login find its token expired at the same instant.
import { setTimeout as delay } from 'node:timers/promises';
import { startApp, startProvider, stopAll } from '../lib/apps.mjs';
import { median, quantile } from '../lib/figures.mjs';
import { allowConnections, get, logIn, times } from '../lib/load.mjs';

/** @type {import('../lib/apps.mjs').Variant[]} */
const variants = [
  { name: 'passport-polar-sh', server: 'polar' },
  { name: 'openid-client by hand', server: 'openid-client' },
  {
    name: 'openid-client by hand, joined in each process',
    server: 'openid-client',
    options: { joins: true },
  },
  {
    name: 'express-openid-connect, store',
    server: 'express-openid-connect',
    options: { keepsIn: 'store' },
  },
];
const ours = 'passport-polar-sh';
const trials = 5;
// After that no more than two trials of a kind.
const secondsEach = 10;
const delayMs = 50;
// Long enough that nobody takes the tokens for fresh ones when they expire.
const loginSeconds = 6;

/** @param {import('../run.mjs').Context} context */
export default async function stampede({ redisURL, only, log }) {
  allowConnections(1000);
  const settings = [
    { processes: 1, counts: [10, 100, 1000], url: /** @type {string | undefined} */ (undefined) },
  ];
  if (redisURL !== undefined) settings.push({ processes: 4, counts: [100], url: redisURL });
  const rows = [];
  const goals = [];
  for (const { processes, counts, url } of settings) {
    const inProcesses = `${processes} process${processes === 1 ? '' : 'es'}`;
    for (const variant of variants.filter(({ name }) => only(name))) {
      for (const { count, refreshes, failures, added } of await measure(variant, counts, processes, url)) {
        rows.push([
          processes,
          count,
          variant.name,
          median(refreshes).toFixed(0),
          `${median(failures).toFixed(0)} (at most ${Math.max(...failures)})`,
          `${median(added).toFixed(0)} ms (${added.map((ms) => ms.toFixed(0)).join(', ')})`,
        ]);
        if (variant.name !== ours) continue;
        const name = `stampede of ${count} in ${inProcesses}`;
        goals.push({ name: `${name}: token requests`, figure: Math.max(...refreshes), limit: 1, digits: 0 });
        goals.push({ name: `${name}: failures`, figure: Math.max(...failures), limit: 0, digits: 0 });
        if (processes === 1) continue;
        const limit = 1.2 * delayMs + 20;
        goals.push({ name: `${name}: added p99`, figure: median(added), limit, unit: ' ms', digits: 0 });
      }
      log(`${variant.name}, ${inProcesses}`);
    }
  }
  return {
    title: 'Many requests, one expired token',
    text: `Requests of one login at the same instant, in one process over a MemoryStore or spread over 4 processes over Redis; the provider takes ${delayMs} ms for a token response, and a refresh token works once. Token requests and failures (no 200, or a token that is already dead) are medians of at most ${trials} trials. Added p99 is the 99th percentile of the latencies, less that of the same requests a moment later, when the token is valid (median of three; each trial in brackets).`,
    tables: [
      {
        columns: ['processes', 'requests', '', 'token requests', 'failures', 'added p99'],
        rows: rows.sort(([a, b], [c, d]) => Number(a) - Number(c) || Number(b) - Number(d)),
      },
    ],
    goals,
  };
}

/**
 * @param {import('../lib/apps.mjs').Variant} variant
 * @param {number[]} counts of requests
 * @param {number} processes
 * @param {string | undefined} redisURL
 */
async function measure(variant, counts, processes, redisURL) {
  const provider = await startProvider();
  const start = () => startApp(variant, { provider: provider.url, redisURL });
  const apps = await Promise.all(Array.from({ length: processes }, start));
  const urls = apps.map(({ url }) => url);
  const results = counts.map((count) => ({
    count,
    refreshes: /** @type {number[]} */ ([]),
    failures: /** @type {number[]} */ ([]),
    added: /** @type {number[]} */ ([]),
  }));
  // Warm, with all connections open.
  const cookie = await logIn(urls[0] ?? '');
  const most = Math.max(...counts);
  for (let again = 0; again < 3; again += 1) await burst(urls, cookie, most);

  await provider.call('set', { loginSeconds });
  // One more than is measured: the first refresh of a process is slower than all others.
  const planned = [
    { count: 10, result: undefined },
    ...results.flatMap((result) => Array.from({ length: trials }, () => ({ count: result.count, result }))),
  ];
  const cookies = [];
  for (const _ of planned) cookies.push(await logIn(urls[cookies.length % urls.length] ?? ''));
  await provider.call('set', { delayMs });
  await delay((loginSeconds + 1) * 1000);
  const end = performance.now() + secondsEach * 1000;
  for (const [index, { count, result }] of planned.entries()) {
    if (performance.now() > end && result !== undefined && result.added.length >= 2) continue;
    const cookie = cookies[index] ?? '';
    await provider.call('takeRefreshes');
    const expired = await burst(urls, cookie, count);
    const refreshes = await provider.call('takeRefreshes');
    const good = expired.filter(({ status }) => status === 200).map(({ text }) => JSON.parse(text).token);
    const dead = await provider.call('countDead', good);
    const valid = [];
    for (let again = 0; again < 3; again += 1) valid.push(p99(await burst(urls, cookie, count)));
    result?.refreshes.push(refreshes);
    result?.failures.push(count - good.length + dead);
    result?.added.push(p99(expired) - median(valid));
  }
  await stopAll([provider, ...apps]);
  return results;
}

/**
 * @param {string[]} urls used in turn
 * @param {string} cookie
 * @param {number} count
 */
async function burst(urls, cookie, count) {
  /** @type {import('../lib/load.mjs').Result[]} */
  const results = [];
  await times(count, count, async (index) => {
    results.push(await get(`${urls[index % urls.length]}/token`, cookie));
  });
  return results;
}

/** @param {import('../lib/load.mjs').Result[]} results */
function p99(results) {
  return quantile(
    results.map(({ ms }) => ms),
    0.99,
  );
}
