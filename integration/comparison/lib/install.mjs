import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, readFileSync, rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const here = (/** @type {string} */ path) => fileURLToPath(new URL(`../${path}`, import.meta.url));

/** The packages of the comparison, and this one as it is in its tarball. */
export function install() {
  const npm = (/** @type {string[]} */ ...args) =>
    execFileSync('npm', args, { cwd: here('.'), stdio: ['ignore', 'ignore', 'inherit'] });
  if (!isCurrent()) npm('ci', '--no-audit', '--no-fund', '--loglevel=error');
  npm('run', '--silent', '--prefix', '../..', 'build');
  const target = here('node_modules/passport-polar-sh');
  rmSync(target, { recursive: true, force: true });
  for (const path of ['package.json', 'dist'])
    cpSync(here(`../../${path}`), `${target}/${path}`, { recursive: true });
}

function isCurrent() {
  const installed = here('node_modules/.package-lock.json');
  return existsSync(installed) && packagesOf(installed) === packagesOf(here('package-lock.json'));
}

function packagesOf(/** @type {string} */ lockFile) {
  const { packages } = JSON.parse(readFileSync(lockFile, 'utf8'));
  return Object.entries(packages)
    .filter(([path, { optional }]) => path !== '' && !optional)
    .map(([path, { version }]) => `${path} ${version}`)
    .sort()
    .join();
}
