import type { PolarStrategyOptions } from 'passport-polar-sh';

/** `POLAR_SERVER` is `production`, `sandbox` or, for a local Polar, its address. */
export const polarOptions = {
  clientID: process.env.POLAR_CLIENT_ID ?? '',
  clientSecret: process.env.POLAR_CLIENT_SECRET,
  server: process.env.POLAR_SERVER,
} satisfies Partial<PolarStrategyOptions>;
