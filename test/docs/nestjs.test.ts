/** docs/nestjs.md shows the very files of integration/nestjs, which log in with every version of NestJS that is tried. */
import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { blocksOf } from './shown-code.js';

const root = resolve(__dirname, '../..');
const folder = join(root, 'integration/nestjs/src');
const blocks = blocksOf('nestjs.md');

describe('the guide for NestJS', () => {
  it.each(readdirSync(folder))('shows %s as it runs', (file) => {
    expect(blocks.get(file)).toBe(readFileSync(join(folder, file), 'utf8'));
  });

  it('shows no other file', () => {
    expect([...blocks.keys()].sort()).toEqual(readdirSync(folder).sort());
  });

  it('is there to be found', () => {
    expect(readFileSync(join(root, 'README.md'), 'utf8')).toContain('](docs/nestjs.md)');
  });
});
