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
});
