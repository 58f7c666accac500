// Builds dist/: one CommonJS implementation that carries what it uses of jose (ESM only), type
// declarations by tsc, and thin ESM wrappers, so that every class exists once in a process.
import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const root = fileURLToPath(new URL('..', import.meta.url));
process.chdir(root);
const require = createRequire(import.meta.url);
const pkg = JSON.parse(readFileSync('package.json', 'utf8'));

const entries = Object.keys(pkg.exports)
  .filter((name) => !name.endsWith('.json'))
  .map((name) => (name === '.' ? 'index' : name.slice(2)));
const commands = Object.values(pkg.bin).map((path) => path.replace('./dist/', '').replace('.js', ''));

rmSync('dist', { recursive: true, force: true });
await build({
  entryPoints: [...entries, ...commands].map((name) => `src/${name}.ts`),
  outdir: 'dist',
  bundle: true,
  platform: 'node',
  format: 'cjs',
  target: 'node20.19',
  external: Object.keys(pkg.dependencies).filter((name) => name !== 'jose'),
  legalComments: 'inline',
  logLevel: 'warning',
});
for (const command of commands) chmodSync(`dist/${command}.js`, 0o755);

execFileSync(
  process.execPath,
  [
    require.resolve('typescript/package.json').replace('package.json', 'bin/tsc'),
    '-p',
    'tsconfig.build.json',
  ],
  {
    stdio: 'inherit',
  },
);

for (const entry of entries) {
  const names = Object.keys(require(`${root}dist/${entry}.js`)).sort();
  writeFileSync(
    `dist/${entry}.mjs`,
    `import cjs from './${entry}.js';\n${names.map((name) => `export const ${name} = cjs.${name};`).join('\n')}\n`,
  );
  if (!existsSync(`dist/${entry}.d.ts`)) throw new Error(`tsc wrote no dist/${entry}.d.ts`);
  writeFileSync(`dist/${entry}.d.mts`, `export * from './${entry}.js';\n`);
}
