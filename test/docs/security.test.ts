import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, expect, it } from '@jest/globals';

const root = resolve(__dirname, '../..');
const guide = readFileSync(join(root, 'docs/security.md'), 'utf8');

describe('the security guide', () => {
  const tests = [...new Set([...guide.matchAll(/`(test\/[\w./-]+)`/g)].map(([, file = '']) => file))];

  it.each(tests)('names a test that is there: %s', (file) => {
    expect(existsSync(join(root, file))).toBe(true);
  });

  it('has a proof for every threat', () => {
    const threats = guide.split('## Threats')[1]?.split('\n## ')[0] ?? '';
    const rows = threats.split('\n').filter((line) => line.startsWith('| **'));
    expect(rows.length).toBeGreaterThan(15);
    for (const row of rows) expect(row).toMatch(/`test\/[\w./-]+\.test\.ts`/);
  });

  it('names every check of an id_token by its code', () => {
    const source = readFileSync(join(root, 'src/errors.ts'), 'utf8');
    const codes = [...source.matchAll(/'(id_token_\w+)'/g)].map(([, code]) => code as string);
    const others = ['id_token_missing', 'id_token_malformed', 'id_token_subject'];
    for (const code of codes.filter((each) => !others.includes(each))) expect(guide).toContain(code);
  });
});
