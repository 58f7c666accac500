/** The Redis of redisStorage goes away, while the sessions live elsewhere. */
import { afterAll, afterEach, describe, expect, it } from '@jest/globals';
import { hasRedis } from '../support/redis-server.js';
import { Measured } from './measured.js';
import { countOf, loginLife, Site, until } from './site.js';
import type { Answered, Visitor } from './visitor.js';
import type { WorkerProcess } from './worker-process.js';

const refreshing = 4;

(hasRedis ? describe : describe.skip)('when the Redis of the storage is away', () => {
  const measured = new Measured();
  afterAll(() => measured.print());
  let site: Site;
  let loginIds: readonly string[];
  afterEach(() => site?.close());

  type Step = () => Promise<void> | void;
  const ways: [string, { timeoutMs?: number }, Step, Step][] = [
    ['stopped (SIGSTOP)', {}, () => site.storage.pause(), () => site.storage.resume()],
    [
      'killed (SIGKILL), timeoutMs 1000',
      { timeoutMs: 1000 },
      () => site.storage.crash(),
      () => site.storage.restart(),
    ],
  ];
  it.each(ways)(
    '%s, refreshes go on and are recorded once it is back',
    async (way, patience, takeAway, bringBack) => {
      site = await Site.start({
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
      // Whose time-out is no longer than the storage's is told to come back, and has the token then.
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
      // A look at Redis takes seconds now; whatever this machine is busy with does not.
      expect(during.slowest).toBeLessThan(1000);
      expect(eventsOf(first)).toEqual(expect.arrayContaining(['refresh:lock-unavailable']));
      expect(eventsOf(first)).toEqual(expect.arrayContaining(['refresh:record-not-written']));

      // Another process cannot know whether its refresh token is spent: it asks for patience, and logs nobody out.
      if (patience.timeoutMs !== undefined) {
        const elsewhere = await Promise.all(expired.map((visitor) => visitor.token(second)));
        measured.add(`${way}: answers of the other process`, countOf(elsewhere.map(({ status }) => status)));
        expect(countOf(elsewhere.map(({ status }) => status))).toEqual({ 503: refreshing });
      }
      const granted = () => site.refreshes.filter(({ status }) => status === 200).length;
      expect(granted()).toBe(refreshing);

      // Once it is back, the others find what this process got, and nobody needs Polar again.
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

  /** How long a valid token took, of 100 requests at each process, ten at a time. */
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
