/** docs/organizations.md shows the very file that runs beside this one. */
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { expect, it } from '@jest/globals';
import { blocksOf, runningFile } from './shown-code.js';

const root = resolve(__dirname, '../..');

it('the guide to organizations shows app.ts as it runs, and no other code', () => {
  const blocks = blocksOf('organizations.md');
  expect([...blocks.keys()]).toEqual(['app.ts']);
  expect(blocks.get('app.ts')).toBe(runningFile('organizations', 'app.ts'));
  expect(readFileSync(join(root, 'docs/organizations.md'), 'utf8').match(/```\w+/g)).toHaveLength(1);
});

it('the README shows the way', () => {
  expect(readFileSync(join(root, 'README.md'), 'utf8')).toContain('](docs/organizations.md)');
});
