/** Generates scenarios. */
import { type Random, randomFrom } from './random.js';
import type { Fate, Happening, Scenario, StoreKind, StoreTrouble, When } from './scenario.js';

/** What may go wrong in a world. */
export interface WorldOptions {
  readonly stores?: readonly StoreKind[];
  readonly polar?: 'quick' | 'slow' | 'lossy';
  readonly storeTroubles?: readonly StoreTrouble[];
  readonly lags?: boolean;
  readonly slowStore?: boolean;
  readonly losesRows?: boolean;
  readonly stops?: boolean;
  readonly kills?: boolean;
  readonly logouts?: boolean;
  readonly wrongClock?: boolean;
  readonly mostProcesses?: number;
}

export const allStores: readonly StoreKind[] = ['batch', 'atomic', 'session store'];

export function generate(seed: number, world: WorldOptions): Scenario {
  const random = randomFrom(seed, 1);
  const processes = 1 + random.below(world.mostProcesses ?? 4);
  const rounds = 1 + random.below(2);
  const roundMs = random.pick([20_000, 100_000, 200_000]);
  const store = random.pick(world.stores ?? allStores);
  const happenings: Happening[] = [];
  for (let round = 0; round < rounds; round++)
    happenings.push(...happeningsOf(random, world, processes, round, roundMs));
  return {
    seed,
    processes,
    store,
    storeMs: world.slowStore ? random.pick([1, 20, 150, 700]) : random.pick([1, 5, 20]),
    lagMs: world.lags && store !== 'batch' ? random.pick([0, 50, 300, 1000]) : 0,
    timeoutMs: random.pick([10_000, 10_000, 4000, 20_000]),
    leewayMs: random.pick([5000, 0, 60_000]),
    lifetimeMs: random.pick([3_600_000, 3_600_000, 1_800_000]),
    clocksMs: Array.from({ length: processes }, (_, index) =>
      world.wrongClock && index === 0 ? random.pick([-60_000, 60_000]) : 0,
    ),
    rounds,
    roundMs,
    fates: Array.from({ length: 12 }, () => fateOf(random, world)),
    happenings,
  };
}

function fateOf(random: Random, { polar = 'quick' }: WorldOptions): Fate {
  const slowMs = random.pick([1000, 15_000, 31_000, 90_000]);
  const isSlow = polar !== 'quick' && random.chance(0.5);
  const isQueued = isSlow && random.chance(0.3);
  const mishap =
    polar === 'lossy' && random.chance(0.4)
      ? random.pick(['request lost', 'response lost', 'gateway', 'unheard gateway', 'silence'] as const)
      : undefined;
  return {
    queuedMs: isQueued ? slowMs * random.fraction() : 20 * random.fraction(),
    workMs: isSlow && !isQueued ? slowMs * random.between(0.7, 1) : random.between(20, 80),
    commitLagMs: random.chance(0.5) ? -1 : random.between(0, 900),
    ...(mishap !== undefined && { mishap }),
    ifLoser: random.pick(['400', '500', '200', '200']),
    loserWaitMs: random.pick([50, 1000, 15_000, 30_000]) * random.between(0.5, 1),
  };
}

function happeningsOf(
  random: Random,
  world: WorldOptions,
  processes: number,
  round: number,
  roundMs: number,
): Happening[] {
  const who = (): number => random.below(processes);
  const happenings: Happening[] = [];
  const some = (most: number, make: () => Happening): void => {
    for (let left = 1 + random.below(most); left > 0; left--) happenings.push(make());
  };
  // The first tokens expire after two seconds.
  const soon = (): number => 1900 + random.pick([150, 400, 3000]) * random.fraction();
  const late = (): number => 2000 + roundMs * random.fraction();
  const whenAny = (): When => ({ round, atMs: random.chance(0.5) ? soon() : late() });
  const whenStep = (): When =>
    random.chance(0.7)
      ? { round, atMs: random.chance(0.7) ? 1900 : late(), steps: 1 + random.below(24) }
      : whenAny();

  for (let process = 0; process < processes; process++) {
    if (random.chance(0.8)) happenings.push({ what: 'visit', process, when: { round, atMs: soon() } });
    some(4, () => ({ what: 'visit', process, when: { round, atMs: late() } }));
  }
  if (random.chance(0.2)) some(2, () => ({ what: 'new tokens', process: who(), when: whenAny() }));
  if (world.stops && random.chance(0.8))
    some(3, () => ({
      what: 'stop',
      process: who(),
      when: whenStep(),
      forMs: random.pick([300, 3000, 12_000, 60_000]) * random.between(0.5, 1),
    }));
  if (world.kills && random.chance(0.8))
    some(2, () => ({ what: 'kill', process: who(), when: whenStep(), downMs: random.between(100, 5000) }));
  if (world.logouts && random.chance(0.6))
    some(2, () => ({ what: 'log out', process: who(), when: random.chance(0.5) ? whenStep() : whenAny() }));
  const troubles = world.storeTroubles ?? [];
  if (troubles.length > 0 && random.chance(0.85))
    some(3, () => {
      const trouble = random.pick(troubles);
      return {
        what: 'store trouble',
        ...(random.chance(0.5) && { process: who() }),
        when: random.chance(0.6) ? whenStep() : whenAny(),
        forMs: random.pick([30, 300, 3000, 30_000]) * random.between(0.5, 1),
        trouble,
        delayMs: trouble === 'slow' ? random.pick([600, 2000, 4000]) : random.pick([500, 5000, 60_000]),
      };
    });
  if (world.losesRows && random.chance(0.8))
    some(2, () => ({
      what: 'rows lost',
      when: whenAny(),
      rows: random.pick(['record', 'lock', 'all', 'tombstone']),
    }));
  return happenings;
}
