/** Compiles every `@example` of the doc comments in src, as apps are compiled. */
import { execFile } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { parseSync } from '@swc/core';

const root = resolve(__dirname, '../..');
const source = join(root, 'src');
const entries = ['index', 'redis', 'postgres', 'emulator'];

interface Example {
  /** Path of the source file inside src. */
  readonly file: string;
  readonly line: number;
  readonly code: string;
}

function examplesOf(file: string): Example[] {
  const text = readFileSync(join(source, file), 'utf8');
  return [...text.matchAll(/\* @example\n([\s\S]*?)(?=\*\/|\* @)/g)].map(({ 1: block = '', index }) => {
    const line = text.slice(0, index).split('\n').length;
    const shown = block.replace(/^ *\* ?/gm, '');
    const { 1: code } = /^```ts\n([\s\S]+?\n)```$/m.exec(shown) ?? [];
    if (code === undefined) throw new Error(`src/${file}:${line} has an @example without a ts code block`);
    return { file, line, code };
  });
}

/** The names that a file exports. */
function exportsOf(path: string): string[] {
  const { body } = parseSync(readFileSync(path, 'utf8'), { syntax: 'typescript', target: 'es2022' });
  return body.flatMap((item) => {
    if (item.type === 'ExportNamedDeclaration')
      return item.specifiers.map((each) =>
        each.type === 'ExportSpecifier' ? (each.exported ?? each.orig).value : each.type,
      );
    if (item.type !== 'ExportDeclaration') return [];
    const { declaration } = item;
    if (declaration.type === 'VariableDeclaration')
      return declaration.declarations.map(({ id }) => (id.type === 'Identifier' ? id.value : id.type));
    return 'identifier' in declaration
      ? [declaration.identifier.value]
      : [(declaration as { id: { value: string } }).id.value];
  });
}

/** Every name that an example may use without importing it, with the module that has it: earlier ones win. */
function knownNames(file: string): Map<string, string> {
  const known = new Map<string, string>();
  const add = (path: string): void => {
    for (const name of exportsOf(path)) if (!known.has(name)) known.set(name, path);
  };
  for (const entry of entries) add(join(source, `${entry}.ts`));
  add(join(source, file));
  add(join(__dirname, 'preamble.ts'));
  return known;
}

/** The example as a module: in a block, so that it may declare what it also finds outside. */
function moduleOf({ file, code }: Example): string {
  const imports = code.match(/^import .*\n/gm) ?? [];
  const body = code.replace(/^import .*\n/gm, '');
  const isUsed = (name: string): boolean =>
    new RegExp(`(?:\\.\\.\\.|(?<![.\\w]))${name}(?!\\w)`).test(body) &&
    !imports.some((line) => line.includes(name));
  const given = [...knownNames(file)]
    .filter(([name]) => isUsed(name))
    .map(([name, path]) => {
      // In the examples of the emulator, `polar` is the emulator.
      const exported = name === 'polar' && file.startsWith('emulator/') ? 'emulator as polar' : name;
      return `import { ${exported} } from '${path.replace(/\.ts$/, '.js')}';\n`;
    });
  return `${imports.join('')}${given.join('')}{\n${body}}\nexport {};\n`;
}

const examples = readdirSync(source, { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.ts'))
  .sort()
  .flatMap(examplesOf);

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'passport-polar-sh-examples-'));
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function compile(modules: ReadonlyMap<string, string>): Promise<string> {
  for (const [name, text] of modules) writeFileSync(join(folder, name), text);
  const config = {
    extends: join(root, 'tsconfig.json'),
    compilerOptions: {
      paths: {
        'passport-polar-sh': [join(source, 'index.ts')],
        'passport-polar-sh/*': [join(source, '*.ts')],
      },
      verbatimModuleSyntax: false,
      isolatedModules: false,
      noUnusedLocals: false,
      noUnusedParameters: false,
    },
    include: [],
    files: [...modules.keys()],
  };
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(config));
  const tsc = join(dirname(require.resolve('typescript/package.json')), 'bin/tsc');
  return new Promise((done) =>
    execFile(process.execPath, [tsc, '-p', folder], (_error, stdout) => done(stdout)),
  );
}

it('every example of a doc comment compiles', async () => {
  expect(examples.length).toBeGreaterThan(80);
  const modules = new Map(
    examples.map((each) => [`${each.file.replace(/\W/g, '-')}-${each.line}.ts`, moduleOf(each)]),
  );
  expect(await compile(modules)).toBe('');
});

it('an example with a misspelt option would not compile', async () => {
  const wrong = { file: 'index.ts', line: 1, code: "app.use(requireLogin({ loginPth: '/auth/polar' }));\n" };
  expect(await compile(new Map([['wrong.ts', moduleOf(wrong)]]))).toContain("'loginPth' does not exist");
});
