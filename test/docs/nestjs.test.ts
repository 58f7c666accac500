/** docs/nestjs.md shows the files of integration/nestjs, which log in with every tested version of NestJS. */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { blocksOf, projectFile, root } from './shown-code.js';

const folder = join(root, 'integration/nestjs/src');
const blocks = blocksOf('nestjs.md');

describe('the guide for NestJS', () => {
  it.each(readdirSync(folder))('shows %s exactly as it runs', (file) => {
    expect(blocks.get(file)).toBe(projectFile(`integration/nestjs/src/${file}`));
  });

  it('shows no other files', () => {
    expect([...blocks.keys()].sort()).toEqual(readdirSync(folder).sort());
  });

  it('is linked from the README', () => {
    expect(projectFile('README.md')).toContain('](docs/nestjs.md)');
  });
});
