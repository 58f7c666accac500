import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { regressions } from './regressions.js';
import { search } from './search.js';
import { installVirtualTime, uninstallVirtualTime } from './virtual-time.js';
import { runScenario } from './world.js';
import { worlds } from './worlds.js';

// Runs the code itself, where test/refresh/protocol-model goes through a model of it: see docs/refresh-protocol.md.

const isLarge = process.env['REFRESH_SIMULATION'] === 'large';
const runs = isLarge ? 3000 : 80;
const timeoutMs = isLarge ? 1_800_000 : 120_000;

beforeAll(installVirtualTime);
afterAll(uninstallVirtualTime);

describe('the refresher in a simulated world', () => {
  const table: string[] = [];
  it.each(Object.entries(worlds))(
    'keeps its promises with %s',
    async (name, world) => {
      const startedAt = Date.now();
      const outcomes: Record<string, number> = {};
      const found = await search(world, { from: 1, runs }, (verdict) => {
        for (const [what, count] of Object.entries(verdict.outcomes))
          outcomes[what] = (outcomes[what] ?? 0) + count;
      });
      table.push(`${name}: ${runs} runs, ${Date.now() - startedAt} ms, ${JSON.stringify(outcomes)}`);
      if (found !== undefined) throw new Error(found.report);
      // A simulation in which nobody gets a token shows nothing.
      expect(outcomes['ok']).toBeGreaterThan(runs);
    },
    timeoutMs,
  );
  if (isLarge) it('reports how many scenarios it has run', () => console.log(table.join('\n')));
});

describe('the refresher in a scenario that once broke a promise', () => {
  // Each scenario also runs with other latencies, since these change with the code.
  const seedsEach = 10;
  it.each(Object.entries(regressions))('%s', async (_what, scenario) => {
    for (let seed = scenario.seed; seed < scenario.seed + seedsEach; seed++) {
      const { broken } = await runScenario({ ...scenario, seed });
      expect({ seed, broken }).toEqual({ seed, broken: undefined });
    }
  });
});

describe('a simulated scenario', () => {
  it('runs the same way again from the same seed', async () => {
    const [scenario] = Object.values(regressions);
    if (scenario === undefined) throw new Error('There is no scenario');
    // The names of lock owners are random.
    const anonymous = (log: readonly string[]): string => log.join('\n').replace(/(owner|mark) \w{4}/g, '$1');
    const first = await runScenario(scenario, true);
    expect(first.log.length).toBeGreaterThan(50);
    expect(anonymous((await runScenario(scenario, true)).log)).toBe(anonymous(first.log));
  });
});
