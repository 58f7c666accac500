import { describe, expect, it } from '@jest/globals';
import { PolarConfigurationError } from '../../src/errors.js';
import { checkCallbackURL, forOneRequest } from '../../src/options/option-checks.js';

describe('checkCallbackURL', () => {
  it.each([
    '/auth/polar/callback',
    'https://app.example/callback',
    'http://localhost:3000/callback',
    '/callback?a=b',
  ])('accepts %s', (callbackURL) => {
    expect(checkCallbackURL(callbackURL)).toBe(callbackURL);
  });
});

describe('forOneRequest', () => {
  const failing = (error: Error) => () =>
    forOneRequest(() => {
      throw error;
    });

  it('turns a TypeError into a PolarConfigurationError with the same message', () => {
    const wrong = new TypeError('prompt must be one of those');
    expect(failing(wrong)).toThrow(PolarConfigurationError);
    expect(failing(wrong)).toThrow(
      expect.objectContaining({ code: 'invalid_option', message: wrong.message, cause: wrong }),
    );
  });

  it('throws any other error unchanged', () => {
    const other = new Error('x');
    expect(failing(other)).toThrow(other);
  });

  it('returns the result when nothing is thrown', () => {
    expect(forOneRequest(() => 7)).toBe(7);
  });
});
