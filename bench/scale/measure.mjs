// What people see at Polar's limit: real processes, a real Redis, a local Polar with its rate limit, in real time.
import { setTimeout as delay } from 'node:timers/promises';
import { get, logIn } from '../lib/load.mjs';
import { startProcess } from '../lib/processes.mjs';
import { startRedis } from '../lib/redis.mjs';
import { seededRandom } from './random.mjs';

const minute = 60_000;

/**
 * People come back within the first minute, at random, each to a random process; somebody who gets an error comes again after
 * `retryAfterSeconds`. Others log in all the time.
 *
 * @param {{ people: number, loginsPerMinute: number, processes: number, minutes: number }} crowd
 */
export async function measure({ people, loginsPerMinute, processes, minutes }) {
  const random = seededRandom(1);
  const redis = await startRedis();
  if (redis === undefined)
    throw new Error('There is no redis-server. Get it with: apt-get install redis-server');
  const polar = startProcess('../scale/polar');
  const sites = Array.from({ length: processes }, () => startProcess('../scale/site'));
  const urls = await Promise.all(sites.map((site) => site.call('listen')));
  const polarURL = await polar.call(
    'start',
    urls.map((url) => `${url}/callback`),
  );
  await Promise.all(
    sites.map((site, index) => site.call('start', { baseURL: urls[index], polarURL, redisURL: redis.url })),
  );
  await logIn(urls[0]);
  const cookies = await sites[0].call('multiply', await polar.call('expiredTokens', people));
  // The login above has begun a minute of Polar's.
  await delay(minute);

  /** @type {Record<string, number>} */
  const errors = {};
  const retryAfter = { least: Number.POSITIVE_INFINITY, most: 0 };
  /** @type {{ through: number, errors: number, loginsTried: number, loginsFailed: number }[]} */
  const byMinute = Array.from({ length: minutes }, () => ({
    through: 0,
    errors: 0,
    loginsTried: 0,
    loginsFailed: 0,
  }));
  let withError = 0;
  let attempts = 0;
  const started = performance.now();
  const nowMs = () => performance.now() - started;
  const endMs = minutes * minute;
  const thisMinute = () => byMinute[Math.min(minutes - 1, Math.floor(nowMs() / minute))];
  const anyURL = () => urls[Math.floor(random() * processes)];
  const note = (/** @type {{ status: number, text: string }} */ { status, text }) => {
    const { code, message, retryAfterSeconds } = JSON.parse(text);
    const kind = `${status} ${code}, ${/Nothing was sent/.test(message) ? 'nothing sent to Polar' : 'refused by Polar'}`;
    errors[kind] = (errors[kind] ?? 0) + 1;
    retryAfter.least = Math.min(retryAfter.least, retryAfterSeconds);
    retryAfter.most = Math.max(retryAfter.most, retryAfterSeconds);
    return retryAfterSeconds * 1000;
  };

  const person = async (/** @type {string} */ cookie, /** @type {number} */ atMs) => {
    await delay(atMs - nowMs());
    for (let tries = 0; ; tries += 1) {
      attempts += 1;
      const response = await get(`${anyURL()}/page`, cookie);
      if (response.status === 200) {
        thisMinute().through += 1;
        return;
      }
      thisMinute().errors += 1;
      if (tries === 0) withError += 1;
      const againAt = nowMs() + note(response) + random() * 1000;
      if (againAt > endMs) return;
      await delay(againAt - nowMs());
    }
  };
  const newcomer = async (/** @type {number} */ atMs) => {
    await delay(atMs - nowMs());
    const minuteOfStart = thisMinute();
    minuteOfStart.loginsTried += 1;
    await logIn(anyURL()).catch((error) => {
      const kind = `login: ${/responds with (\d+): .*"code":"(\w+)"/.exec(error.message)?.slice(1).join(' ') ?? error.message}`;
      errors[kind] = (errors[kind] ?? 0) + 1;
      minuteOfStart.loginsFailed += 1;
    });
  };
  const logins = Math.round(loginsPerMinute * minutes);
  await Promise.all([
    ...cookies.map((/** @type {string} */ cookie) => person(cookie, random() * minute)),
    ...Array.from({ length: logins }, () => newcomer(random() * (endMs - 2000))),
  ]);
  await delay(Math.max(0, endMs - nowMs()));
  const atPolar = await polar.call('requestCounts');
  const cpuSeconds = await Promise.all(sites.map((site) => site.call('cpuSeconds')));
  await Promise.all([polar, ...sites].map((one) => one.stop()));
  await redis.stop();
  return { byMinute, withError, errors, retryAfter, attempts, atPolar, cpuSeconds };
}
