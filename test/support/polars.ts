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

/** Waits until something is so, for a bounded time. */
export async function until(condition: () => boolean, withinMs = 10_000): Promise<void> {
  const giveUpAt = performance.now() + withinMs;
  while (!condition()) {
    if (performance.now() > giveUpAt) throw new Error(`Waited in vain for ${condition}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
