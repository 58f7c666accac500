/** docs/organizations.md shows the file that runs in organizations/. */
import { expect, it } from '@jest/globals';
import { blocksOf, projectFile, runningFile } from './shown-code.js';

it('the guide to organizations shows app.ts exactly as it runs, and no other code', () => {
  const blocks = blocksOf('organizations.md');
  expect([...blocks.keys()]).toEqual(['app.ts']);
  expect(blocks.get('app.ts')).toBe(runningFile('organizations', 'app.ts'));
  expect(projectFile('docs/organizations.md').match(/```\w+/g)).toHaveLength(1);
});

it('the README links to the guide to organizations', () => {
  expect(projectFile('README.md')).toContain('](docs/organizations.md)');
});
