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

/** What may go wrong, by the name of the world in which it does. */
export const worlds = {
  'nothing but expiry': {},
  'a Polar that takes its time': { polar: 'slow' },
  'a lossy way to Polar': { polar: 'lossy' },
  'processes that are stopped': { stops: true },
  'processes that are stopped, and a slow Polar': { stops: true, polar: 'slow' },
  'processes that are killed': { kills: true },
  logouts: { logouts: true },
  'logouts, and a slow Polar': { logouts: true, polar: 'slow', stops: true },
  'a store in trouble': { storeTroubles, slowStore: true },
  'a store in trouble, and logouts': { storeTroubles, logouts: true },
  'a store that lags': { lags: true, slowStore: true },
  'a store that loses rows': { losesRows: true },
  'a clock that is wrong': { wrongClock: true },
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
