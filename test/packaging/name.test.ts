/** The npm name without `-sh` belongs to somebody else: using it would fetch a stranger's package. */
import { readdirSync, readFileSync } from 'node:fs';
import { join, relative, resolve, sep } from 'node:path';
import { describe, expect, it } from '@jest/globals';

const root = resolve(__dirname, '../..');
const STRANGER = ['passport', 'polar'].join('-');
const namesStranger = (text: string) => new RegExp(`${STRANGER}(?!-sh\\b)`).test(text);

const ignored = new Set([
  '.git',
  ...readFileSync(join(root, '.gitignore'), 'utf8')
    .split('\n')
    .map((line) => line.replaceAll('/', '')),
]);

const files = readdirSync(root, { recursive: true, withFileTypes: true })
  .filter((entry) => entry.isFile())
  .map((entry) => relative(root, join(entry.parentPath, entry.name)))
  .filter((file) => !file.split(sep).some((part) => ignored.has(part)));

it.each([
  [`npx ${STRANGER} register`, true],
  [`from '${STRANGER}/redis'`, true],
  [`${STRANGER}-emulator`, true],
  [`npx ${STRANGER}-sh register`, false],
])('this test recognizes whether %p names the stranger’s package', (text, expected) => {
  expect(namesStranger(text)).toBe(expected);
});

describe('the name of the stranger’s package', () => {
  it('is in no file', () => {
    expect(files.length).toBeGreaterThan(300);
    const found = files.filter((file) => namesStranger(readFileSync(join(root, file), 'latin1')));
    expect(found).toEqual([]);
  });

  it('is in no file name', () => {
    expect(files.filter((file) => namesStranger(file))).toEqual([]);
  });

  it('is neither the name of this package nor of its command', () => {
    const { name, bin } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
    expect([name, Object.keys(bin)]).toEqual([`${STRANGER}-sh`, [`${STRANGER}-sh`]]);
  });
});
