/** Users log out during storms: afterwards their logins work in no process, and no tokens are left at Polar. */
import { setTimeout as delay } from 'node:timers/promises';
import { expect, it } from '@jest/globals';
import { onABadDay } from '../support/polars.js';
import { seededRandom } from './random.js';
import { countOf, loginLife, type Site, type SiteOptions, until } from './site.js';
import { describeStorm } from './suite.js';
import type { Answered, Visitor } from './visitor.js';

const people = 50;

describeStorm('logouts during storms of requests', ({ measured, startSite }) => {
  const random = seededRandom();
  measured.add('seed (STORM_SEED)', random.seed);
  let site: Site;

  const ways: [string, number, Omit<SiteOptions, 'workers'>][] = [
    ['with a storage in Redis', 10, { storage: 'redis' }],
    ['with the session store alone', 10, { storage: 'session' }],
    ['with a storage in Redis, on a bad day of Polar', 2, { storage: 'redis', emulator: onABadDay }],
    ['with the session store alone, on a bad day of Polar', 2, { storage: 'session', emulator: onABadDay }],
  ];
  it.each(ways)(
    'leave nothing that works: %s, 50 logouts at a time, %d times',
    async (way, rounds, options) => {
      site = await startSite({ workers: 3, people, ...options });
      // A well-behaved Polar has revoked everything at the end of a logout; on a bad day it is asked again later.
      const isTidy = options.emulator === undefined;
      const nothingLives = async () => {
        await until(() => site.polar.liveTokens().length === 0, isTidy ? 0 : 20_000);
        await site.polar.settled();
      };
      const statuses: number[] = [];
      let logouts = 0;
      let resurrected = 0;
      let deadTokens = 0;
      for (let round = 0; round < rounds; round++) {
        const crowd = await Promise.all(Array.from({ length: people }, (_, person) => site.visitor(person)));
        await site.advanceTime(loginLife);
        site.polar.fail('token', { delayMs: 30 }, 1000);
        const storms = await Promise.all(crowd.map(stormWithLogout));
        site.polar.heal();
        for (const { asked, loggedOut } of storms) {
          statuses.push(...asked.map(({ status }) => status));
          expect(loggedOut.status).toBe(204);
          logouts++;
        }
        // Polar has no tokens of these logins left.
        await nothingLives();
        // Even sessions that a stale write brought back give access to nothing, in any process.
        const after = await Promise.all(crowd.map(lookAround));
        resurrected += after.filter(({ isBack }) => isBack).length;
        deadTokens += after.flatMap(({ handedOut }) => handedOut).filter(Boolean).length;
        await nothingLives();
      }
      measured.add(`${way}: logouts`, logouts);
      measured.add(`${way}: requests by status`, countOf(statuses));
      measured.add(`${way}: refreshes by status`, countOf(site.refreshes.map(({ status }) => status)));
      measured.add(`${way}: sessions that a stale write brought back`, resurrected);
      measured.add(`${way}: tokens handed out from memory that Polar has revoked`, deadTokens);
      expect(logouts).toBe(rounds * people);
      if (isTidy) expect(resurrected).toBeGreaterThan(0);
      expect(
        Object.keys(countOf(statuses)).filter((status) => !['200', '204', '401'].includes(status)),
      ).toEqual([]);
    },
    120_000,
  );

  async function stormWithLogout(visitor: Visitor): Promise<{ asked: Answered[]; loggedOut: Answered }> {
    const inAMoment = async (send: () => Promise<Answered>, withinMs: number): Promise<Answered> => {
      await delay(random.below(withinMs));
      return send();
    };
    // The logout deletes the cookie; simultaneous requests still have it.
    const other = visitor.copy();
    const [loggedOut, ...asked] = await Promise.all([
      inAMoment(() => visitor.copy().post(random.pick(site.workers), '/logout'), 100),
      other.post(random.pick(site.workers), `/touch?afterMs=${50 + random.index(150)}`),
      ...Array.from({ length: 4 }, () => inAMoment(() => other.token(random.pick(site.workers)), 80)),
    ]);
    return { asked, loggedOut };
  }

  /** Tries what a session still gives access to, in every process. */
  async function lookAround(visitor: Visitor): Promise<{ isBack: boolean; handedOut: boolean[] }> {
    const isBack = Number(await site.sessions.sendCommand('EXISTS', visitor.sessionKey)) === 1;
    const handedOut = site.workers.map(async (worker) => {
      const { status } = await visitor.copy().token(worker);
      if (status === 401) return false;
      // A cached token, which no longer works at Polar. Its refusal tells this process of the logout.
      expect(status).toBe(200);
      expect((await visitor.copy().get(worker, '/organizations')).status).toBe(401);
      expect((await visitor.copy().token(worker)).status).toBe(401);
      return true;
    });
    return { isBack, handedOut: await Promise.all(handedOut) };
  }
});
