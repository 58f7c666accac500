/** Processes that stand still in the middle of a refresh, as on a suspended machine, and go on as if nothing had been. */
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, afterEach, describe, expect, it } from '@jest/globals';
import { hasRedis } from '../support/redis-server.js';
import { Measured } from './measured.js';
import { countOf, loginLife, Site, type SiteOptions, until } from './site.js';
import type { Answered, Visitor } from './visitor.js';
import type { RefreshMoment } from './worker-config.js';
import type { WorkerProcess } from './worker-process.js';

// So long that the lock of whoever stands still is taken over. STORM_STOP_SECONDS=60 is as long as may be slept through.
const stopSeconds = Number(process.env['STORM_STOP_SECONDS'] ?? 14);
// Long enough to be stopped in.
const pauses = { afterLockMs: 300, beforeRecordMs: 300 };

(hasRedis ? describe : describe.skip)('a process that stands still in the middle of a refresh', () => {
  const measured = new Measured();
  afterAll(() => measured.print());
  let site: Site;
  afterEach(() => site?.close());

  const storages: SiteOptions['storage'][] = ['redis', 'session'];

  it.each(storages)(
    'for 3 s, with the response waiting in its socket, has the tokens when it wakes (storage: %s)',
    async (storage) => {
      site = await Site.start({ workers: 3, storage, timeoutMs: 2000 });
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

      // Its time-out is over, but Polar's response is there: it must not be thrown away.
      const answers = await Promise.all([asked, ...meanwhile]);
      measured.add(`${storage}: 3 s, answers`, countOf(answers.map(nameOf)));
      expectNobodyLoggedOut(answers);
      await expectSameToken(visitor);
      expect(site.refreshes.map(({ status }) => status)).toEqual([200]);
    },
    60_000,
  );

  it.each(storages)(
    `for ${stopSeconds} s, whatever it was at, costs nobody their login (storage: %s)`,
    async (storage) => {
      const moments = ['locked', 'asked', 'answered'] as const;
      site = await Site.start({ workers: 4, people: 3, storage, pauses, timeoutMs: 2000 });
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
      // And it goes on.
      await site.advanceTime(3600);
      for (const visitor of visitors) await expectSameToken(visitor);
    },
    (stopSeconds + 120) * 1000,
  );

  /** All processes soon have the token of this person that is alive at Polar. */
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

/** Resolves when a worker tells of it, from now on. */
export function momentOf(worker: WorkerProcess, moment: RefreshMoment): Promise<void> {
  const told = (): boolean => worker.news.some((piece) => piece.news === 'moment' && piece.moment === moment);
  return until(told);
}

const nameOf = ({ status, body }: Answered): string => `${status} ${body.code ?? 'token'}`;

function expectNobodyLoggedOut(answers: readonly Answered[]): void {
  expect(answers.filter(({ status }) => status !== 200 && status !== 503).map(nameOf)).toEqual([]);
}
