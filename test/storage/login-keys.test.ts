import { expect, it } from '@jest/globals';
import { loginKeys } from '../../src/storage/login-keys.js';

const [one, two] = ['1'.repeat(32), '2'.repeat(32)] as const;

it('the rows of a login share its group, and have ids of 32 lower-case hexadecimal characters', () => {
  for (const { group, id } of Object.values(loginKeys(one))) {
    expect(id).toMatch(/^[0-9a-f]{32}$/);
    expect(group).toBe(one);
  }
});

it('the id of a row is unique and stable', () => {
  const ids = [...Object.values(loginKeys(one)), ...Object.values(loginKeys(two))].map(({ id }) => id);
  expect(new Set(ids).size).toBe(6);
  expect(loginKeys(one)).toEqual(loginKeys(one));
});

it('no id of a row reveals the id of its login, which is in the session', () => {
  expect(Object.values(loginKeys(one)).map(({ id }) => id)).not.toContain(one);
});
