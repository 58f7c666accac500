/** docs/protecting-an-api.md shows the file that protecting-an-api/api.test.ts runs. */
import { expect, it } from '@jest/globals';
import { blocksOf, runningFile } from './shown-code.js';

it('the guide to protecting an API shows api.ts exactly as it runs, and no other file', () => {
  expect(blocksOf('protecting-an-api.md')).toEqual(
    new Map([['api.ts', runningFile('protecting-an-api', 'api.ts')]]),
  );
});
