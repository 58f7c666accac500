// Starting what is measured, together.
import { closeConnections } from './load.mjs';
import { startProcess } from './processes.mjs';

/**
 * @typedef {object} Variant
 * @property {string} name
 * @property {string} server the module of `servers/`
 * @property {Record<string, unknown>} [options] for it
 * @property {string} [lacks] what it does not do, and this package does
 *
 * @typedef {import('./processes.mjs').Remote & { url: string }} Running
 */

/** @returns {Promise<Running>} */
export async function startProvider() {
  const provider = startProcess('provider');
  return { ...provider, url: await provider.call('start') };
}

/**
 * @param {Variant} variant
 * @param {{ provider: string, redisURL?: string | undefined }} where
 * @returns {Promise<Running>}
 */
export async function startApp({ name, server, options = {} }, where) {
  const app = startProcess('app', name);
  return { ...app, url: await app.call('start', { server, options, ...where }) };
}

/** @param {Iterable<Running>} all */
export async function stopAll(all) {
  const apps = [...all];
  await closeConnections(apps.map(({ url }) => url));
  await Promise.all(apps.map(({ stop }) => stop()));
}

/**
 * Microseconds of CPU that an app takes for something, a time.
 *
 * @param {Running} app
 * @param {number} count how many times it is done
 * @param {() => Promise<unknown>} load
 */
export async function cpuOf(app, count, load) {
  await app.call('begin');
  await load();
  return (await app.call('end')) / count;
}
