/** docs/storage.md shows the very files that run, and the one example of a storage that the documentation has. */
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { blocksOf, runningFile } from './shown-code.js';

const root = resolve(__dirname, '../..');
const guide = readFileSync(join(root, 'docs/storage.md'), 'utf8');
const blocks = blocksOf('storage.md');

describe('the guide to storages', () => {
  it('shows polar.ts as it runs', () => {
    expect(blocks.get('polar.ts')).toBe(runningFile('storage', 'polar.ts'));
  });

  it('shows the storage in memory that the documentation of PolarStorage has, and that the tests run', () => {
    const source = readFileSync(join(root, 'src/storage/polar-storage.ts'), 'utf8');
    const [, example = ''] = /@example\n \* ```ts\n([\s\S]*?) \* ```/.exec(source) ?? [];
    const documented = example.replace(/^ \* ?/gm, '');
    expect(blocks.get('in-memory.ts')?.replace(/^import .*\n\n/m, '')).toBe(documented);
    // How the lines are broken does not matter.
    const normal = (code: string): string => code.replace(/\s+/g, '').replace(/,\)/g, ')');
    const running = readFileSync(join(root, 'test/support/in-memory-storage.ts'), 'utf8');
    const [body = ''] = /const rows[\s\S]*?\n {2}\};/.exec(running) ?? [];
    expect(normal(body).length).toBeGreaterThan(300);
    expect(normal(documented)).toBe(normal(body));
  });

  it('shows no other code', () => {
    expect([...blocks.keys()].sort()).toEqual(['in-memory.ts', 'polar.ts']);
    expect(guide.match(/```\w+/g)).toHaveLength(2);
  });

  it('is there to be found', () => {
    for (const file of ['README.md', 'docs/background-jobs.md', 'docs/architecture.md'])
      expect(readFileSync(join(root, file), 'utf8')).toMatch(/\]\((docs\/)?storage\.md(#[\w-]+)?\)/);
    const errors = readFileSync(join(root, 'src/storage/guarded-storage.ts'), 'utf8');
    expect(errors).toContain('docs/storage.md');
  });
});
