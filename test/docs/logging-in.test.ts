/** docs/logging-in.md shows the files that logging-in/logging-in.test.ts runs. */
import { expect, it } from '@jest/globals';
import { blocksOf, runningFile } from './shown-code.js';

const blocks = blocksOf('logging-in.md');

it.each(['terms.ts', 'linking.ts'])('the guide to logging in shows %s exactly as it runs', (file) => {
  expect(blocks.get(file)).toBe(runningFile('logging-in', file));
});

it('the guide to logging in shows no other files', () => {
  expect([...blocks.keys()].sort()).toEqual(['linking.ts', 'terms.ts']);
});
