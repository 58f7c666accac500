import { describe, expect, it } from '@jest/globals';
import { safeReturnTo, withReturnTo } from '../../src/request/return-to.js';

describe('a return-to address that stays in the app', () => {
  it.each([
    '/',
    '/reports',
    '/reports/',
    '/reports?week=3',
    '/reports?week=3&sort=a%20b#row-7',
    '/#top',
    '/?',
    '/?next=//evil.example',
    '/?next=https://evil.example/',
    '/?next=%5C%5Cevil.example',
    '/#//evil.example',
    '/a//b',
    '/a/../b',
    '/a:b',
    '/@evil.example',
    '/evil.example',
    '/https:/evil.example',
    '/a%20b',
    '/a b',
    '/%E2%82%AC',
    '/€',
    '/ünïcode',
    '/%252f%252fevil.example',
    '/%255cevil.example',
  ])('%s', (address) => {
    expect(safeReturnTo(address)).toBe(address);
  });

  it('of 2,048 characters', () => {
    const address = `/${'a'.repeat(2047)}`;
    expect(safeReturnTo(address)).toBe(address);
  });
});

describe('a return-to address that is refused', () => {
  it.each([
    // Another site, as browsers read it.
    ['//evil.example'],
    ['///evil.example'],
    ['////evil.example'],
    ['//evil.example/%2f..'],
    ['//user@evil.example'],
    ['//localhost'],
    ['//'],
    // Browsers take a backslash for a slash.
    ['/\\evil.example'],
    ['\\\\evil.example'],
    ['\\/evil.example'],
    ['/\\/evil.example'],
    ['/a\\b'],
    ['/?a=\\'],
    // Browsers drop tabs and newlines before they parse.
    ['/\t/evil.example'],
    ['/\n/evil.example'],
    ['/\r\n/evil.example'],
    ['\t//evil.example'],
    ['/\t\\evil.example'],
    ['/a\r\nset-cookie: a=b'],
    ['/a?b=\r\nset-cookie: a=b'],
    ['/a\u0000'],
    ['/a\u001f'],
    ['/a\u007f'],
    // The same once percent-decoded, for whoever decodes before redirecting.
    ['/%09/evil.example'],
    ['/%0a/evil.example'],
    ['/%0D%0A/evil.example'],
    ['/%5cevil.example'],
    ['/%5C%5Cevil.example'],
    ['/%2fevil.example'],
    ['/%2F/evil.example'],
    ['/%2f%2fevil.example'],
    ['/%00'],
    ['/a%0d%0aset-cookie:%20a=b'],
    ['/ /evil.example'],
    ['/%20/evil.example'],
    ['/\u00a0/evil.example'],
    ['/\u3000/evil.example'],
    // Dot segments that uncover a second slash.
    ['/.//evil.example'],
    ['/..//evil.example'],
    ['/a/..//evil.example'],
    ['/a/b/../..//evil.example'],
    ['/%2e//evil.example'],
    ['/%2E%2e//evil.example'],
    ['/./\\evil.example'],
    // Not a path at all.
    ['https://evil.example'],
    ['https:evil.example'],
    ['https:/evil.example'],
    ['HTTPS://evil.example'],
    ['http://localhost/'],
    ['javascript:alert(1)'],
    ['data:text/html,x'],
    ['evil.example'],
    ['reports'],
    ['./reports'],
    ['../reports'],
    ['?a=b'],
    ['#a'],
    [' /reports'],
    [''],
    // Broken percent encoding.
    ['/%'],
    ['/%zz'],
    ['/%c0%af'],
    ['/%ff'],
  ])('%j', (address) => {
    expect(safeReturnTo(address)).toBeUndefined();
  });

  it.each([2049, 1_000_000])('of %i characters, which is nobody’s page', (length) => {
    expect(safeReturnTo(`/${'a'.repeat(length - 1)}`)).toBeUndefined();
  });

  it.each([
    [undefined],
    [null],
    [7],
    [true],
    [['/reports']],
    [{ toString: () => '/reports' }],
    [new URL('http://a.example/b')],
    [Symbol('/')],
  ])('%p, which is no string', (value) => {
    expect(safeReturnTo(value)).toBeUndefined();
  });
});

describe('whatever is let through stays on the site, however slashes, dots, blanks and encodings are put together', () => {
  const pieces = ['/', '\\', '.', '%2f', '%5C', '%09', '%2e', '\t', ' ', '@', ':', 'evil.example'];
  const bases = ['https://app.example/auth/callback', 'http://localhost:3000/'];

  /** Those of all combinations of up to 4 pieces that are let through but lead away, once read by `form`. */
  function escaping(form: (value: string) => string): string[] {
    const found: string[] = [];
    const visit = (value: string, depth: number): void => {
      if (safeReturnTo(value) !== undefined && bases.some((base) => leadsAway(form(value), base)))
        found.push(value);
      if (depth > 0) for (const piece of pieces) visit(value + piece, depth - 1);
    };
    visit('/', 4);
    return found;
  }

  function leadsAway(value: string, base: string): boolean {
    if (!URL.canParse(value, base)) return true;
    const target = new URL(value, base);
    return target.origin !== new URL(base).origin || target.pathname.startsWith('//');
  }

  it('as a browser reads them', () => {
    expect(escaping((value) => value)).toEqual([]);
  });

  it('as a browser reads what somebody has decoded before', () => {
    expect(escaping(decodeURIComponent).slice(0, 20)).toEqual([]);
  });
});

describe('the login path', () => {
  it('takes the address along, encoded', () => {
    expect(withReturnTo('/auth/polar', '/reports?week=3&a=b#c')).toBe(
      '/auth/polar?return_to=%2Freports%3Fweek%3D3%26a%3Db%23c',
    );
  });

  it('keeps a query that it has', () => {
    expect(withReturnTo('/auth/polar?sub_type=organization', '/a')).toBe(
      '/auth/polar?sub_type=organization&return_to=%2Fa',
    );
  });

  it.each([[undefined], ['//evil.example'], ['https://evil.example'], ['']])(
    'stays as it is for %p',
    (returnTo) => {
      expect(withReturnTo('/auth/polar', returnTo)).toBe('/auth/polar');
    },
  );

  it('stays as it is for half a character, which no URL can say', () => {
    expect(withReturnTo('/auth/polar', '/\ud800')).toBe('/auth/polar');
  });
});
