import { describe, expect, it } from '@jest/globals';
import { loginExpired, recordsUnreadable } from '../../src/refresh/login-errors.js';

describe('the error for a login that is over', () => {
  it('names the reason', () => {
    expect(loginExpired().message).toContain('it was revoked or has expired');
    expect(loginExpired(undefined, true).message).toContain('was lost');
    expect(recordsUnreadable(new Error('down')).message).toBe(
      'The token records cannot be read. Try again later.',
    );
  });
});
