import { describe, expect, it } from '@jest/globals';
import { checkCallbackURL } from '../../src/options/option-checks.js';

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
