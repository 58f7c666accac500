import type { PolarEmulatorOptions } from 'passport-polar-sh/emulator';

/** Polar as it is, in shorter times. */
export const onABadDay: PolarEmulatorOptions = {
  realistic: {
    commitLagMs: [0, 400],
    refreshRaces: { lockTimeoutMs: 1000 },
    rateLimit: 'production',
  },
};

/** The Polars at which logins have to work. */
export const polars: [name: string, options: PolarEmulatorOptions][] = [
  ['a tidy Polar', {}],
  ['Polar on a bad day', onABadDay],
];

/** Where what is tested does not work on a bad day. */
export const tidyOnly = polars.slice(0, 1);
