/** docs/background-jobs.md shows the very files that run in background-jobs/. */
import { describe, expect, it } from '@jest/globals';
import { blocksOf, runningFile } from './shown-code.js';

const files = ['tables.sql', 'polar-storage.ts', 'polar.ts', 'nightly-job.ts'];

describe('the guide to work outside a request', () => {
  it.each(files)('shows %s as it runs', (file) => {
    expect(blocksOf('background-jobs.md').get(file)).toBe(runningFile('background-jobs', file));
  });

  it('shows no other file', () => {
    expect([...blocksOf('background-jobs.md').keys()].sort()).toEqual([...files].sort());
  });
});
