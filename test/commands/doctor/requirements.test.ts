import { describe, expect, it } from '@jest/globals';
import manifest from '../../../package.json';
import { nodeRange, packageRanges } from '../../../src/commands/doctor/requirements';
import { isInRange } from '../../../src/commands/doctor/version-range';

describe('the requirements that the command doctor checks', () => {
  it('are those of package.json', () => {
    const { express: _notAPeer, ...peers } = packageRanges;
    expect(nodeRange).toBe(manifest.engines.node);
    expect(peers).toEqual(manifest.peerDependencies);
  });

  it.each([
    ['1.17.0', '^1.17.0', true],
    ['1.16.9', '^1.17.0', false],
    ['1.20.3', '^1.17.0', true],
    ['2.0.0', '^1.17.0', false],
    ['0.6.0', '^0.6.0 || ^0.7.0', true],
    ['0.7.3', '^0.6.0 || ^0.7.0', true],
    ['0.8.0', '^0.6.0 || ^0.7.0', false],
    ['0.5.3', '^0.6.0 || ^0.7.0', false],
    ['5.0.0-beta.1', '^4.0.0 || ^5.0.0', true],
    ['23.9.9', '>=24', false],
    ['30.0.0', '>=24', true],
  ])('find that %s is in %s: %s', (version, range, expected) => {
    expect(isInRange(version, range)).toBe(expected);
  });
});
