/** docs/webhooks.md shows the very files that run in webhooks/. */
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { expect, it } from '@jest/globals';
import { blocksOf, runningFile } from './shown-code.js';

const files = ['webhooks.ts', 'sign-delivery.ts'];

it.each(files)('the guide to webhooks shows %s as it runs', (file) => {
  expect(blocksOf('webhooks.md').get(file)).toBe(runningFile('webhooks', file));
});

it('the guide to webhooks shows no other file, and the README leads to it', () => {
  expect([...blocksOf('webhooks.md').keys()].sort()).toEqual([...files].sort());
  expect(readFileSync(join(resolve(__dirname, '../..'), 'README.md'), 'utf8')).toContain(
    '](docs/webhooks.md)',
  );
});
