/**
 * Polar commits after it has responded. Sooner than this many milliseconds after it has issued tokens, it may not find them.
 */
export const commitLagMs = 2000;

/** The longest lag that was measured for access tokens is 822 ms. */
export const usualCommitLagMs = 1000;
