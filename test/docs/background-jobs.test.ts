/** docs/background-jobs.md shows the files that run in background-jobs/. */
import { describe, expect, it } from '@jest/globals';
import { blocksOf, runningFile } from './shown-code.js';

const files = ['tables.sql', 'polar.ts', 'nightly-job.ts'];

describe('the guide to background jobs', () => {
  it.each(files)('shows %s exactly as it runs', (file) => {
    expect(blocksOf('background-jobs.md').get(file)).toBe(runningFile('background-jobs', file));
  });

  it('shows no other files', () => {
    expect([...blocksOf('background-jobs.md').keys()].sort()).toEqual([...files].sort());
  });
});
