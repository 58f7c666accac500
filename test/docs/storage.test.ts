/** docs/storage.md shows the files that run in storage/, and the example in the documentation of PolarStorage. */
import { describe, expect, it } from '@jest/globals';
import { run } from '../commands/support/local-registrations.js';
import { blocksOf, projectFile, runningFile } from './shown-code.js';

const guide = projectFile('docs/storage.md');
const blocks = blocksOf('storage.md');

describe('the guide to storage', () => {
  it.each(['polar.ts', 'other-clients.ts', 'postgres.ts'])('shows %s exactly as it runs', (file) => {
    expect(blocks.get(file)).toBe(runningFile('storage', file));
  });

  it('shows the SQL that npx passport-polar-sh postgres-schema prints', async () => {
    expect(blocks.get('polar-rows.sql')).toBe((await run('postgres-schema')).out);
  });

  it('shows the in-memory storage of PolarStorage’s documentation, which the tests run', () => {
    const source = projectFile('src/storage/polar-storage.ts');
    const [, example = ''] = /@example\n \* ```ts\n([\s\S]*?) \* ```/.exec(source) ?? [];
    const documented = example.replace(/^ \* ?/gm, '');
    expect(blocks.get('in-memory.ts')?.replace(/^import .*\n\n/m, '')).toBe(documented);
    // Line breaks do not matter.
    const normal = (code: string): string => code.replace(/\s+/g, '').replace(/,\)/g, ')');
    const running = projectFile('test/support/in-memory-storage.ts');
    const [body = ''] = /const rows[\s\S]*?\n {2}\};/.exec(running) ?? [];
    expect(normal(body).length).toBeGreaterThan(300);
    expect(normal(documented)).toBe(normal(body));
  });

  it('shows no other code', () => {
    expect([...blocks.keys()].sort()).toEqual([
      'in-memory.ts',
      'other-clients.ts',
      'polar-rows.sql',
      'polar.ts',
      'postgres.ts',
    ]);
    expect(guide.match(/```\w+/g)).toHaveLength(5);
  });

  it('is linked from the README, two other guides and an error message', () => {
    for (const file of ['README.md', 'docs/background-jobs.md', 'docs/architecture.md'])
      expect(projectFile(file)).toMatch(/\]\((docs\/)?storage\.md(#[\w-]+)?\)/);
    const errors = projectFile('src/storage/guarded-storage.ts');
    expect(errors).toContain('docs/storage.md');
  });
});
