import { checkedChoice, checkedInteger, checkedNumber, type Names, refuseUnknownNames } from '../checks.js';
import type { PolarEmulatorRealism, PolarEmulatorRefreshRaces } from '../options.js';

/** The option `realistic`, resolved. */
export interface Realism {
  readonly commitLagMs: Range;
  /** Absent when requests at the same time do not wait for each other. */
  readonly races: ReturnType<typeof resolveRaces>;
  /** How many requests of one kind a minute has; absent when they are not counted. */
  readonly requestsPerMinute: number | undefined;
  readonly seed: number;
}

type Range = readonly [least: number, most: number];

const ALL: PolarEmulatorRealism = { commitLagMs: [0, 900], refreshRaces: true, rateLimit: 'production' };

const REQUESTS_PER_MINUTE = { production: 500, sandbox: 100 };

/** `setTimeout` makes 1 ms of anything longer. */
const MAX_MS = 2 ** 31 - 1;
const MAX_WORKERS = 1000;

const REALISM_NAMES: Names<PolarEmulatorRealism> = {
  commitLagMs: true,
  refreshRaces: true,
  rateLimit: true,
  seed: true,
};
const RACE_NAMES: Names<PolarEmulatorRefreshRaces> = { workers: true, lockTimeoutMs: true, latencyMs: true };

/** @throws TypeError if the option is invalid, or would change nothing. */
export function resolveRealism(realistic: boolean | PolarEmulatorRealism): Realism | undefined {
  if (realistic === false) return undefined;
  const parts = realistic === true ? ALL : realistic;
  refuseUnknownNames('startPolarEmulator: `realistic`', parts, REALISM_NAMES);
  const { commitLagMs = 0, refreshRaces = false, rateLimit, seed = 1 } = parts;
  if (parts.commitLagMs === undefined && refreshRaces === false && rateLimit === undefined) {
    throw new TypeError(
      '`realistic` must set commitLagMs, refreshRaces or rateLimit, or be true for all of them.',
    );
  }
  return {
    commitLagMs: checkedRange('commitLagMs', commitLagMs),
    races: resolveRaces(refreshRaces),
    requestsPerMinute:
      rateLimit && REQUESTS_PER_MINUTE[checkedChoice('rateLimit', rateLimit, ['production', 'sandbox'])],
    seed: checkedInteger('seed', seed, 0),
  };
}

function resolveRaces(races: boolean | PolarEmulatorRefreshRaces) {
  if (races === false) return undefined;
  const parts = races === true ? {} : races;
  refuseUnknownNames('`refreshRaces`', parts, RACE_NAMES);
  const { workers = 2, lockTimeoutMs = 30_000, latencyMs = [0, 30] } = parts;
  return {
    workers: checkedInteger('workers', workers, 1, MAX_WORKERS),
    lockTimeoutMs: checkedNumber('lockTimeoutMs', lockTimeoutMs, 0, MAX_MS),
    latencyMs: checkedRange('latencyMs', latencyMs),
  };
}

function checkedRange(what: string, value: number | Range): Range {
  const [least, most, ...rest] = Array.isArray(value) ? value : [value, value];
  if (rest.length > 0)
    throw new TypeError(`${what} must be a number or a range of two numbers, not ${String(value)}.`);
  return [checkedNumber(what, least, 0, MAX_MS), checkedNumber(`${what}: the maximum`, most, least, MAX_MS)];
}
