import { createRequire } from 'node:module';
import { join } from 'node:path';

/** Loads a package of the app; undefined if the app does not have it. */
export function appPackage(name: string, folder: string): unknown {
  const requireFromApp = createRequire(join(folder, 'app.js'));
  try {
    requireFromApp.resolve(name);
  } catch {
    return undefined;
  }
  return requireFromApp(name);
}
