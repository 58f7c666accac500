/** Processes that end during a refresh, by a crash or because they are told to. */
import { setTimeout as delay } from 'node:timers/promises';
import { expect, it } from '@jest/globals';
import {
  countOf,
  doubtSeconds,
  isInDoubt,
  loginLife,
  momentOf,
  type Site,
  type SiteOptions,
  until,
} from './site.js';
import { describeStorm } from './suite.js';
import type { Answered, Visitor } from './visitor.js';
import type { RefreshMoment } from './worker-config.js';
import type { WorkerProcess } from './worker-process.js';

// Long enough to kill a process in.
const pauses = { afterLockMs: 300, beforeRecordMs: 300 };
const storages: SiteOptions['storage'][] = ['redis', 'session'];

describeStorm('a process that ends during a refresh', ({ measured, startSite }) => {
  let site: Site;

  it.each(storages)(
    'by SIGKILL leaves unsent refreshes to others, and lost responses in doubt for three minutes (storage: %s)',
    async (storage) => {
      const moments = ['locked', 'asked', 'answered', 'recorded'] as const;
      site = await startSite({ workers: 6, people: 4, storage, pauses, timeoutMs: 2000 });
      const victims = site.workers.slice(0, 4);
      const visitors = await Promise.all(moments.map((_, person) => site.visitor(person)));
      await site.advanceTime(loginLife);
      // Polar makes the exchange at once; its response comes later.
      site.polar.fail('token', { delayMs: 300 }, 1000);
      await Promise.all(
        victims.map(async (victim, index) => {
          const visitor = visitors[index] as Visitor;
          // In a session store the lock is certain only a moment after it is written, and the following steps also take time.
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

      // If nothing was sent, or the tokens were recorded: a valid token as soon as the dead process's lock is taken over.
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

      // Only the dead process had the new tokens, but nobody can know that: at first doubt, with a time to retry.
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
    'by SIGTERM passes pending tokens on to others if it awaits settled() (storage: %s)',
    async (storage) => {
      site = await startSite({ workers: 2, people: 2, storage, pauses, timeoutMs: 1000 });
      const [ending, other] = site.workers as [WorkerProcess, WorkerProcess];
      const [first, second] = [await site.visitor(0), await site.visitor(1)];
      await site.advanceTime(loginLife);
      // One login whose request has timed out by then, and one with a request under way.
      site.polar.fail('token', { delayMs: 3000 }, 2);
      expect((await first.token(ending)).body.code).toBe('timeout');
      // After a time-out Polar gets no requests for a moment.
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

  it('by SIGTERM does not wait forever for a silent Polar, and reports what is left', async () => {
    site = await startSite({ workers: 1, storage: 'redis', timeoutMs: 500 });
    const ending = site.worker(0);
    const visitor = await site.visitor();
    await site.advanceTime(loginLife);
    site.polar.fail('token', 'hang');
    expect((await visitor.token(ending)).body.code).toBe('timeout');
    const startedAt = performance.now();
    expect(await ending.terminate()).toMatchObject({ exchanges: 1 });
    expect(performance.now() - startedAt).toBeGreaterThan(9000);
  }, 60_000);

  /** Whether Polar has received the refresh that a worker has reported. */
  function hasArrived({ news }: WorkerProcess): boolean {
    const sent = news.flatMap((piece) =>
      piece.news === 'moment' && piece.moment === 'asked' ? [piece.of] : [],
    );
    return site.refreshes.some(({ form }) => sent.includes(String(form['refresh_token'])));
  }
});
