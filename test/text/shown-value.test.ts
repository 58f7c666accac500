import { describe, expect, it } from '@jest/globals';
import { shownValue } from '../../src/text/shown-value.js';

describe('shownValue', () => {
  it.each<[unknown, string]>([
    [undefined, 'undefined'],
    [null, 'null'],
    [7, '7'],
    [true, 'true'],
    ['', "''"],
    ['localhost:4100', "'localhost:4100'"],
    ['auth/callback', "'auth/callback'"],
    ['/auth/polar/callback#x', "'/auth/polar/callback#…'"],
    ['https://polar.sh/?', "'https://polar.sh/?'"],
    [
      'http://polar:4100/.well-known/openid-configuration',
      "'http://polar:4100/.well-known/openid-configuration'",
    ],
    ['auth/oauth2-polar-callback', "'auth/oauth2-polar-callback'"],
    ['my-polar-staging-2.example.com', "'my-polar-staging-2.example.com'"],
    ['polar_ci_local', "'polar_ci_local'"],
    [new URL('https://polar.sh'), 'a URL object (give its href)'],
    [['https://polar.sh'], 'a list'],
    [{}, 'an object'],
    [() => 'https://polar.sh', 'a function'],
  ])('shows %p as %s', (value, shown) => expect(shownValue(value)).toBe(shown));

  it('shortens a long value and replaces control characters, so that it cannot forge log lines', () => {
    expect(shownValue(`/${'a b/'.repeat(100)}`)).toHaveLength(83);
    expect(shownValue('/a\nERROR made up\u202e')).toBe("'/a�ERROR made up�'");
  });

  it.each([
    'https://hunter2@ok.example/x',
    'https://me:hunter2@ok.example/x',
    'https://me:p@hunter2@ok.example/x',
    'https://me:a/hunter2@ok.example/x',
    'https://me:a?hunter2#@ok.example/x',
    'me:hunter2@ok.example',
    'https://ok.example/?key=hunter2',
    '/callback#hunter2',
    'polar_cs_hunter2',
    'https://ok.example/polar_at_u_hunter2/x',
    'hunter2hunter2hunter2',
    'hunter2/aGVsbG8+d29ybGQ/aGVsbG8=',
    'postgres://me:hunter2@db/x',
    ' token-hunter2/Wq3+8= ',
    'hunter2-4b1c-9f86d081',
    'hunter2hunter_2Xq',
  ])('hides the secret in %s', (value) => expect(shownValue(value)).not.toContain('hunter2'));
});
