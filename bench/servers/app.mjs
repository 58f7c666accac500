// The process of an app under test: one of the modules beside this one, behind the same two pages.
import { createHmac, randomBytes } from 'node:crypto';
import { createServer } from 'node:http';
import { RedisStore } from 'connect-redis';
import session from 'express-session';
import { createClient } from 'redis';
import { sessionSecret } from '../lib/client.mjs';
import { answerCalls } from '../lib/processes.mjs';

/**
 * What a module of this folder exports as its default: an app that logs people in at `/login` and `/callback`.
 *
 * @callback MakeApp
 * @param {object} parts
 * @param {string} parts.baseURL where the app is
 * @param {string} parts.provider where the provider is, and its issuer
 * @param {import('express-session').Store} parts.store for sessions
 * @param {any} parts.redis client, where sessions are in Redis
 * @param {Record<string, any>} parts.options which variant
 * @returns {Promise<Served> | Served}
 *
 * @typedef {object} Served
 * @property {import('express').Express} app
 * @property {import('express').RequestHandler[]} [guards] before the pages
 * @property {(req: any) => Promise<string | undefined> | string | undefined} token an access token that is valid now, or '' where the
 *   app has none; undefined when nobody is logged in
 */

// That a MemoryStore is not for production: here it is what is measured, as in production.
console.warn = () => {};

/** @type {import('express-session').Store} */
let store;
const operations = { get: 0, set: 0, destroy: 0, touch: 0 };
let cpuBefore = process.cpuUsage();
const gc = /** @type {(options?: { type: 'minor' }) => void} */ (globalThis.gc);

/** @param {string | undefined} redisURL */
async function openStore(redisURL) {
  const redis = redisURL === undefined ? undefined : await createClient({ url: redisURL }).connect();
  const store = redis === undefined ? new session.MemoryStore() : new RedisStore({ client: redis });
  for (const name of /** @type {(keyof typeof operations)[]} */ (Object.keys(operations))) {
    const original = /** @type {any} */ (store)[name];
    /** @type {any} */ (store)[name] = (/** @type {unknown[]} */ ...args) => {
      operations[name] += 1;
      return original.apply(store, args);
    };
  }
  return { store, redis };
}

answerCalls({
  async start({ server, options, provider, redisURL }) {
    const http = createServer();
    http.keepAliveTimeout = 120_000;
    await new Promise((resolve) => http.listen(0, '127.0.0.1', 2048, () => resolve(undefined)));
    const { port } = /** @type {import('node:net').AddressInfo} */ (http.address());
    const baseURL = `http://127.0.0.1:${port}`;
    const opened = await openStore(redisURL);
    store = opened.store;
    /** @type {{ default: MakeApp }} */
    const { default: makeApp } = await import(`./${server}.mjs`);
    const { app, guards = [], token } = await makeApp({ baseURL, provider, options, ...opened });
    app.get('/page', ...guards, async (req, res) => {
      if ((await token(req)) === undefined) res.status(401).json({ ok: false });
      else res.json({ ok: true });
    });
    app.get('/token', ...guards, async (req, res) => {
      const found = await token(req);
      res.status(found === undefined ? 401 : 200).json({ token: found });
    });
    app.use((error, _req, res, _next) => {
      res.status(error.status ?? 500).json({ error: `${error.code ?? ''} ${error.message}` });
    });
    http.on('request', app);
    return baseURL;
  },
  /** Starts to measure, with nothing young to collect. A full collection would throw away what V8 knows of hot code, too. */
  begin() {
    gc({ type: 'minor' });
    cpuBefore = process.cpuUsage();
  },
  /** Microseconds of CPU since `begin`, of all threads. */
  end() {
    const { user, system } = process.cpuUsage(cpuBefore);
    return user + system;
  },
  /** What the session store was asked to do since the last time. */
  takeOperations() {
    const taken = { ...operations };
    for (const name of /** @type {(keyof typeof operations)[]} */ (Object.keys(operations)))
      operations[name] = 0;
    return taken;
  },
  heapUsed() {
    gc();
    gc();
    return process.memoryUsage().heapUsed;
  },
  /** Has so many people logged in as the one in the store is, and resolves with their cookies. */
  multiply(count) {
    const sessions = /** @type {Record<string, string>} */ (/** @type {any} */ (store).sessions);
    const pattern = /** @type {string} */ (
      Object.values(sessions).find((text) => text.includes('"passport"'))
    );
    const loginId = /&loginId=([0-9a-f]{32})&/.exec(pattern)?.[1];
    if (loginId === undefined && pattern.includes('"polar":'))
      throw new Error('The sessions would all be one login');
    return Array.from({ length: count }, () => {
      const id = randomBytes(24).toString('base64url');
      const text =
        loginId === undefined ? pattern : pattern.replaceAll(loginId, randomBytes(16).toString('hex'));
      sessions[id] = Buffer.from(text).toString(); // flat, as if it had come from a save
      const signature = createHmac('sha256', sessionSecret).update(id).digest('base64').replace(/=+$/, '');
      return `connect.sid=${encodeURIComponent(`s:${id}.${signature}`)}`;
    });
  },
});
