/** Processes that stop at the end of each response, as on a serverless host, and continue with the next request or never. */
import { setTimeout as delay } from 'node:timers/promises';
import { expect, it } from '@jest/globals';
import { rowIdOf } from '../support/stored-rows.js';
import { countOf, emailOf, type Site, type SiteOptions, until } from './site.js';
import { describeStorm } from './suite.js';
import { Visitor } from './visitor.js';
import type { WorkerProcess } from './worker-process.js';

const storages: SiteOptions['storage'][] = ['redis', 'session'];
const pauses = { afterLockMs: 0, beforeRecordMs: 0 };

describeStorm('a process that is frozen after each response', ({ startSite }) => {
  let site: Site;
  const start = async (options: Omit<SiteOptions, 'workers' | 'freezes'>, settledWithinMs?: number) => {
    site = await startSite({
      workers: 2,
      pauses,
      ...options,
      freezes: settledWithinMs === undefined ? {} : { settledWithinMs },
    });
    return site.workers as [WorkerProcess, WorkerProcess];
  };

  it.each(storages)(
    'serves logins, refreshes and logouts together with others (storage: %s)',
    async (storage) => {
      const workers = await start({ storage, people: 3 });
      const visitors = await Promise.all([0, 1, 2].map((person) => freshVisitor(person, workers)));
      const statuses: number[] = [];
      for (let round = 0; round < 4; round++) {
        for (const [index, visitor] of visitors.entries()) {
          const [here, there] =
            (round + index) % 2 === 0 ? workers : (workers.toReversed() as typeof workers);
          statuses.push((await visitor.post(here, '/refresh')).status);
          statuses.push((await visitor.get(there, '/organizations')).status);
          statuses.push((await visitor.get(here, '/organizations')).status);
        }
      }
      expect(countOf(statuses)).toEqual({ 200: 36 });
      expect(site.polar.liveTokens()).toHaveLength(3);
      for (const visitor of visitors) {
        const copy = visitor.copy();
        expect((await visitor.post(workers[0], '/logout')).status).toBe(204);
        expect((await copy.get(workers[1], '/organizations')).status).toBe(401);
      }
      expect(site.polar.liveTokens()).toEqual([]);
    },
  );

  it.each(storages)(
    'and never continues leaves the tokens and no lock after a refresh, whatever its outcome (storage: %s)',
    async (storage) => {
      await start({ storage, people: 3 });
      const others = [503, 401].map((_, person) => person + 1);
      const refreshed = await freshVisitor(0, site.workers);
      const [failed, refused] = (await Promise.all(
        others.map((person) => freshVisitor(person, site.workers)),
      )) as [Visitor, Visitor];
      const loginIds = await Promise.all([refreshed, failed, refused].map(loginIdOf));
      const [first, second] = site.workers as [WorkerProcess, WorkerProcess];

      expect((await refreshed.post(first, '/refresh')).status).toBe(200);
      site.polar.fail('token', { status: 500 });
      expect((await failed.post(first, '/refresh')).status).toBe(503);
      site.polar.fail('token', { status: 400, body: { error: 'invalid_grant' } }, 2);
      expect((await refused.post(first, '/refresh')).status).toBe(401);
      await site.kill(first);

      expect(await Promise.all(loginIds.map((loginId) => hasRow(loginId, 'lock')))).toEqual([
        false,
        false,
        false,
      ]);
      for (const visitor of [refreshed, failed]) {
        expect((await visitor.get(second, '/organizations')).status).toBe(200);
        expect((await visitor.post(second, '/refresh')).status).toBe(200);
      }
    },
  );

  it.each(storages)(
    'and never continues leaves nothing that works after a logout, and no use of a login that was replaced (storage: %s)',
    async (storage) => {
      const [first, second] = await start({ storage, people: 4 });
      const visitors = [];
      for (const person of [0, 1, 2, 3]) visitors.push(await freshVisitor(person, [first]));
      const [leaving, again, linking, switching] = visitors as [Visitor, Visitor, Visitor, Visitor];
      const ended = await Promise.all(visitors.map(loginIdOf));
      const copy = leaving.copy();
      expect((await leaving.post(first, '/logout')).status).toBe(204);
      await again.logIn(first, site.polar, emailOf(1));
      await linking.logIn(first, site.polar, emailOf(2), '/link/polar');
      expect((await switching.post(first, '/log-in-as-other')).status).toBe(204);
      await site.kill(first);

      const isEnded = await Promise.all(ended.map((loginId) => hasRow(loginId, 'tombstone')));
      expect(isEnded).toEqual([true, true, true, true]);
      expect((await copy.get(second, '/organizations')).status).toBe(401);
      for (const visitor of [again, linking])
        expect((await visitor.get(second, '/organizations')).status).toBe(200);
    },
  );

  it.each(storages)(
    'keeps what Polar responds after the time-out of a caller, if it continues (storage: %s)',
    async (storage) => {
      const [first, second] = await start({ storage, timeoutMs: 2000 });
      const visitor = await freshVisitor(0, [first]);
      site.polar.fail('token', { delayMs: 3000 });
      expect((await visitor.post(first, '/refresh')).body.code).toBe('timeout');
      // Polar's response waits in the socket meanwhile.
      await delay(2000);
      await until(async () => (await visitor.get(first, '/organizations')).status === 200);
      await until(async () => (await visitor.get(second, '/organizations')).status === 200);
      expect(site.refreshes.map(({ status }) => status)).toEqual([200]);
    },
  );

  it.each(storages)(
    'keeps tokens that it could not record at once, if it continues (storage: %s)',
    async (storage) => {
      const [first, second] = await start({ storage });
      const visitor = await freshVisitor(0, [first]);
      await fillUp(visitor, first);
      // Only the frozen process has the new tokens.
      for (let asked = 0; asked < 2; asked++)
        expect([401, 503]).toContain((await visitor.get(second, '/organizations')).status);
      await until(async () => (await visitor.get(first, '/organizations')).status === 200);
      await until(async () => (await visitor.get(second, '/organizations')).status === 200, 40_000);
    },
    90_000,
  );

  it.each(storages)(
    'revokes tokens that Polar could not revoke at once, if it continues (storage: %s)',
    async (storage) => {
      const [first, second] = await start({ storage });
      const visitor = await freshVisitor(0, [first]);
      const copy = visitor.copy();
      site.polar.fail('revoke', { status: 500 });
      expect((await visitor.post(first, '/logout')).status).toBe(204);
      expect((await copy.get(second, '/organizations')).status).toBe(401);
      expect(site.polar.liveTokens()).toHaveLength(1);
      await delay(2000);
      await until(async () => {
        await copy.get(first, '/login');
        return site.polar.liveTokens().length === 0;
      });
    },
  );

  it.each(storages)(
    'and never continues has left nothing behind if it awaited settled() before each response (storage: %s)',
    async (storage) => {
      const [first, second] = await start({ storage, people: 4, timeoutMs: 2000 }, 10_000);
      const visitors = [];
      for (const person of [0, 1, 2, 3]) visitors.push(await freshVisitor(person, [first]));
      const [late, unrecorded, leaving, again] = visitors as [Visitor, Visitor, Visitor, Visitor];
      const copy = leaving.copy();
      site.polar.fail('token', { delayMs: 3000 });
      expect((await late.post(first, '/refresh')).body.code).toBe('timeout');
      await fillUp(unrecorded, first, 3000);
      site.polar.fail('revoke', { status: 500 });
      expect((await leaving.post(first, '/logout')).status).toBe(204);
      await again.logIn(first, site.polar, emailOf(3));
      await site.kill(first);

      for (const visitor of [late, unrecorded, again])
        expect((await visitor.get(second, '/organizations')).status).toBe(200);
      expect((await copy.get(second, '/organizations')).status).toBe(401);
      expect(site.polar.liveTokens()).toHaveLength(3);
    },
  );

  /** A refresh while Redis accepts no writes: without an end, until the response, or for a while. */
  async function fillUp(visitor: Visitor, worker: WorkerProcess, forMs?: number): Promise<void> {
    const limit = (bytes: string) => site.storage.sendCommand('CONFIG', 'SET', 'maxmemory', bytes);
    await limit('1');
    const emptied = forMs === undefined ? undefined : delay(forMs).then(() => limit('0'));
    expect((await visitor.post(worker, '/refresh')).status).toBe(200);
    await (emptied ?? limit('0'));
  }

  async function freshVisitor(person: number, workers: readonly WorkerProcess[]): Promise<Visitor> {
    const visitor = new Visitor();
    await visitor.logIn(workers[person % workers.length] as WorkerProcess, site.polar, emailOf(person));
    return visitor;
  }

  async function loginIdOf(visitor: Visitor): Promise<string> {
    const { body } = await visitor.get(site.worker(1), '/login');
    return String(body.loginId);
  }

  async function hasRow(loginId: string, row: 'record' | 'tombstone' | 'lock'): Promise<boolean> {
    const id = rowIdOf(loginId, row);
    const keys = [`sess:${id}`, `polar:{${loginId}}:${id}`];
    return (await site.storage.sendCommand('EXISTS', ...keys)) === 1;
  }
});
