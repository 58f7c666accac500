/** docs/comparison.md shows what `npm run compare -- --write` measured; `npm run compare -- --check` measures again. */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { projectFile } from './shown-code.js';

const [header = [], , ...rows] = projectFile('docs/comparison.md')
  .split('\n')
  .filter((line) => line.startsWith('|'))
  .map((line) =>
    line
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim()),
  );

/** What stands in the script's source: it imports packages that are installed only where it runs. */
const named = (file: string, pattern: RegExp) =>
  [...projectFile(`integration/comparison/${file}`).matchAll(pattern)].map(([, , name = '']) => name);

describe('the comparison', () => {
  it.each([
    ['--help', 0],
    ['--chek', 2],
  ])('is not measured with %s, which prints the usage', (argument, code) => {
    const run = spawnSync(process.execPath, ['integration/comparison/run.mjs', argument], {
      cwd: join(__dirname, '../..'),
      encoding: 'utf8',
    });
    expect(run.stdout + run.stderr).toContain('Usage: npm run compare');
    expect(run.status).toBe(code);
  });

  it('has the columns of the script', () => {
    expect(header.slice(1)).toEqual(named('libraries.mjs', /\bname: (')(.*?)\1,/g));
  });

  it('has the rows of the script', () => {
    expect(rows.map(([title]) => title)).toEqual(named('facts.mjs', /^ {4}title: (['"])(.*)\1,$/gm));
  });

  it('has no cell that was not measured', () => {
    expect(rows.flat()).not.toContain('not measured');
    for (const row of rows) expect(row).toHaveLength(header.length);
  });

  it('is shown in part by the README, cell by cell', () => {
    const [, shown = ''] = projectFile('README.md').split('## Compared with other libraries');
    const lines =
      shown
        .split('\n## ')[0]
        ?.split('\n')
        .filter((line) => /^\| (?!---)/.test(line)) ?? [];
    expect(lines.length).toBeGreaterThan(8);
    const all = [header, ...rows].map((cells) => `| ${cells.slice(0, 5).join(' | ')} |`);
    expect(lines.filter((line) => !all.includes(line))).toEqual([]);
  });

  it('names the versions that are installed for it', () => {
    const { dependencies } = JSON.parse(projectFile('integration/comparison/package.json'));
    const packages = named('libraries.mjs', /(')([a-z\d-]+)\1(?=[^\n]*\])/g).filter(
      (name) => name in dependencies,
    );
    expect(packages.length).toBeGreaterThan(4);
    for (const name of packages)
      expect(projectFile('docs/comparison.md')).toContain(`${name} ${dependencies[name]}`);
  });
});
