import { describe, expect, it } from '@jest/globals';
import { safeReturnTo, withReturnTo } from '../../src/request/return-to.js';

describe('safeReturnTo', () => {
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
  ])('accepts %s', (address) => {
    expect(safeReturnTo(address)).toBe(address);
  });

  it.each([`/${'a'.repeat(2047)}`, `/a${'界'.repeat(682)}`])(
    'accepts an address of 2,048 bytes',
    (address) => {
      expect(safeReturnTo(address)).toBe(address);
      expect(safeReturnTo(`${address}a`)).toBeUndefined();
    },
  );

  it.each([
    // Another site to a browser.
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
    // The same, percent-encoded, in case the app decodes before it redirects.
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
    // Dot segments that expose a second slash.
    ['/.//evil.example'],
    ['/..//evil.example'],
    ['/a/..//evil.example'],
    ['/a/b/../..//evil.example'],
    ['/%2e//evil.example'],
    ['/%2E%2e//evil.example'],
    ['/./\\evil.example'],
    // Not a path.
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
  ])('refuses %j', (address) => {
    expect(safeReturnTo(address)).toBeUndefined();
  });

  it.each([2049, 1_000_000])('refuses an address of %i characters', (length) => {
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
  ])('refuses %p, which is not a string', (value) => {
    expect(safeReturnTo(value)).toBeUndefined();
  });
});

describe('no address that safeReturnTo accepts leads to another site', () => {
  const pieces = ['/', '\\', '.', '%2f', '%5C', '%09', '%2e', '\t', ' ', '@', ':', 'evil.example'];
  const bases = ['https://app.example/auth/callback', 'http://localhost:3000/'];

  /** All combinations of up to 4 pieces that are accepted but, once `form` has read them, lead to another site. */
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

  it('when a browser reads it', () => {
    expect(escaping((value) => value)).toEqual([]);
  });

  it('when a browser reads it decoded', () => {
    expect(escaping(decodeURIComponent).slice(0, 20)).toEqual([]);
  });
});

describe('withReturnTo', () => {
  it('adds the address, encoded', () => {
    expect(withReturnTo('/auth/polar', '/reports?week=3&a=b#c')).toBe(
      '/auth/polar?return_to=%2Freports%3Fweek%3D3%26a%3Db%23c',
    );
  });

  it('keeps the query of the login path', () => {
    expect(withReturnTo('/auth/polar?sub_type=organization', '/a')).toBe(
      '/auth/polar?sub_type=organization&return_to=%2Fa',
    );
  });

  it.each([[undefined], ['//evil.example'], ['https://evil.example'], ['']])(
    'leaves the login path unchanged for %p',
    (returnTo) => {
      expect(withReturnTo('/auth/polar', returnTo)).toBe('/auth/polar');
    },
  );

  it('leaves the login path unchanged for a lone surrogate, which no URL can contain', () => {
    expect(withReturnTo('/auth/polar', '/\ud800')).toBe('/auth/polar');
  });
});
