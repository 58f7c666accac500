import { describe, expect, it } from '@jest/globals';
import { parseOrganizationId } from '../../src/text/organization-id.js';

const id = '22222220-2222-4222-8222-222222222222';

describe('an organization id', () => {
  it('must be a UUID, in upper or lower case', () => {
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
