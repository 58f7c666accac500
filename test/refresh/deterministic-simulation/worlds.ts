import type { WorldOptions } from './generate.js';
import type { StoreTrouble } from './scenario.js';

const storeTroubles: readonly StoreTrouble[] = [
  'slow',
  'refuses',
  'breaks off',
  'hangs',
  'hangs, and acts',
  'acts late',
  'read-only',
];

/** What may go wrong, by the name of the world. */
export const worlds = {
  'no trouble but expiry': {},
  'a slow Polar': { polar: 'slow' },
  'a lossy connection to Polar': { polar: 'lossy' },
  'stopped processes': { stops: true },
  'stopped processes and a slow Polar': { stops: true, polar: 'slow' },
  'killed processes': { kills: true },
  logouts: { logouts: true },
  'logouts and a slow Polar': { logouts: true, polar: 'slow', stops: true },
  'a store in trouble': { storeTroubles, slowStore: true },
  'a store in trouble and logouts': { storeTroubles, logouts: true },
  'a store whose reads lag': { lags: true, slowStore: true },
  'a store that loses rows': { losesRows: true },
  'a wrong clock': { wrongClock: true },
  'all of it at once': {
    polar: 'lossy',
    stops: true,
    kills: true,
    logouts: true,
    storeTroubles,
    lags: true,
    slowStore: true,
    losesRows: true,
    wrongClock: true,
  },
} satisfies Record<string, WorldOptions>;
