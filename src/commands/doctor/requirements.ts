/** The `engines.node` of package.json. */
export const nodeRange = '^20.19 || ^22.12 || >=24';

/** The peer dependencies of package.json, and Express itself. */
export const packageRanges = {
  'express-session': '^1.17.0',
  passport: '^0.6.0 || ^0.7.0',
  express: '^4.0.0 || ^5.0.0',
} as const;
