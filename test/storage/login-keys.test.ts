import { expect, it } from '@jest/globals';
import { loginKeys } from '../../src/storage/login-keys.js';

const [one, two] = ['1'.repeat(32), '2'.repeat(32)] as const;

it('the rows of a login have ids of 32 lower-case hexadecimal characters, of one group', () => {
  for (const { group, id } of Object.values(loginKeys(one))) {
    expect(id).toMatch(/^[0-9a-f]{32}$/);
    expect(group).toBe(one);
  }
});

it('no two rows have the same id, and the same row has it each time', () => {
  const ids = [...Object.values(loginKeys(one)), ...Object.values(loginKeys(two))].map(({ id }) => id);
  expect(new Set(ids).size).toBe(6);
  expect(loginKeys(one)).toEqual(loginKeys(one));
});

it('no id of a row is the id of its login, which the session tells', () => {
  expect(Object.values(loginKeys(one)).map(({ id }) => id)).not.toContain(one);
});
