import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import { PolarConfigurationError } from '../../errors.js';
import { GuardedStorage } from '../../storage/guarded-storage.js';
import type { StorageStep } from '../../storage/polar-storage.js';
import { type SessionStore, sessionStorage } from '../../storage/session-storage.js';
import { type CheckResult, failed, kindOf, ok, warning } from './check.js';

const exportsHelp = 'Export the store, or a function that returns it, as default, store or sessionStore.';

/** Loads a module of the app and checks the session store that it exports. */
export async function probeSessionStore(path: string): Promise<CheckResult> {
  if (!existsSync(path)) return failed('there is no file at this path', 'Check the path of --session-store.');
  let exported: unknown;
  try {
    exported = await import(pathToFileURL(path).href);
  } catch (error) {
    const hint = /\.[mc]?ts$/.test(path) ? ' For TypeScript, set NODE_OPTIONS="--import tsx".' : '';
    return failed(
      `the module cannot be loaded (${kindOf(error)})`,
      `Run node with this file to see the error.${hint}`,
    );
  }
  try {
    const store = await storeIn(exported);
    return store === undefined
      ? failed('the module exports no session store', exportsHelp)
      : await examineSessionStore(store);
  } catch (error) {
    return failed(`the function for the store fails (${kindOf(error)})`, exportsHelp);
  }
}

/** Finds a store among the exports of a module, of CommonJS or ECMAScript. */
async function storeIn(exported: unknown): Promise<SessionStore | undefined> {
  const { default: main, sessionStore, store } = Object(exported);
  const candidates = [store, sessionStore, main?.store, main?.sessionStore, main?.default, main];
  const found = candidates.find(isStore);
  if (found !== undefined) return found;
  const create = candidates.find((each) => typeof each === 'function');
  const created: unknown = await create?.();
  return isStore(created) ? created : undefined;
}

function isStore(value: unknown): value is SessionStore {
  const methods = Object(value) as Record<string, unknown>;
  return ['get', 'set', 'destroy'].every((name) => typeof methods[name] === 'function');
}

const responseMs = 2500;

/** Writes, renews, reads and removes a row under an id like those of this package. */
export async function examineSessionStore(store: SessionStore, timeoutMs = responseMs): Promise<CheckResult> {
  const storage = new GuardedStorage(sessionStorage(store), timeoutMs);
  try {
    await storage.check();
  } catch (error) {
    return refusal(error);
  }
  const [id, group] = [randomBytes(16).toString('hex'), randomBytes(16).toString('hex')];
  const row = { version: 1, value: 'made up by passport-polar-sh doctor' };
  const write: StorageStep = { write: { id, group }, row, ttlSeconds: 60 };
  const read: StorageStep = { read: { id, group } };
  // The second write is a touch.
  const results = await storage.run([write, write, read, { remove: { id, group }, row }, read]);
  const error = results.find((result) => 'error' in result);
  if (error !== undefined) return refusal((error as { error: unknown }).error);
  const [, , found, , left] = results.map((result) => ('value' in result ? result.value : undefined));
  if ((found as { value?: unknown } | undefined)?.value !== row.value)
    return failed('touch() of the store loses a session', 'Update the package of the store, or use another.');
  if (left !== undefined && left !== null)
    return failed(
      'destroy() of the store keeps a session',
      'Update the package of the store, or use another.',
    );
  if (storage.shared) return ok('keeps, renews and removes a row');
  return (process.env['NODE_ENV'] === 'production' ? warning : inDevelopment)(
    'works, but in memory: sessions end with the process, and no other process sees them',
    'Use a store over Redis or a database in production.',
  );
}

const inDevelopment = (found: string): CheckResult => ok(found);

function refusal(error: unknown): CheckResult {
  const cause = error instanceof PolarConfigurationError ? error.cause : error;
  if (error instanceof PolarConfigurationError && cause === undefined)
    return failed(
      'loses a row that it has just accepted',
      'It must accept ids of 32 hexadecimal characters and values of 4 KB. Set the option storage to another one (docs/storage.md).',
    );
  if (error instanceof PolarConfigurationError)
    return failed(
      `refuses a row, or its id (${kindOf(cause)})`,
      'It must accept ids of 32 hexadecimal characters and values of 4 KB. Set the option storage to another one (docs/storage.md).',
    );
  return failed(
    `does not work (${kindOf(error)})`,
    'Check that its database runs, and that its client is connected when the module exports it.',
  );
}
