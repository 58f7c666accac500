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
export async function startApp(variant, where) {
  const app = startProcess('app', variant.name);
  return { ...app, url: await addApp(app, variant, where) };
}

/**
 * Starts a further app in a process, where what they share is compiled once.
 *
 * @param {import('./processes.mjs').Remote} process
 * @param {Variant} variant
 * @param {{ provider: string, redisURL?: string | undefined }} where
 * @returns {Promise<string>} where the app is
 */
export function addApp(process, { server, options = {} }, where) {
  return process.call('start', { server, options, ...where });
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
 * @param {import('./processes.mjs').Remote} app
 * @param {number} count how many times it is done
 * @param {() => Promise<unknown>} load
 */
export async function cpuOf(app, count, load) {
  await app.call('begin');
  await load();
  return (await app.call('end')) / count;
}
