// Builds dist/ (or the given folder): one CommonJS implementation that bundles the parts of jose it uses (jose is ESM only),
// type declarations by tsc, and thin ESM wrappers, so that every class exists once in a process. The source maps point to src/,
// which the tarball contains.
import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, relative, resolve, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const root = fileURLToPath(new URL('..', import.meta.url));
const out = resolve(process.argv[2] ?? join(root, 'dist'));
process.chdir(root);
const require = createRequire(import.meta.url);
const pkg = JSON.parse(readFileSync('package.json', 'utf8'));

const entries = Object.keys(pkg.exports)
  .filter((name) => !name.endsWith('.json'))
  .map((name) => (name === '.' ? 'index' : name.slice(2)));
const commands = Object.values(pkg.bin).map((path) => path.replace('dist/', '').replace('.js', ''));

rmSync(out, { recursive: true, force: true });
const { metafile } = await build({
  entryPoints: [...entries, ...commands].map((name) => `src/${name}.ts`),
  outdir: out,
  bundle: true,
  platform: 'node',
  format: 'cjs',
  target: 'node20.19',
  external: Object.keys(pkg.dependencies).filter((name) => name !== 'jose'),
  absWorkingDir: root,
  legalComments: 'inline',
  metafile: true,
  sourcemap: true,
  logLevel: 'warning',
});
writeFileSync(join(out, 'THIRD_PARTY_NOTICES'), notices(Object.keys(metafile.inputs)));
for (const command of commands) chmodSync(join(out, `${command}.js`), 0o755);

const tsc = join(dirname(require.resolve('typescript/package.json')), 'bin/tsc');
execFileSync(process.execPath, [tsc, '-p', 'tsconfig.build.json', '--outDir', out], { stdio: 'inherit' });

// When Node imports a CommonJS file, it scans it for the names of its exports, which takes 25 ms for all of ours. So the wrapper
// imports a short file without names, and exports the names itself. It does not call `createRequire`, which bundlers and file
// tracers cannot follow.
for (const entry of entries) {
  if (!existsSync(join(out, `${entry}.d.ts`))) throw new Error(`tsc wrote no ${entry}.d.ts`);
  writeFileSync(join(out, `${entry}.d.mts`), `export * from './${entry}.js';\n`);
  writeFileSync(
    join(out, `${entry}.load.js`),
    `const library = require('./${entry}.js');\nmodule.exports = library;\n`,
  );
  // The list of exports that esbuild writes for Node.
  const marked = /^0 && \(module\.exports = \{([\w\s,]+)\}\);$/m.exec(
    readFileSync(join(out, `${entry}.js`), 'utf8'),
  );
  const names = marked[1]
    .split(/[\s,]+/)
    .filter(Boolean)
    .join(', ');
  writeFileSync(
    join(out, `${entry}.mjs`),
    `import library from './${entry}.load.js';\nexport const { ${names} } = library;\n`,
  );
}

/** Returns the licences of the bundled packages, which require that copies of their code include them. */
function notices(inputs) {
  const folders = inputs.flatMap((path) => /^.*node_modules\/(?:@[^/]+\/)?[^/]+(?=\/)/.exec(path) ?? []);
  const texts = [...new Set(folders)].sort().map((folder) => {
    const { name, version, license, homepage } = JSON.parse(
      readFileSync(join(folder, 'package.json'), 'utf8'),
    );
    const file = readdirSync(folder).find((each) => /^licen[cs]e(\.|$)/i.test(each));
    if (file === undefined)
      throw new Error(`${name} has no licence file, so the build must not include its code.`);
    const title = [`${name} ${version}`, license, homepage].filter(Boolean).join(', ');
    return `${title}\n\n${readFileSync(join(folder, file), 'utf8').trim()}\n`;
  });
  return [`${pkg.name} carries code of these packages.\n`, ...texts].join(`\n${'-'.repeat(80)}\n\n`);
}

// Paths are relative to dist/ beside src/, wherever this build is written. The maps contain the sources of other packages (jose),
// which are not in the tarball.
for (const file of readdirSync(out, { recursive: true }).filter((name) => name.endsWith('.map'))) {
  const path = join(out, file);
  const map = JSON.parse(readFileSync(path, 'utf8'));
  const inProject = map.sources.map((source) =>
    relative(root, resolve(dirname(path), source))
      .split(sep)
      .join('/'),
  );
  const toRoot = relative(dirname(path), join(out, '..')).split(sep).join('/');
  map.sources = inProject.map((source) => `${toRoot}/${source}`);
  map.sourcesContent = map.sourcesContent?.map((text, i) => (inProject[i].startsWith('src/') ? null : text));
  writeFileSync(path, JSON.stringify(map));
}
