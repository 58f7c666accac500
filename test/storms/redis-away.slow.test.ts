/** An outage of the Redis of redisStorage, while the sessions are stored elsewhere. */
import { expect, it } from '@jest/globals';
import { countOf, loginLife, type Site, until } from './site.js';
import { describeStorm } from './suite.js';
import type { Answered, Visitor } from './visitor.js';
import type { WorkerProcess } from './worker-process.js';

const refreshing = 4;

describeStorm('while the Redis of the storage is', ({ measured, startSite }) => {
  let site: Site;
  let loginIds: readonly string[];

  type Step = () => Promise<void> | void;
  const ways: [string, { timeoutMs?: number }, Step, Step][] = [
    ['stopped (SIGSTOP)', {}, () => site.storage.pause(), () => site.storage.resume()],
    [
      'killed (SIGKILL), with a timeoutMs of 1000',
      { timeoutMs: 1000 },
      () => site.storage.crash(),
      () => site.storage.restart(),
    ],
  ];
  it.each(ways)(
    '%s, refreshes continue and are recorded once it is back',
    async (way, patience, takeAway, bringBack) => {
      site = await startSite({
        workers: 2,
        people: refreshing + 1,
        storage: 'redis',
        twoRedises: true,
        ...patience,
      });
      const [first, second] = [site.worker(0), site.worker(1)];
      const expired = await Promise.all(
        Array.from({ length: refreshing }, (_, person) => site.visitor(person)),
      );
      loginIds = await Promise.all(
        expired.map(async (visitor) => (await visitor.get(first, '/login')).body.loginId ?? ''),
      );
      await site.advanceTime(loginLife);
      const valid = await site.visitor(refreshing);
      const before = await tokenLatencies(valid);

      await takeAway();
      const startedAt = performance.now();
      // If the time-out is not longer than the storage's, the request fails with a transient error and succeeds later.
      const patientToken = async (visitor: Visitor): Promise<Answered> => {
        for (let attempts = 1; ; attempts++) {
          const answer = await visitor.token(first);
          if (patience.timeoutMs === undefined || answer.status !== 503 || attempts > 20) return answer;
          expect(answer.body.code).toBe('timeout');
        }
      };
      const asked = Promise.all(expired.slice(1).map(patientToken));
      const during = await tokenLatencies(valid);
      const refreshed = await asked;
      const tookMs = performance.now() - startedAt;
      refreshed.unshift(...(await Promise.all(expired.slice(0, 1).map(patientToken))));
      const laterTookMs = performance.now() - startedAt - tookMs;
      const live = site.polar.liveTokens().map(({ accessToken }) => accessToken);

      measured.add(
        `${way}: answers to those who had to refresh`,
        countOf(refreshed.map(({ status }) => status)),
      );
      measured.add(`${way}: ms until they had them`, Math.round(tookMs));
      measured.add(`${way}: ms for one who comes later`, Math.round(laterTookMs));
      measured.add(`${way}: ms for a valid token, before`, before);
      measured.add(`${way}: ms for a valid token, meanwhile`, during);
      expect(countOf(refreshed.map(({ status }) => status))).toEqual({ 200: refreshing });
      for (const { body } of refreshed) expect(live).toContain(body.accessToken);
      expect(tookMs).toBeLessThan(20_000);
      // A read from Redis takes seconds now; other delays of this machine do not.
      expect(during.slowest).toBeLessThan(1000);
      expect(eventsOf(first)).toEqual(expect.arrayContaining(['refresh:lock-unavailable']));
      expect(eventsOf(first)).toEqual(expect.arrayContaining(['refresh:record-not-written']));

      // Another process cannot know whether its refresh token is spent: it reports a transient error, and ends no login.
      if (patience.timeoutMs !== undefined) {
        const elsewhere = await Promise.all(expired.map((visitor) => visitor.token(second)));
        measured.add(`${way}: answers of the other process`, countOf(elsewhere.map(({ status }) => status)));
        expect(countOf(elsewhere.map(({ status }) => status))).toEqual({ 503: refreshing });
      }
      const granted = () => site.refreshes.filter(({ status }) => status === 200).length;
      expect(granted()).toBe(refreshing);

      // Once it is back, the others find the new tokens there, and nobody needs Polar again.
      await bringBack();
      const backAt = performance.now();
      await until(async () => (await recordedLogins()) === refreshing, 40_000);
      measured.add(
        `${way}: ms until all was recorded, once it was back`,
        Math.round(performance.now() - backAt),
      );
      const shared = await Promise.all(expired.map((visitor) => visitor.token(second)));
      expect(shared.map(({ body }) => body)).toEqual(refreshed.map(({ body }) => body));
      expect(granted()).toBe(refreshing);
    },
    90_000,
  );

  /** How long a valid token takes, in 100 requests at each process, ten at a time. */
  async function tokenLatencies(visitor: Visitor): Promise<{ median: number; slowest: number }> {
    const took: number[] = [];
    for (let round = 0; round < 10; round++) {
      const timed = async (worker: WorkerProcess): Promise<void> => {
        const startedAt = performance.now();
        expect((await visitor.token(worker)).status).toBe(200);
        took.push(Math.round(performance.now() - startedAt));
      };
      await Promise.all(site.workers.flatMap((worker) => Array.from({ length: 10 }, () => timed(worker))));
    }
    took.sort((a, b) => a - b);
    return { median: took[took.length / 2] ?? 0, slowest: took.at(-1) ?? 0 };
  }

  async function recordedLogins(): Promise<number> {
    const generations = await Promise.all(loginIds.map((loginId) => site.recordedGeneration(loginId)));
    return generations.filter((generation) => generation > 0).length;
  }

  function eventsOf(worker: WorkerProcess): string[] {
    return worker.news.flatMap((piece) => (piece.news === 'diagnostic' ? [piece.event] : []));
  }
});
