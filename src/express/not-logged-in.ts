import { PolarLoginRequiredError } from '../errors.js';

/** The error for a request on which nobody is logged in with Polar. People may get to read it. */
export function notLoggedIn(): PolarLoginRequiredError {
  return new PolarLoginRequiredError('not_logged_in', 'Nobody is logged in with Polar. Log in first.');
}
