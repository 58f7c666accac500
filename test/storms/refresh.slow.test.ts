/** An expired token, many requests for it at once, several processes, and one that is killed. */
import { expect, it } from '@jest/globals';
import { polars } from '../support/polars.js';
import { countOf, loginLife, type Site, type SiteOptions } from './site.js';
import { describeStorm } from './suite.js';

describeStorm('a storm of requests on one expired session', ({ measured, startSite }) => {
  let site: Site;

  async function storm(options: SiteOptions, perWorker: number) {
    site = await startSite(options);
    const visitor = await site.visitor();
    await site.advanceTime(loginLife);
    // While this response is pending, every process finds the token expired.
    site.polar.fail('token', { delayMs: 200 }, options.workers);
    await Promise.all(site.workers.map((worker) => worker.ask('takeCounts')));
    await site.sessions.sendCommand('CONFIG', 'RESETSTAT');
    const startedAt = performance.now();
    const answers = await site.tokenStorm(visitor, perWorker);
    const tookMs = Math.round(performance.now() - startedAt);
    const writes = await Promise.all(site.workers.map((worker) => worker.ask('takeCounts')));
    const [live] = site.polar.liveTokens();
    return { visitor, answers, writes, tookMs, live: live?.accessToken };
  }

  it.each(polars)(
    'costs 1 refresh, 1 write of a record and no write of a session in 1 process (at %s)',
    async (_name, emulator) => {
      const { answers, live, tookMs, writes } = await storm(
        { emulator, workers: 1, storage: 'session' },
        1000,
      );
      const setCommands = await commandCalls('set');
      measured.add('1 process: answers', countOf(answers.map(({ status }) => status)));
      measured.add('1 process: token requests', site.refreshes.length);
      measured.add('1 process: writes of its store', writes[0]);
      measured.add('1 process: SET commands that Redis ran', setCommands);
      measured.add('1 process: ms', tookMs);
      expect(countOf(answers.map(({ status }) => status))).toEqual({ 200: 1000 });
      expect(countOf(answers.map(({ body }) => body.accessToken))).toEqual({ [String(live)]: 1000 });
      expect(site.refreshes.map(({ status }) => status)).toEqual([200]);
      expect(writes).toEqual([expect.objectContaining({ recordWrites: 1, sessionWrites: 0 })]);
      // Two more for the lock.
      expect(setCommands).toBeLessThanOrEqual(3);
    },
    60_000,
  );

  it.each(polars)(
    'costs 1 refresh in 4 processes with a storage in Redis (at %s)',
    async (_name, emulator) => {
      const { answers, live, tookMs, visitor, writes } = await storm(
        { emulator, workers: 4, storage: 'redis' },
        250,
      );
      measured.add('4 processes, redisStorage: answers', countOf(answers.map(({ status }) => status)));
      measured.add('4 processes, redisStorage: token requests', site.refreshes.length);
      measured.add('4 processes, redisStorage: ms', tookMs);
      expect(countOf(answers.map(({ status }) => status))).toEqual({ 200: 1000 });
      expect(countOf(answers.map(({ body }) => body.accessToken))).toEqual({ [String(live)]: 1000 });
      expect(site.refreshes.map(({ status }) => status)).toEqual([200]);
      expect(writes.map(({ sessionWrites }) => sessionWrites)).toEqual([0, 0, 0, 0]);
      const { loginId = '' } = (await visitor.get(site.worker(0), '/login')).body;
      expect(await site.recordedGeneration(loginId)).toBe(1);
    },
    60_000,
  );

  it.each(polars)(
    'costs 1 refresh in 4 processes that share a session store, without any option (at %s)',
    async (_name, emulator) => {
      const { answers, live, tookMs, visitor, writes } = await storm(
        { emulator, workers: 4, storage: 'session' },
        250,
      );
      const statuses = countOf(site.refreshes.map(({ status }) => status));
      measured.add('4 processes, session store: answers', countOf(answers.map(({ status }) => status)));
      measured.add('4 processes, session store: token requests by status', statuses);
      measured.add('4 processes, session store: ms', tookMs);
      expect(countOf(answers.map(({ status }) => status))).toEqual({ 200: 1000 });
      expect(countOf(answers.map(({ body }) => body.accessToken))).toEqual({ [String(live)]: 1000 });
      expect(statuses).toEqual({ 200: 1 });
      expect(writes.map(({ sessionWrites }) => sessionWrites)).toEqual([0, 0, 0, 0]);
      // An hour later, too.
      await site.advanceTime(3600);
      const later = await Promise.all(site.workers.map((worker) => visitor.token(worker)));
      expect(later.map(({ status }) => status)).toEqual([200, 200, 200, 200]);
    },
    60_000,
  );

  it.each(polars)(
    'leaves the user logged in if one process is killed after it and another writes a stale session back (at %s)',
    async (_name, emulator) => {
      site = await startSite({ emulator, workers: 2, storage: 'session' });
      const [first, second] = [site.worker(0), site.worker(1)];
      const visitor = await site.visitor();
      await site.advanceTime(loginLife);
      const authorizations = () =>
        site.polar.requests.filter(({ endpoint }) => endpoint === 'authorize').length;
      const before = authorizations();

      const stale = visitor.post(second, '/touch?afterMs=1000&note=stale');
      const fresh = await visitor.token(first);
      expect((await visitor.post(first, '/touch')).status).toBe(204);
      expect((await stale).status).toBe(204);
      expect(await sessionNote(visitor.sessionKey)).toBe('stale');
      await site.kill(first);

      const answer = await visitor.token(second);
      measured.add('stale session, first process killed: the other answers', answer.status);
      measured.add('stale session, first process killed: token requests', site.refreshes.length);
      expect([answer.status, answer.body.accessToken]).toEqual([200, fresh.body.accessToken]);
      expect(site.refreshes.map(({ status }) => status)).toEqual([200]);
      await site.advanceTime(3600);
      expect((await visitor.token(second)).status).toBe(200);
      expect(authorizations()).toBe(before);
    },
    60_000,
  );

  /** How often Redis has run a command since its statistics were reset. */
  async function commandCalls(command: string): Promise<number> {
    const info = String(await site.sessions.sendCommand('INFO', 'commandstats'));
    return Number(new RegExp(`cmdstat_${command}:calls=(\\d+)`).exec(info)?.[1] ?? 0);
  }

  async function sessionNote(key: string): Promise<unknown> {
    return JSON.parse(String(await site.sessions.sendCommand('GET', key))).note;
  }
});
