// What it costs to import the package, and how big it is.
import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { interleaved, quantile } from '../lib/figures.mjs';

const bench = fileURLToPath(new URL('..', import.meta.url));
const most = { seconds: 40, rounds: 60 };

const tell = 'const { user, system } = process.cpuUsage(); console.log(user + system)';
const esm = (/** @type {string} */ name) => [
  '--input-type=module',
  '--eval',
  `${name && `import '${name}'; `}${tell}`,
];
const cjs = (/** @type {string} */ name) => [
  '--input-type=commonjs',
  '--eval',
  `${name && `require('${name}'); `}${tell}`,
];
/** @type {Record<string, { args: string[], over?: string }>} */
const programs = {
  'nothing, CommonJS': { args: cjs('') },
  'nothing, ESM': { args: esm('') },
  'passport-polar-sh, CommonJS': { args: cjs('passport-polar-sh'), over: 'nothing, CommonJS' },
  'passport-polar-sh, ESM': { args: esm('passport-polar-sh'), over: 'nothing, ESM' },
  'openid-client, ESM': { args: esm('openid-client'), over: 'nothing, ESM' },
  'express-openid-connect, CommonJS': { args: cjs('express-openid-connect'), over: 'nothing, CommonJS' },
  'passport-oauth2, CommonJS': { args: cjs('passport-oauth2'), over: 'nothing, CommonJS' },
  'passport-openidconnect, CommonJS': { args: cjs('passport-openidconnect'), over: 'nothing, CommonJS' },
};
const packages = [
  'passport-polar-sh',
  'openid-client',
  'express-openid-connect',
  'passport-oauth2',
  'passport-openidconnect',
];

const why = `Both load the same file, which the ESM wrapper imports by way of a short one. What is left of the difference is inside Node.js:
\`--input-type=module\` starts its loader of ES modules, which resolves and compiles the wrapper on a thread of its own. In an app that imports
Express, all of that is there already.`;

/** @param {import('../run.mjs').Context} context */
export default async function importing({ log }) {
  const figures = await interleaved(Object.keys(programs), most, async (name) =>
    cpuMs(programs[name]?.args ?? []),
  );
  log('imports');
  // What disturbs a process that lives for a tenth of a second only ever makes it slower.
  const usual = (/** @type {string} */ name) => quantile(figures[name] ?? [], 0.25);
  const over = (/** @type {string} */ name) => usual(name) - usual(programs[name]?.over ?? '');
  const sizes = [];
  for (const name of packages)
    sizes.push([name, kilobytes(unpackedSize(name)), kilobytes(await bundledSize(name))]);
  return {
    title: 'Import and size',
    text: `CPU time of a process of Node.js that imports the package, minus that of one that imports nothing: the lower quartile of at most ${most.rounds} runs, in turn. Bundled is what esbuild puts into a minified file for Node.js, without express, express-session and passport.`,
    tables: [
      {
        columns: ['', 'whole process', 'over nothing'],
        rows: Object.entries(programs).map(([name, { over: bare }]) => [
          name,
          `${usual(name).toFixed(1)} ms`,
          bare === undefined ? '' : `${over(name).toFixed(1)} ms`,
        ]),
      },
      { columns: ['', 'unpacked, without dependencies', 'bundled, with dependencies'], rows: sizes },
    ],
    why,
    goals: [
      {
        name: 'ESM import over CommonJS import',
        figure: over('passport-polar-sh, ESM') - over('passport-polar-sh, CommonJS'),
        limit: 5,
        unit: ' ms',
        digits: 1,
      },
    ],
  };
}

/** @param {string[]} args */
function cpuMs(args) {
  const said = execFileSync(process.execPath, args, {
    cwd: bench,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  return Number(said) / 1000;
}

const kilobytes = (/** @type {number} */ bytes) => `${Math.round(bytes / 1000)} KB`;

/** @param {string} name */
function unpackedSize(name) {
  const folder =
    name === 'passport-polar-sh'
      ? fileURLToPath(new URL('../..', import.meta.url))
      : `${bench}node_modules/${name}`;
  const args = ['pack', '--dry-run', '--json', '--ignore-scripts'];
  const said = execFileSync('npm', args, {
    cwd: folder,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  return JSON.parse(said)[0].unpackedSize;
}

/** @param {string} name */
async function bundledSize(name) {
  const { outputFiles } = await build({
    stdin: { contents: `export * from '${name}'`, resolveDir: bench },
    bundle: true,
    minify: true,
    write: false,
    platform: 'node',
    format: 'cjs',
    external: ['express', 'express-session', 'passport'],
    logLevel: 'silent',
  });
  return outputFiles[0]?.contents.length ?? Number.NaN;
}
