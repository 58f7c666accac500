/** Searches for a scenario that breaks a promise, and shortens it as far as possible. */
import { generate, type WorldOptions } from './generate.js';
import { quickFate, type Scenario } from './scenario.js';
import { runScenario, type Verdict } from './world.js';

/** The result of a search. */
export interface Found {
  readonly scenario: Scenario;
  /** For people: the broken promise, the scenario and everything that happened. */
  readonly report: string;
}

// Latencies change when something is left out, so a few other seeds are tried before it counts as needed.
const neighbours = 4;
const mostShrinkingRuns = 600;

/** Runs this many scenarios; resolves with the first one that breaks a promise, shortened. */
export async function search(
  world: WorldOptions,
  seeds: { readonly from: number; readonly runs: number },
  count: (verdict: Verdict) => void = () => {},
): Promise<Found | undefined> {
  for (let seed = seeds.from; seed < seeds.from + seeds.runs; seed++) {
    const scenario = generate(seed, world);
    const verdict = await runScenario(scenario);
    count(verdict);
    if (verdict.broken !== undefined) return report(await shrink(scenario, verdict.broken));
  }
  return undefined;
}

async function report(scenario: Scenario): Promise<Found> {
  const { broken, log } = await runScenario(scenario, true);
  const lines = [`${broken ?? 'It holds when traced?!'}, in this scenario:`, toText(scenario), ...log];
  return { scenario, report: lines.join('\n') };
}

/** The scenario as it can be put into a test. */
export function toText({ fates, happenings, ...rest }: Scenario): string {
  const listed = (list: readonly unknown[]): string =>
    list.map((each) => `\n  ${JSON.stringify(each)},`).join('');
  return `${JSON.stringify(rest)}\nfates:${listed(fates)}\nhappenings:${listed(happenings)}`;
}

/** The shortest scenario that breaks the same promise. */
async function shrink(scenario: Scenario, broken: string): Promise<Scenario> {
  let best = scenario;
  let runs = 0;
  const tryOut = async (candidate: Scenario): Promise<boolean> => {
    for (let seed = candidate.seed; seed < candidate.seed + neighbours; seed++) {
      if (++runs > mostShrinkingRuns) return false;
      const verdict = await runScenario({ ...candidate, seed });
      if (verdict.broken?.slice(0, 3) !== broken.slice(0, 3)) continue;
      best = { ...candidate, seed };
      return true;
    }
    return false;
  };
  for (let isShorter = true; isShorter && runs < mostShrinkingRuns; ) {
    isShorter = false;
    for (const candidate of simplifications(() => best)) if (await tryOut(candidate)) isShorter = true;
  }
  return best;
}

/** All scenarios that are simpler by one step, each based on the simplest so far. */
function* simplifications(current: () => Scenario): Generator<Scenario> {
  for (let index = current().happenings.length - 1; index >= 0; index--) {
    const { happenings } = current();
    if (index < happenings.length)
      yield { ...current(), happenings: happenings.filter((_, at) => at !== index) };
  }
  const { processes } = current();
  for (let fewer = 1; fewer < processes; fewer++)
    if (fewer < current().processes)
      yield {
        ...current(),
        processes: fewer,
        happenings: current().happenings.filter(
          (each) => !('process' in each) || (each.process ?? 0) < fewer,
        ),
      };
  for (let index = current().fates.length - 1; index >= 0; index--) {
    const { fates } = current();
    const isLast = index === fates.length - 1;
    if (isLast && fates.length > 0) yield { ...current(), fates: fates.slice(0, -1) };
    else if (fates[index] !== quickFate && index < fates.length)
      yield { ...current(), fates: fates.map((fate, at) => (at === index ? quickFate : fate)) };
  }
  const plain: Partial<Scenario>[] = [
    { rounds: 1, happenings: current().happenings.filter(({ when }) => when.round === 0) },
    { lagMs: 0 },
    { storeMs: 1 },
    { leewayMs: 0 },
    { timeoutMs: 10_000 },
    { lifetimeMs: 3_600_000 },
    { clocksMs: current().clocksMs.map(() => 0) },
  ];
  for (const simpler of plain) {
    const before = current();
    const candidate = { ...before, ...simpler };
    if (JSON.stringify(candidate) !== JSON.stringify(before)) yield candidate;
  }
}
