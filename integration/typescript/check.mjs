// Compiles app.ts, and the README's quick start, with one TypeScript, in each of the ways in which it finds a package.
import { execFileSync } from 'node:child_process';
import { copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';

const version = process.argv[2];
const node10 = { module: 'commonjs', moduleResolution: 'node10' };
const configurations = {
  // Its own resolution went away: deprecated by TypeScript 6, removed by 7, which look for packages like a bundler.
  commonjs: {
    '5.0': node10,
    5.9: node10,
    6: { ...node10, ignoreDeprecations: '6.0' },
    7: { module: 'commonjs' },
  }[version],
  ...(version === '6' && { 'commonjs-bundler': { module: 'commonjs' } }),
  node16: { module: 'node16' },
  nodenext: { module: 'nodenext' },
  bundler: { module: 'esnext', moduleResolution: 'bundler' },
};
const always = {
  noEmit: true,
  declaration: true, // what the app exports has types that can be named (TS2742)
  strict: true,
  skipLibCheck: false,
  skipDefaultLibCheck: true, // the compiler's own declarations of the DOM take longer than everything else
  esModuleInterop: true,
  target: 'es2022',
  types: 'node',
};

const readme = readFileSync('node_modules/passport-polar-sh/README.md', 'utf8');
writeFileSync('quick-start.ts', /```ts\n([\s\S]*?)```/.exec(readme)[1]);
const sources = ['app', 'quick-start'];
for (const source of sources)
  for (const kind of ['cts', 'mts']) copyFileSync(`${source}.ts`, `${source}.${kind}`);
const compile = version === '7' ? byCommand : inThisProcess();
const passed = [];
for (const [name, options] of Object.entries(configurations)) {
  const kinds = name.startsWith('node') ? ['cts', 'mts'] : ['ts'];
  const files = sources.flatMap((source) => kinds.map((kind) => `${source}.${kind}`));
  const complaints = compile(files, { ...always, ...options });
  if (complaints === '') passed.push(name);
  else console.log(`${name}:\n${complaints}`);
}
if (passed.length < Object.keys(configurations).length) process.exitCode = 1;
console.log(`compiled with ${passed.join(', ')}`);

function flagsOf(options) {
  return Object.entries(options).flatMap(([name, value]) => [`--${name}`, String(value)]);
}

function byCommand(files, options) {
  try {
    const tsc = `node_modules/typescript-${version}/bin/tsc`;
    execFileSync(process.execPath, [tsc, ...flagsOf(options), ...files], { encoding: 'utf8' });
    return '';
  } catch (error) {
    return error.stdout;
  }
}

/** Quicker than a process for each: the compiler is warm, and has read its own declarations. */
function inThisProcess() {
  const ts = createRequire(import.meta.url)(`typescript-${version}`);
  const libraries = new Map();
  return (files, given) => {
    const { options, errors } = ts.parseCommandLine([...flagsOf(given), ...files]);
    const host = ts.createCompilerHost(options);
    const read = host.getSourceFile;
    host.getSourceFile = (file, ...how) => {
      if (!/\/typescript-[\d.]+\/lib\/lib\.[\w.]*d\.ts$/.test(file)) return read(file, ...how);
      if (!libraries.has(file)) libraries.set(file, read(file, ...how));
      return libraries.get(file);
    };
    const program = ts.createProgram(files, options, host);
    return ts.formatDiagnostics([...errors, ...ts.getPreEmitDiagnostics(program)], host);
  };
}
