/** docs/testing.md shows the files that run in testing/. */
import { describe, expect, it } from '@jest/globals';
import { blocksOf, runningFile } from './shown-code.js';

const blocks = blocksOf('testing.md');

/** The file as readers see it, with Playwright under its usual name and with its own browser. */
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
    'shows %s exactly as it runs',
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
