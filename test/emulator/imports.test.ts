import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { expect, it } from '@jest/globals';

const ROOT = join(__dirname, '../../src/emulator');

const files = readdirSync(ROOT, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.ts'));

/** What a file imports: other files of the emulator by path, everything else by name. */
function importsOf(file: string): string[] {
  const source = readFileSync(join(ROOT, file), 'utf8');
  return [...source.matchAll(/from '([^']+)'/g)].map(([, specifier = '']) =>
    specifier.startsWith('.')
      ? relative(ROOT, join(ROOT, dirname(file), specifier.replace(/\.js$/, '.ts')))
      : specifier,
  );
}

it.each(files)('the emulator’s %s imports only Node and the emulator itself', (file) => {
  for (const imported of importsOf(file)) {
    expect([imported, imported.startsWith('node:') || files.includes(imported)]).toEqual([imported, true]);
  }
});

it('no file of the emulator imports itself, not even indirectly', () => {
  const finished = new Set<string>();
  const visit = (file: string, path: readonly string[]) => {
    expect(path).not.toContain(file);
    if (finished.has(file) || !files.includes(file)) return;
    for (const imported of importsOf(file)) visit(imported, [...path, file]);
    finished.add(file);
  };
  for (const file of files) visit(file, []);
});
