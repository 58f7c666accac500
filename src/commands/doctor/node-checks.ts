import { createRequire } from 'node:module';
import { join } from 'node:path';
import { isLocalHTTP } from '../../options/option-checks.js';
import { parseURL } from '../../text/parse-url.js';
import { type Check, type CheckResult, failed, ok, warning } from './check.js';
import type { ExaminedApp } from './examined-app.js';
import { nodeRange, packageRanges } from './requirements.js';
import { isInRange } from './version-range.js';

export const nodeCheck: Check<Pick<ExaminedApp, 'nodeVersion'>> = {
  name: 'node',
  run: ({ nodeVersion }) =>
    isInRange(nodeVersion, nodeRange)
      ? ok(`Node.js ${nodeVersion}`)
      : failed(`Node.js ${nodeVersion}, but ${nodeRange} is required`, 'Install a supported Node.js.'),
};

export const nodeEnvCheck: Check<Pick<ExaminedApp, 'env' | 'redirectURI'>> = {
  name: 'node-env',
  run({ env, redirectURI }) {
    const value = env['NODE_ENV'];
    if (value === 'production') return ok('production');
    const meansProduction = /^\W*prod(uction)?\W*$/i.test(value ?? '');
    const url = parseURL(redirectURI);
    if (meansProduction || (url !== undefined && !isLocalHTTP(url)))
      return warning(
        'the redirect URI or NODE_ENV looks like production, but NODE_ENV is not exactly production',
        'Set NODE_ENV=production: otherwise Express shows errors to users, and hints for developers go to stderr.',
      );
    return ok('not production, so hints for developers go to stderr');
  },
};

export const packageChecks: readonly Check<Pick<ExaminedApp, 'folder'>>[] = Object.entries(packageRanges).map(
  ([name, range]) => ({ name, run: ({ folder }) => packageResult(name, range, folder) }),
);

function packageResult(name: string, range: string, folder: string): CheckResult {
  const version = installedVersion(name, folder);
  if (version === undefined)
    // NestJS and others bring their own Express, where this folder does not see it.
    return (name === 'express' ? warning : failed)(
      'is not installed in this folder',
      `Run this command in the folder of your app. If you are there: npm install ${name}`,
    );
  if (name === 'express' && isInRange(version, '^4.0.0'))
    return ok(
      `${version}. Wrap async handlers, or a rejection ends the process: docs/getting-started.md#express-4`,
    );
  if (isInRange(version, range)) return ok(version);
  return failed(`${version}, but ${range} is required`, `npm install '${name}@${range.split(' ').at(-1)}'`);
}

function installedVersion(name: string, folder: string): string | undefined {
  try {
    const { version } = createRequire(join(folder, 'app.js'))(`${name}/package.json`) as {
      version?: unknown;
    };
    return typeof version === 'string' && /^[\w.+-]{1,50}$/.test(version) ? version : undefined;
  } catch {
    return undefined;
  }
}
