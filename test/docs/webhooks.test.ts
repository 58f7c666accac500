/** docs/webhooks.md shows the files that run in webhooks/. */
import { expect, it } from '@jest/globals';
import { blocksOf, projectFile, runningFile } from './shown-code.js';

const files = ['webhooks.ts', 'sign-delivery.ts'];

it.each(files)('the guide to webhooks shows %s exactly as it runs', (file) => {
  expect(blocksOf('webhooks.md').get(file)).toBe(runningFile('webhooks', file));
});

it('the guide to webhooks shows no other files and is linked from the README', () => {
  expect([...blocksOf('webhooks.md').keys()].sort()).toEqual([...files].sort());
  expect(projectFile('README.md')).toContain('](docs/webhooks.md)');
});
