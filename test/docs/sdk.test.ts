/** docs/sdk.md and the README show the files that test/flows/sdk.slow.test.ts runs. */
import { describe, expect, it } from '@jest/globals';
import { PolarStrategy } from 'passport-polar-sh';
import { testedAPIVersion } from '../../src/strategy-options.js';
import { blocksOf, projectFile, runningFile } from './shown-code.js';

const readme = projectFile('README.md');
const blocks = blocksOf('sdk.md');

describe('the guide to Polar’s SDK', () => {
  it('shows catalogue.ts exactly as it runs, and so does the README', () => {
    const running = runningFile('sdk', 'catalogue.ts');
    expect(blocks.get('catalogue.ts')).toBe(running);
    expect(readme).toContain(`\`\`\`ts\n${running}\`\`\`\n`);
  });

  it('shows sdk-0.ts as it runs with 0.49, apart from the name of the package', () => {
    const body = (code = '') => code.replace(/^import .*\n/gm, '');
    const running = runningFile('sdk', 'sdk-0.ts');
    expect(body(blocks.get('sdk-0.ts'))).toBe(body(running));
    expect(body(running)).toContain('HTTPClient');
    const names = (code = '', from = '') => new RegExp(`import (.*) from '${from}'`).exec(code)?.[1];
    expect(names(blocks.get('sdk-0.ts'), '@polar-sh/sdk')).toBe(names(running, 'polar-sdk-0'));
  });

  it('shows no other files', () => {
    expect([...blocks.keys()].sort()).toEqual(['catalogue.ts', 'sdk-0.ts']);
  });

  it('names the tested versions of the API and of the SDK', () => {
    const { devDependencies } = JSON.parse(projectFile('package.json')) as {
      devDependencies: Record<string, string>;
    };
    const oldest = devDependencies['polar-sdk-oldest']?.replace('npm:@polar-sh/sdk@', '');
    expect(readme).toContain(`(tested with ${oldest} and ${devDependencies['@polar-sh/sdk']}),`);
    expect(readme).toContain(`asks for version **${testedAPIVersion}** of Polar's API`);
    expect(readme).toContain(`| \`apiVersion\` | \`'${testedAPIVersion}'\` |`);
    expect(
      () => new PolarStrategy({ clientID: 'c', callbackURL: '/cb', apiVersion: testedAPIVersion }),
    ).not.toThrow();
  });
});
