/** docs/ended-logins.md shows the files that run in ended-logins/. */
import { describe, expect, it } from '@jest/globals';
import { blocksOf, projectFile, runningFile } from './shown-code.js';

const files = ['account-routes.ts', 'accounts.ts', 'ban-user.ts', 'polar.ts', 'sessions.ts', 'tables.sql'];

describe('the guide to logins that end', () => {
  it.each(files)('shows %s exactly as it runs', (file) => {
    expect(blocksOf('ended-logins.md').get(file)).toBe(runningFile('ended-logins', file));
  });

  it('shows no other files', () => {
    expect([...blocksOf('ended-logins.md').keys()].sort()).toEqual(files);
  });

  it('names every reason for which a login ends', () => {
    const guide = projectFile('docs/ended-logins.md');
    const source = projectFile('src/login-end-reason.ts');
    const reasons = [...source.matchAll(/^ {2}\| '(\w+)'/gm)].map(([, reason]) => reason as string);
    expect(reasons.length).toBeGreaterThan(4);
    const listed = guide.split('| `reason` | |')[1] ?? '';
    expect([...listed.matchAll(/^\| `(\w+)` \|/gm)].map(([, reason]) => reason)).toEqual(reasons);
  });
});
