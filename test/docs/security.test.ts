import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { projectFile, root } from './shown-code.js';

const guide = projectFile('docs/security.md');

describe('the security guide', () => {
  const tests = [...new Set([...guide.matchAll(/`(test\/[\w./-]+)`/g)].map(([, file = '']) => file))];

  it.each(tests)('names %s, which exists', (file) => {
    expect(existsSync(join(root, file))).toBe(true);
  });

  it('names a test for every threat', () => {
    const threats = guide.split('## Threats')[1]?.split('\n## ')[0] ?? '';
    const rows = threats.split('\n').filter((line) => line.startsWith('| **'));
    expect(rows.length).toBeGreaterThan(15);
    for (const row of rows) expect(row).toMatch(/`test\/[\w./-]+\.test\.ts`/);
  });

  it('names every check of an id_token by its code', () => {
    const source = projectFile('src/errors.ts');
    const codes = [...source.matchAll(/'(id_token_\w+)'/g)].map(([, code]) => code as string);
    const others = ['id_token_missing', 'id_token_malformed', 'id_token_subject'];
    for (const code of codes.filter((each) => !others.includes(each))) expect(guide).toContain(code);
  });
});
