import { describe, expect, it, jest } from '@jest/globals';

type Module = typeof import('../../src/request/requested-by-guards.js');

/** A fresh copy of the module, as in a process without guards. */
function fresh(): Module {
  let copy: Module | undefined;
  jest.isolateModules(() => {
    copy = jest.requireActual<Module>('../../src/request/requested-by-guards.js');
  });
  return copy as Module;
}

const id = '22222220-2222-4222-8222-222222222222';

describe('an organization in the address of a login', () => {
  it('counts only when a guard needs one', () => {
    const { guardOrganizations, requestableOrganization } = fresh();
    expect(requestableOrganization(id)).toBeUndefined();
    guardOrganizations();
    expect(requestableOrganization(id)).toBe(id);
  });

  it('must be a UUID, in upper or lower case', () => {
    const { parseOrganizationId } = fresh();
    expect(parseOrganizationId('ABCDEF00-2222-4222-8222-22222222222F')).toBe(
      'abcdef00-2222-4222-8222-22222222222f',
    );
    for (const other of [
      null,
      undefined,
      7,
      '',
      [id],
      `${id}\n`,
      ` ${id}`,
      `{${id}}`,
      id.replaceAll('-', ''),
      'acme',
    ])
      expect(parseOrganizationId(other)).toBeUndefined();
  });
});
