/** docs/testing.md shows the very files that run beside this one. */
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, expect, it } from '@jest/globals';

const guide = readFileSync(join(resolve(__dirname, '../..'), 'docs/testing.md'), 'utf8');
const blocks = new Map(
  [...guide.matchAll(/```ts\n\/\/ (\S+)\n([\s\S]*?)```/g)].map(([, name = '', code = '']) => [name, code]),
);

/** The file as a reader has it: Playwright brings its own browser, and is called by its usual name. */
function shownVersion(file: string): string {
  return readFileSync(join(__dirname, 'testing', file), 'utf8')
    .replace(/^(import .*needed-program.*|const (executablePath|installed|testWithBrowser)[\s\S]*?;)\n/gm, '')
    .replace('testWithBrowser(', 'test(')
    .replace('launch(installed)', 'launch()')
    .replace("'playwright-core'", "'playwright'")
    .replace(/\n{3,}/g, '\n\n');
}

describe('the testing guide', () => {
  it.each(['app.ts', 'login.test.ts', 'more.test.ts', 'browser.test.ts'])('shows %s as it runs', (file) => {
    expect(blocks.get(file)).toBe(shownVersion(file));
  });

  it('tests a login in five lines', () => {
    const [, body = ''] =
      /async \(\) => \{\n([\s\S]*?) {2}await polar\.close/.exec(shownVersion('login.test.ts')) ?? [];
    expect(body.trim().split('\n')).toHaveLength(5);
  });
});
