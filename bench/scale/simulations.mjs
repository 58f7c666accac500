// The tables of docs/scaling.md about what helps at Polar's limit.
import { quantile } from '../lib/figures.mjs';
import { simulate } from './crowd.mjs';
import { breakersAlone, quotaAfterRefusal, spread, tokenBucket, windowBudget } from './policies.mjs';

const others = { loginsPerMinute: 30, introspectionsPerMinute: 20 };

/** @type {import('./crowd.mjs').Scenario[]} */
const scenarios = [
  {
    name: '10,000 users come back within one minute, and try again when they are told',
    people: 10_000,
    minutes: 30,
    patience: 'obeys',
    ...others,
  },
  {
    name: '10,000 users come back within one minute, and reload about every ten seconds',
    people: 10_000,
    minutes: 30,
    patience: 'reloads',
    ...others,
  },
  {
    name: '550 users come back each minute for half an hour, and try again when they are told',
    perMinute: 550,
    minutes: 30,
    patience: 'obeys',
    ...others,
  },
  {
    name: '400 users come back each minute for half an hour',
    perMinute: 400,
    minutes: 30,
    patience: 'obeys',
    ...others,
  },
];

/** @type {[name: string, site: import('./crowd.mjs').Site, load?: number][]} */
const sites = [
  ['circuit breakers alone', { processes: 4, policy: breakersAlone }],
  ['a: budget shared by all processes', { processes: 4, policy: windowBudget({ isShared: true }) }],
  [
    'a: token bucket shared by all processes, callers wait up to 10 s',
    { processes: 4, policy: tokenBucket({ patienceMs: 10_000 }) },
  ],
  [
    'b: budget of each process, limit / processes',
    { processes: 4, policy: windowBudget({ isShared: false }) },
  ],
  [
    'c: b, logins before refreshes before introspections',
    { processes: 4, policy: windowBudget({ isShared: false, loginsFirst: true }) },
  ],
  ['d: breakers, and a time for each caller', { processes: 4, policy: spread() }],
  ['c and d', { processes: 4, policy: windowBudget({ isShared: false, loginsFirst: true, honest: true }) }],
  ['e: breakers, 2 addresses', { processes: 4, addresses: 2, policy: breakersAlone }],
  ['e: breakers, 4 addresses', { processes: 4, addresses: 4, policy: breakersAlone }],
  ['f: breakers, refreshed after 50 minutes', { processes: 4, policy: breakersAlone }, 1.2],
  ['quota after a 429, 1 process', { processes: 1, policy: quotaAfterRefusal }],
  ['quota after a 429, 4 processes', { processes: 4, policy: quotaAfterRefusal }],
  ['quota after a 429, 16 processes', { processes: 16, policy: quotaAfterRefusal }],
  ['quota after a 429, 4 processes, 2 addresses', { processes: 4, addresses: 2, policy: quotaAfterRefusal }],
];

const seconds = (/** @type {number} */ ms) =>
  ms < 100 ? '0' : ms < 10_000 ? (ms / 1000).toFixed(1) : (ms / 1000).toFixed(0);
const percent = (/** @type {number} */ part, /** @type {number} */ whole) =>
  `${((100 * part) / whole).toFixed(part / whole < 0.1 && part > 0 ? 1 : 0)} %`;

/** @returns {{ title: string, columns: string[], rows: (string | number)[][] }[]} */
export function simulations() {
  return scenarios.map((scenario) => ({
    title: scenario.name,
    columns: [
      '',
      'served, a minute',
      'saw an error',
      'errors each',
      'wait p50',
      'p99',
      '429s',
      'logins failed',
    ],
    rows: sites.map(([name, site, load = 1]) => {
      const perMinute = scenario.perMinute && scenario.perMinute * load;
      const found = simulate({ ...scenario, ...(perMinute && { perMinute }) }, site);
      const from10 = found.perMinute.slice(0, 10).reduce((sum, count) => sum + (count ?? 0), 0) / 10;
      const through = scenario.people ? from10 : found.through / found.minutes;
      return [
        name,
        through.toFixed(0),
        percent(found.withError, found.arrived),
        (found.errors / found.arrived).toFixed(1),
        `${seconds(quantile(found.waits, 0.5))} s`,
        `${seconds(quantile(found.waits, 0.99))} s`,
        found.refused429,
        percent(found.logins.failed, found.logins.all),
      ];
    }),
  }));
}
