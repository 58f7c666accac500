/** Compares what `npm run test:compat` covers with what the README promises and the package exports. */
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { expect, it } from '@jest/globals';
import { parseSync } from '@swc/core';

const root = resolve(__dirname, '../..');
const read = (file: string): string => readFileSync(join(root, file), 'utf8');

/** The names that an entry of the package exports. */
function namesOf(entry: string): string[] {
  const { body } = parseSync(read(entry), { syntax: 'typescript' });
  return body.flatMap((item) => {
    if (item.type !== 'ExportNamedDeclaration') throw new Error(`${entry} has ${item.type}`);
    return item.specifiers.map((specifier) => {
      if (specifier.type !== 'ExportSpecifier') throw new Error(`${entry} has ${specifier.type}`);
      return (specifier.exported ?? specifier.orig).value;
    });
  });
}

it.each(['src/index.ts', 'src/emulator.ts', 'src/redis.ts', 'src/postgres.ts'])(
  'the TypeScript integration uses every export of %s',
  (entry) => {
    const app = read('integration/typescript/app.ts');
    const names = namesOf(entry);
    expect(names.length).toBeGreaterThan(2);
    // Once to import it, once to use it.
    expect(names.filter((name) => (app.match(new RegExp(`\\b${name}\\b`, 'g')) ?? []).length < 2)).toEqual(
      [],
    );
  },
);

it('the README names every kind of project that is tested', () => {
  const [, requirements = ''] = /\n## Compatibility\n([\s\S]*?)\n## /.exec(read('README.md')) ?? [];
  const kinds = read('integration/kinds.mjs');
  const majors = (pattern: RegExp): string[] =>
    (pattern.exec(kinds)?.[1] ?? '').split(',').map((major) => major.replace(/['\s]/g, ''));
  const listed = (all: string[]): string => `${all.slice(0, -1).join(', ')} and ${all.at(-1)}`;
  const tried: Record<string, string[]> = {
    'Node.js': majors(/\[([^[\]]*)\]\.map\(\(node\)/),
    Express: majors(/\[([^[\]]*)\]\.flatMap\(\(express\)/),
    Passport: majors(/\[([^[\]]*)\]\.map\(\(passport\)/),
    NestJS: majors(/\[([^[\]]*)\]\.map\(\(nestjs\)/),
    TypeScript: majors(/\[([^[\]]*)\]\.flatMap\(\(typescript\)/),
  };
  for (const [name, versions] of Object.entries(tried)) {
    expect(versions.length).toBeGreaterThan(1);
    expect(requirements).toContain(`${name} ${listed(versions)}`);
  }
  const others = [
    'swc',
    'ts-jest',
    'Vitest',
    'node:test',
    'esbuild',
    'webpack',
    'pnpm',
    'Yarn',
    'Bun',
    'Deno',
  ];
  for (const name of others) {
    expect(kinds).toContain(name);
    expect(requirements).toContain(name);
  }
});

it('CI tests every kind of project', () => {
  expect(read('.ci/run')).toMatch(/^npm run test:compat$/m);
});
