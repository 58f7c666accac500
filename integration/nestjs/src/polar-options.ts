import type { PolarServer } from 'passport-polar-sh';

const { POLAR_CLIENT_ID = '', POLAR_CLIENT_SECRET, POLAR_WEB_URL, POLAR_API_URL } = process.env;

// The two addresses are set for a local Polar, in tests and without an account.
const server: PolarServer =
  POLAR_WEB_URL && POLAR_API_URL ? { webURL: POLAR_WEB_URL, apiURL: POLAR_API_URL } : 'sandbox';

export const polarOptions = { clientID: POLAR_CLIENT_ID, clientSecret: POLAR_CLIENT_SECRET, server };
