/** docs/testing.md shows the very files that run beside this one. */
import { describe, expect, it } from '@jest/globals';
import { blocksOf, runningFile } from './shown-code.js';

const blocks = blocksOf('testing.md');

/** The file as a reader has it: Playwright brings its own browser, and is called by its usual name. */
function shownVersion(file: string): string {
  return runningFile('testing', file)
    .replace(/^(import .*needed-program.*|const (executablePath|installed|testWithBrowser)[\s\S]*?;)\n/gm, '')
    .replace('testWithBrowser(', 'test(')
    .replace('launch(installed)', 'launch()')
    .replace("'playwright-core'", "'playwright'")
    .replace(/\n{3,}/g, '\n\n');
}

describe('the testing guide', () => {
  it.each(['app.ts', 'login.test.ts', 'more.test.ts', 'bad-day.test.ts', 'browser.slow.test.ts'])(
    'shows %s as it runs',
    (file) => {
      expect(blocks.get(file.replace('.slow', ''))).toBe(shownVersion(file));
    },
  );

  it('tests a login in five lines', () => {
    const [, body = ''] =
      /async \(\) => \{\n([\s\S]*?) {2}await polar\.close/.exec(shownVersion('login.test.ts')) ?? [];
    expect(body.trim().split('\n')).toHaveLength(5);
  });
});
