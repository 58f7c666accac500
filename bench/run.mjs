// `npm run bench [-- part ... [--only=words of a name] [--cpu-prof=folder]]`: what this package costs, beside what people would use
// instead. Installs what is needed, prints every goal as met or missed, and writes the sections of these parts in results.md.
import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const here = (/** @type {string} */ path) => fileURLToPath(new URL(path, import.meta.url));
const partNames = ['hot', 'login', 'verify', 'stampede', 'growth', 'import', 'emulator'];

/**
 * What a part is given.
 *
 * @typedef {object} Context
 * @property {string | undefined} redisURL undefined where there is no redis-server
 * @property {(name: string) => boolean} only whether a variant is wanted
 * @property {(line: string) => void} log tells of progress
 */

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { only: { type: 'string' }, 'cpu-prof': { type: 'string' } },
});
const unknown = positionals.filter((name) => !partNames.includes(name));
if (unknown.length > 0) {
  console.error(`There is no part ${unknown.join(', ')}. There are: ${partNames.join(', ')}.`);
  process.exit(2);
}
const chosen = partNames.filter((name) => positionals.length === 0 || positionals.includes(name));

install();
const { startRedis } = await import('./lib/redis.mjs');
const { profileInto } = await import('./lib/processes.mjs');
const report = await import('./lib/report.mjs');

const profiles = values['cpu-prof'];
if (profiles !== undefined) profileInto(profiles);
// What was profiled, or measured without the others, is no result.
const areResults = profiles === undefined && values.only === undefined;
if (areResults && positionals.length === 0) rmSync(here('results.md'), { force: true });
const redis = await startRedis();
if (redis === undefined)
  console.log(
    'There is no redis-server, so nothing is measured over Redis. Get it with: apt-get install redis-server',
  );
const started = performance.now();
/** @type {import('./lib/report.mjs').Goal[]} */
const goals = [];
for (const name of chosen) {
  const partStarted = performance.now();
  const seconds = () => `${((performance.now() - partStarted) / 1000).toFixed(0)} s`;
  const { default: part } = await import(`./parts/${name}.mjs`);
  /** @type {import('./lib/report.mjs').Report} */
  const found = await part({
    redisURL: redis?.url,
    only: (/** @type {string} */ variant) => variant.includes(values.only ?? ''),
    log: (/** @type {string} */ line) => console.error(`  ${name}, ${seconds()}: ${line}`),
  });
  console.log(`\n${report.forTerminal(found)}\n`);
  goals.push(...found.goals);
  if (areResults) writeSection(found);
}
await redis?.stop();
const missed = goals.filter((goal) => !report.isMet(goal)).length;
console.log(`Goals\n\n${report.textTable(report.goalsTable(goals))}\n`);
console.log(
  `${goals.length - missed} of ${goals.length} goals met, in ${((performance.now() - started) / 1000).toFixed(0)} s.`,
);
process.exit();

/** The bench's own packages, and this one as it is in its tarball. */
function install() {
  const npm = (/** @type {string[]} */ ...args) =>
    execFileSync('npm', args, { cwd: here('.'), stdio: ['ignore', 'ignore', 'inherit'] });
  const lock = here('node_modules/.package-lock.json');
  const isCurrent = existsSync(lock) && packagesOf(lock) === packagesOf(here('package-lock.json'));
  if (!isCurrent) npm('ci', '--no-audit', '--no-fund', '--loglevel=error');
  npm('run', '--silent', '--prefix', '..', 'build');
  const target = here('node_modules/passport-polar-sh');
  rmSync(target, { recursive: true, force: true });
  for (const path of ['package.json', 'dist'])
    cpSync(here(`../${path}`), `${target}/${path}`, { recursive: true });
}

/** @param {string} lockFile */
function packagesOf(lockFile) {
  const { packages } = JSON.parse(readFileSync(lockFile, 'utf8'));
  return Object.entries(packages)
    .filter(([path, { optional }]) => path !== '' && !optional)
    .map(([path, { version }]) => `${path} ${version}`)
    .sort()
    .join();
}

/** @param {import('./lib/report.mjs').Report} found */
function writeSection(found) {
  const file = here('results.md');
  const head =
    '# What it costs\n\nWritten by `npm run bench`; [docs/performance.md](../docs/performance.md) says how it is measured.';
  const [{ model } = { model: 'unknown CPU' }, ...others] = cpus();
  const day = new Date().toISOString().slice(0, 10);
  const section = report.markdown(
    found,
    `Measured on ${day} with Node.js ${process.version}, ${others.length + 1} cores, ${model}.`,
  );
  const before = existsSync(file)
    ? readFileSync(file, 'utf8')
        .split(/\n(?=## )/)
        .slice(1)
    : [];
  const titleOf = (/** @type {string} */ text) => text.split('\n')[0];
  const isThere = before.some((text) => titleOf(text) === titleOf(section));
  const sections = isThere
    ? before.map((text) => (titleOf(text) === titleOf(section) ? section : text))
    : [...before, section];
  writeFileSync(file, `${[head, ...sections].map((text) => text.trim()).join('\n\n')}\n`);
}
