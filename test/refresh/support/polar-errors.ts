import { PolarOAuthError, PolarTransientError } from '../../../src/errors.js';

export const invalidGrant = (): PolarOAuthError =>
  new PolarOAuthError('invalid_grant', 'Polar refused the refresh (invalid_grant).', {
    error: 'invalid_grant',
    httpStatus: 400,
  });

export const transient = (
  code: ConstructorParameters<typeof PolarTransientError>[0],
  retryAfterSeconds?: number,
): PolarTransientError => new PolarTransientError(code, `Polar: ${code}`, { retryAfterSeconds });
