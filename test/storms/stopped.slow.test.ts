/** Processes that are stopped during a refresh, as on a suspended machine, and then continue. */
import { setTimeout as delay } from 'node:timers/promises';
import { expect, it } from '@jest/globals';
import { countOf, loginLife, momentOf, type Site, type SiteOptions, until } from './site.js';
import { describeStorm } from './suite.js';
import type { Answered, Visitor } from './visitor.js';
import type { RefreshMoment } from './worker-config.js';
import type { WorkerProcess } from './worker-process.js';

// Long enough for others to take over the lock. STORM_STOP_SECONDS=60 is the longest stop that must be harmless.
const stopSeconds = Number(process.env['STORM_STOP_SECONDS'] ?? 14);
// Long enough to stop a process in.
const pauses = { afterLockMs: 300, beforeRecordMs: 300 };

describeStorm('a process that is stopped during a refresh', ({ measured, startSite }) => {
  let site: Site;

  const storages: SiteOptions['storage'][] = ['redis', 'session'];

  it.each(storages)(
    'for 3 s has the tokens when it wakes, from the response in its socket (storage: %s)',
    async (storage) => {
      site = await startSite({ workers: 3, storage, timeoutMs: 2000 });
      const [sleeper, ...others] = site.workers as [WorkerProcess, ...WorkerProcess[]];
      const visitor = await site.visitor();
      await site.advanceTime(loginLife);
      site.polar.fail('token', { delayMs: 200 });
      const asked = visitor.token(sleeper);
      await momentOf(sleeper, 'asked');
      sleeper.pause();
      const meanwhile = others.map((worker) => visitor.token(worker));
      await delay(3000);
      sleeper.resume();

      // Its time-out has passed, but Polar's response is there and must not be discarded.
      const answers = await Promise.all([asked, ...meanwhile]);
      measured.add(`${storage}: 3 s, answers`, countOf(answers.map(nameOf)));
      expectNobodyLoggedOut(answers);
      await expectSameToken(visitor);
      expect(site.refreshes.map(({ status }) => status)).toEqual([200]);
    },
    60_000,
  );

  it.each(storages)(
    `for ${stopSeconds} s costs nobody their login, at whatever step it stops (storage: %s)`,
    async (storage) => {
      const moments = ['locked', 'asked', 'answered'] as const;
      site = await startSite({ workers: 4, people: 3, storage, pauses, timeoutMs: 2000 });
      const sleepers = site.workers.slice(0, 3);
      const awake = site.worker(3);
      const visitors = await Promise.all(moments.map((_, person) => site.visitor(person)));
      await site.advanceTime(loginLife);
      site.polar.fail('token', { delayMs: 200 }, 1000);

      const asked = sleepers.map(async (worker, index) => {
        const stopped = momentOf(worker, moments[index] as RefreshMoment).then(() => worker.pause());
        const answer = (visitors[index] as Visitor).token(worker);
        await stopped;
        return answer;
      });
      await Promise.all(sleepers.map((worker, index) => momentOf(worker, moments[index] as RefreshMoment)));
      const meanwhile: Answered[] = [];
      const wakeAt = performance.now() + stopSeconds * 1000;
      while (performance.now() < wakeAt) {
        meanwhile.push(...(await Promise.all(visitors.map((visitor) => visitor.token(awake)))));
        await delay(200);
      }
      for (const worker of sleepers) worker.resume();

      expectNobodyLoggedOut([...meanwhile, ...(await Promise.all(asked))]);
      measured.add(`${storage}: ${stopSeconds} s, answers meanwhile`, countOf(meanwhile.map(nameOf)));
      for (const visitor of visitors) await expectSameToken(visitor);
      measured.add(
        `${storage}: ${stopSeconds} s, refreshes by status`,
        countOf(site.refreshes.map(({ status }) => status)),
      );
      expect(site.refreshes.filter(({ status }) => status === 200)).toHaveLength(3);
      // The logins go on.
      await site.advanceTime(3600);
      for (const visitor of visitors) await expectSameToken(visitor);
    },
    (stopSeconds + 120) * 1000,
  );

  /** All processes soon return the token of this visitor that lives at Polar. */
  async function expectSameToken(visitor: Visitor): Promise<void> {
    const asked: Answered[] = [];
    const found = new Map<WorkerProcess, string>();
    await until(async () => {
      for (const worker of site.workers) {
        if (found.has(worker)) continue;
        const answer = await visitor.token(worker);
        asked.push(answer);
        if (answer.body.accessToken !== undefined) found.set(worker, answer.body.accessToken);
      }
      return found.size === site.workers.length;
    }, 40_000);
    expectNobodyLoggedOut(asked);
    const tokens = new Set(found.values());
    expect([...tokens]).toHaveLength(1);
    expect(site.polar.liveTokens().map(({ accessToken }) => accessToken)).toContain([...tokens][0]);
  }
});

const nameOf = ({ status, body }: Answered): string => `${status} ${body.code ?? 'token'}`;

function expectNobodyLoggedOut(answers: readonly Answered[]): void {
  expect(answers.filter(({ status }) => status !== 200 && status !== 503).map(nameOf)).toEqual([]);
}
