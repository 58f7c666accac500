// `npm run test:compat [part of a name ...]`: packs the tarball, and logs in once in a new project of every kind that README's
// "Compatibility" names, and measures docs/comparison.md again. Prints a line a kind; the output of those that failed, and their
// folders, stay.
import { execFile, execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { kinds } from './kinds.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const here = fileURLToPath(new URL('.', import.meta.url));
const work = mkdtempSync(join(tmpdir(), 'passport-polar-sh-compat-'));
const tarball = join(work, 'passport-polar-sh.tgz');
const minutes = 60_000;

const wanted = process.argv.slice(2).map((word) => word.toLowerCase());
const chosen = kinds.filter(
  ({ name }) => wanted.length === 0 || wanted.some((word) => name.toLowerCase().includes(word)),
);
if (chosen.length === 0) {
  console.error(`There is no such kind of project. There are:\n${kinds.map(({ name }) => name).join('\n')}`);
  process.exit(2);
}

const started = performance.now();
const since = (start) => `${((performance.now() - start) / 1000).toFixed(1)} s`;

execFileSync('npm', ['run', '--silent', 'build'], { cwd: root, stdio: 'inherit' });
const packed = execFileSync('npm', ['pack', '--ignore-scripts', '--json', '--pack-destination', work], {
  cwd: root,
  stdio: ['ignore', 'pipe', 'ignore'],
});
const [{ filename, size, unpackedSize }] = JSON.parse(packed);
cpSync(join(work, filename), tarball);
console.log(
  `packed ${Math.round(size / 1000)} KB, ${Math.round(unpackedSize / 1000)} KB unpacked, in ${since(started)}`,
);

const failed = [];
/** Promises of folders, by what is installed in them. */
const projects = {};

async function report(kind) {
  const start = performance.now();
  try {
    await tryOut(kind);
    console.log(`ok   ${kind.name.padEnd(48)} ${since(start).padStart(8)}`);
  } catch (error) {
    failed.push(kind);
    console.log(`FAIL ${kind.name.padEnd(48)} ${since(start).padStart(8)}\n${indented(error.message)}`);
  }
}

function indented(text) {
  return text.trimEnd().replace(/^/gm, '       ');
}

async function tryOut(kind) {
  const folder = await projectOf(kind);
  let said = '';
  for (const [program, ...args] of kind.commands) said = await run(kind, folder, program, args);
  if (!kind.prints.test(said)) throw new Error(`${folder}: did not print ${kind.prints}\n${said}`);
}

/** The folder of a kind's project with its packages in it; kinds that need the same ones share it. */
function projectOf(kind) {
  const manifest = manifestOf(kind);
  const key = `${kind.installer} ${kind.app} ${manifest}`;
  projects[key] ??= makeProject(kind, manifest, join(work, `${Object.keys(projects).length}-${kind.app}`));
  return projects[key];
}

/** The package.json of an app, with the versions of this kind and the tarball. */
function manifestOf({ app, type, versions = {} }) {
  const manifest = JSON.parse(readFileSync(join(here, app, 'package.json'), 'utf8'));
  if (type !== undefined) manifest.type = type;
  for (const group of [manifest.dependencies, manifest.devDependencies]) {
    for (const name of Object.keys(group ?? {})) group[name] = versions[name] ?? group[name];
  }
  if (app !== 'tools') manifest.dependencies['passport-polar-sh'] = `file:${tarball}`;
  return JSON.stringify(manifest, null, 2);
}

async function makeProject(kind, manifest, folder) {
  cpSync(join(here, kind.app), folder, { recursive: true });
  cpSync(join(here, 'log-in.cjs'), join(folder, 'log-in.cjs'));
  writeFileSync(join(folder, 'package.json'), manifest);
  // Once more, since a registry may fail for a moment, and npm's cache may lack a version that was published minutes ago.
  await installIn(kind, folder, ['--prefer-offline']).catch(() => installIn(kind, folder, []));
  return folder;
}

async function installIn(kind, folder, flags) {
  if (kind.installer === 'pnpm') await run(kind, folder, 'pnpm', ['install', ...flags]);
  else if (kind.installer === 'yarn') await installWithYarn(kind, folder);
  else await run(kind, folder, 'npm', ['install', '--no-audit', '--no-fund', ...flags]);
}

async function installWithYarn(kind, folder) {
  // A lock file makes the folder a project of its own; PnP is the default.
  writeFileSync(join(folder, 'yarn.lock'), '');
  writeFileSync(join(folder, '.yarnrc.yml'), 'enableTelemetry: false\nenableImmutableInstalls: false\n');
  await run(kind, folder, 'yarn', ['install']);
  if (existsSync(join(folder, 'node_modules'))) throw new Error('Yarn did not use Plug’n’Play');
}

/** Both outputs of a program. */
async function run(kind, folder, program, args) {
  const [file, ...before] = await programOf(kind, folder, program);
  const { NODE_TEST_CONTEXT: _, ...inherited } = process.env; // node --test would take itself for a child of another
  const env = {
    ...inherited,
    CI: 'true',
    NO_COLOR: '1',
    FORCE_COLOR: undefined,
    npm_config_loglevel: 'error',
  };
  if (kind.node !== undefined) env.PATH = `${await binOfNode(kind.node)}${delimiter}${env.PATH}`;
  const given = args.map((arg) => (arg === 'TARBALL' ? tarball : arg));
  return new Promise((resolve, reject) => {
    const options = { cwd: folder, env, timeout: 8 * minutes, maxBuffer: 1e8 };
    execFile(file, [...before, ...given], options, (error, stdout, stderr) => {
      const said = `${stdout}\n${stderr}`;
      if (error === null) resolve(said);
      else
        reject(new Error(`${folder}: ${program} ${args.join(' ')} (${error.code ?? error.signal})\n${said}`));
    });
  });
}

async function programOf(kind, folder, program) {
  if (program === 'npm') return ['npm'];
  if (program === 'node')
    return [kind.node === undefined ? process.execPath : join(await binOfNode(kind.node), 'node')];
  const own = join(folder, 'node_modules/.bin', program);
  if (existsSync(own)) return [own];
  const tools = await toolsFolder();
  if (program === 'yarn')
    return [process.execPath, join(tools, 'node_modules/@yarnpkg/cli-dist/bin/yarn.js')];
  return [join(tools, 'node_modules/.bin', program)];
}

const toolsFolder = () => projectOf({ app: 'tools' });
const binOfNode = async (major) => join(await toolsFolder(), `node_modules/node${major}/bin`);

// Two at a time, or as many as there are cores: a project waits for its packages while another one runs.
const queue = [...chosen];
await Promise.all(
  Array.from({ length: Math.max(2, Math.min(4, availableParallelism())) }, async () => {
    for (let kind = queue.shift(); kind !== undefined; kind = queue.shift()) await report(kind);
  }),
);
console.log(
  `${chosen.length - failed.length} of ${chosen.length} kinds of project work, in ${since(started)}`,
);
if (wanted.length === 0) {
  const comparison = join(here, 'comparison/run.mjs');
  execFileSync(process.execPath, [comparison, '--check'], { stdio: ['ignore', 'ignore', 'inherit'] });
  console.log('docs/comparison.md says what is measured now');
}
if (failed.length === 0) rmSync(work, { recursive: true, force: true });
else process.exitCode = 1;
