// The load: browsers, as many as are wanted. It runs in the process of `run.mjs`, never in that of an app.
import { Pool } from 'undici';

// Many at a time, so that a server does much between two switches to another process.
const browsers = 64;
/** @type {Map<string, Pool>} */
const pools = new Map();
const ownPaths = ['/login', '/callback', '/oauth2/authorize'];

let connections = browsers;

/** For more requests at the same time than usual, from now on and to servers that have not been asked anything. */
export function allowConnections(most) {
  connections = Math.max(browsers, most);
}

/** @param {string} origin */
function poolOf(origin) {
  const pool = pools.get(origin) ?? new Pool(origin, { connections, keepAliveTimeout: 100_000 });
  pools.set(origin, pool);
  return pool;
}

/** Closes the connections to a server that has ended, or to all. */
export async function closeConnections(origins = [...pools.keys()]) {
  const closing = origins.map((origin) => pools.get(origin)?.destroy());
  for (const origin of origins) pools.delete(origin);
  await Promise.all(closing);
}

/**
 * @typedef {{ status: number, text: string, ms: number }} Result
 */

/**
 * @param {string} url
 * @param {string} [cookie]
 * @returns {Promise<Result>}
 */
export async function get(url, cookie) {
  const { origin, pathname, search } = new URL(url);
  const started = performance.now();
  const { statusCode, body } = await poolOf(origin).request({
    path: pathname + search,
    method: 'GET',
    headers: { accept: 'text/html', ...(cookie !== undefined && { cookie }) },
  });
  const text = await body.text();
  return { status: statusCode, text, ms: performance.now() - started };
}

/**
 * Calls `task` with 0 to `count - 1`, so many at a time.
 *
 * @param {number} count
 * @param {number} atATime
 * @param {(index: number) => Promise<unknown>} task
 */
export async function times(count, atATime, task) {
  let next = 0;
  const worker = async () => {
    while (next < count) {
      next += 1;
      await task(next - 1);
    }
  };
  await Promise.all(Array.from({ length: Math.min(count, atATime) }, worker));
}

/**
 * So many requests for a page.
 *
 * @param {string} url
 * @param {readonly string[]} cookies used in turn
 * @param {number} count
 * @throws Error where one does not get a 200
 */
export async function getMany(url, cookies, count) {
  await times(count, browsers, async (index) => {
    const { status, text } = await get(url, cookies[index % cookies.length]);
    if (status !== 200) throw new Error(`${url} responds with ${status}: ${text.slice(0, 300)}`);
  });
}

/**
 * Logs in as a new browser does.
 *
 * @param {string} baseURL of the app
 * @returns {Promise<string>} the cookies of the app
 */
export async function logIn(baseURL) {
  /** @type {Map<string, string>} */
  const cookies = new Map();
  let url = `${baseURL}/login`;
  for (let redirects = 0; redirects < 5; redirects += 1) {
    const { origin, pathname, search } = new URL(url);
    const isApp = origin === baseURL;
    if (!(isApp ? ['/login', '/callback'] : ownPaths).includes(pathname)) break;
    const cookie = [...cookies].map((pair) => pair.join('=')).join('; ');
    const { statusCode, headers, body } = await poolOf(origin).request({
      path: pathname + search,
      method: 'GET',
      headers: { accept: 'text/html', 'sec-fetch-mode': 'navigate', ...(isApp && cookie && { cookie }) },
    });
    const text = await body.text();
    if (statusCode < 300 || statusCode > 399)
      throw new Error(`${url.split('?')[0]} responds with ${statusCode}: ${text.slice(0, 300)}`);
    for (const line of isApp ? [headers['set-cookie'] ?? []].flat() : []) {
      const [name = '', value = ''] = line.split(';')[0].split(/=(.*)/s);
      if (value === '') cookies.delete(name);
      else cookies.set(name, value);
    }
    url = new URL(String(headers.location), url).href;
  }
  return [...cookies].map((pair) => pair.join('=')).join('; ');
}
