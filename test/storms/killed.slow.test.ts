/** Processes that die in the middle of a refresh, by a crash or because they are told to. */
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, afterEach, describe, expect, it } from '@jest/globals';
import { hasRedis } from '../support/redis-server.js';
import { Measured } from './measured.js';
import { countOf, doubtSeconds, isInDoubt, loginLife, Site, type SiteOptions, until } from './site.js';
import type { Answered, Visitor } from './visitor.js';
import type { RefreshMoment } from './worker-config.js';
import type { WorkerProcess } from './worker-process.js';

// Long enough to be killed in.
const pauses = { afterLockMs: 300, beforeRecordMs: 300 };
const storages: SiteOptions['storage'][] = ['redis', 'session'];

(hasRedis ? describe : describe.skip)('a process that dies in the middle of a refresh', () => {
  const measured = new Measured();
  afterAll(() => measured.print());
  let site: Site;
  afterEach(() => site?.close());

  it.each(storages)(
    'by SIGKILL: others refresh where nothing was sent, and doubt for three minutes where a response was lost (storage: %s)',
    async (storage) => {
      const moments = ['locked', 'asked', 'answered', 'recorded'] as const;
      site = await Site.start({ workers: 6, people: 4, storage, pauses, timeoutMs: 2000 });
      const victims = site.workers.slice(0, 4);
      const visitors = await Promise.all(moments.map((_, person) => site.visitor(person)));
      await site.advanceTime(loginLife);
      // Polar has made the exchange when it is asked; its response comes later.
      site.polar.fail('token', { delayMs: 300 }, 1000);
      await Promise.all(
        victims.map(async (victim, index) => {
          const visitor = visitors[index] as Visitor;
          // In a session store the lock is written a moment before it is sure; what follows takes as long again.
          const asked = visitor.token(victim).catch(() => undefined);
          const moment = moments[index] as RefreshMoment;
          await momentOf(victim, moment);
          if (moment === 'asked') await until(() => hasArrived(victim));
          await site.kill(victim);
          await asked;
        }),
      );
      site.polar.heal();
      const [notSent, lostOnTheWay, lostHere, recorded] = visitors as [Visitor, Visitor, Visitor, Visitor];

      // Nothing was sent, or it was recorded: a clean token, as soon as the lock of a dead process is taken over.
      const startedAt = performance.now();
      const asked: Answered[] = [];
      await Promise.all(
        [recorded, notSent].map((visitor) =>
          until(async () => {
            const answers = await Promise.all(site.workers.map((worker) => visitor.token(worker)));
            asked.push(...answers);
            return answers.every(({ status }) => status === 200);
          }, 40_000),
        ),
      );
      measured.add(`${storage}: ms until all have a clean token`, Math.round(performance.now() - startedAt));
      expect(asked.filter(({ status }) => status !== 200 && status !== 503)).toEqual([]);

      // Only the dead process had the new tokens, but nobody can know: first doubt, with a time to come back.
      for (const visitor of [lostOnTheWay, lostHere]) {
        const doubting: Answered[] = [];
        await until(async () => {
          doubting.push(...(await Promise.all(site.workers.map((worker) => visitor.token(worker)))));
          return doubting.slice(-site.workers.length).every(isInDoubt);
        }, 40_000);
        expect(doubting.filter(({ status }) => status !== 503)).toEqual([]);
        for (const { body } of doubting.filter(isInDoubt)) {
          expect(body.retryAfterSeconds).toBeGreaterThan(0);
          expect(body.retryAfterSeconds).toBeLessThanOrEqual(doubtSeconds);
        }
      }
      // Then certainty.
      await site.advanceTime(doubtSeconds);
      for (const visitor of [lostOnTheWay, lostHere]) {
        let over: Answered[] = [];
        await until(async () => {
          over = await Promise.all(site.workers.map((worker) => visitor.token(worker)));
          return over.every(({ status }) => status !== 503);
        }, 40_000);
        expect(countOf(over.map(({ status, body }) => `${status} ${body.code}`))).toEqual({
          '401 login_expired': site.workers.length,
        });
      }
      for (const visitor of [recorded, notSent]) {
        const fine = await Promise.all(site.workers.map((worker) => visitor.token(worker)));
        expect(countOf(fine.map(({ status }) => status))).toEqual({ 200: site.workers.length });
      }
    },
    180_000,
  );

  it.each(storages)(
    'by SIGTERM, awaiting settled(): the tokens that are under way reach the others (storage: %s)',
    async (storage) => {
      site = await Site.start({ workers: 2, people: 2, storage, pauses, timeoutMs: 1000 });
      const [ending, other] = site.workers as [WorkerProcess, WorkerProcess];
      const [first, second] = [await site.visitor(0), await site.visitor(1)];
      await site.advanceTime(loginLife);
      // One whose requests have been answered with a time-out by then, and one in the middle of it.
      site.polar.fail('token', { delayMs: 3000 }, 2);
      expect((await first.token(ending)).body.code).toBe('timeout');
      // Polar is left alone for a moment after a time-out.
      let cutOff: Promise<unknown> = Promise.resolve();
      await until(async () => {
        await site.advanceTime(1);
        cutOff = second.token(ending).catch(() => undefined);
        await delay(700);
        return site.refreshes.length >= 2;
      });

      expect(await ending.terminate()).toMatchObject({ exchanges: 0, writes: 0 });
      await cutOff;
      for (const visitor of [first, second]) {
        let answer = await visitor.token(other);
        await until(async () => {
          if (answer.status === 503) answer = await visitor.token(other);
          return answer.status !== 503;
        });
        const { status, body } = answer;
        expect([status, body.accessToken]).toEqual([200, expect.stringMatching(/^polar_at_/)]);
        expect(site.polar.liveTokens().map(({ accessToken }) => accessToken)).toContain(body.accessToken);
      }
      expect(site.refreshes.map(({ status }) => status)).toEqual([200, 200]);
    },
    60_000,
  );

  it('by SIGTERM does not wait for ever for a Polar that is silent, and says what it left', async () => {
    site = await Site.start({ workers: 1, storage: 'redis', timeoutMs: 500 });
    const ending = site.worker(0);
    const visitor = await site.visitor();
    await site.advanceTime(loginLife);
    site.polar.fail('token', 'hang');
    expect((await visitor.token(ending)).body.code).toBe('timeout');
    const startedAt = performance.now();
    expect(await ending.terminate()).toMatchObject({ exchanges: 1 });
    expect(performance.now() - startedAt).toBeGreaterThan(9000);
  }, 60_000);

  /** True once Polar has the refresh that a worker told of. */
  function hasArrived({ news }: WorkerProcess): boolean {
    const sent = news.flatMap((piece) =>
      piece.news === 'moment' && piece.moment === 'asked' ? [piece.of] : [],
    );
    return site.refreshes.some(({ form }) => sent.includes(String(form['refresh_token'])));
  }
});

/** Resolves when a worker tells of it. */
function momentOf(worker: WorkerProcess, moment: RefreshMoment): Promise<void> {
  return until(() => worker.news.some((piece) => piece.news === 'moment' && piece.moment === moment));
}
