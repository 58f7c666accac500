/** A day in the life of an app: every hour all tokens expire, and now and then a process dies in the middle of it. */
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, describe, expect, it } from '@jest/globals';
import type { PolarEmulatorRequest } from 'passport-polar-sh/emulator';
import { hasRedis } from '../support/redis-server.js';
import { killAnOwner, type RefreshPhase, refreshesUnderWay } from './kill-an-owner.js';
import { Measured } from './measured.js';
import { seededRandom } from './random.js';
import { countOf, doubtSeconds, emailOf, isInDoubt, Site } from './site.js';
import { type Answered, Visitor } from './visitor.js';
import type { WorkerProcess } from './worker-process.js';

const hours = 24;
const people = 20;
const killsInADay = 6;

interface Person {
  readonly visitor: Visitor;
  readonly email: string;
  loginId: string;
  /** Two tabs, each at the process that the load balancer chose for it. */
  tabs: readonly WorkerProcess[];
}

(hasRedis ? describe : describe.skip)('24 hours of storms', () => {
  const measured = new Measured();
  const random = seededRandom();
  let site: Site;
  afterAll(async () => {
    await site?.close();
    measured.print();
  });

  it('cost a login only where a process died between the answer of Polar and the record', async () => {
    measured.add('seed (STORM_SEED)', random.seed);
    site = await Site.start({
      workers: 4,
      storage: 'redis',
      people,
      // So that those who had to log in again take part in the next hour's storm.
      loginTokenSeconds: 3600,
      // A lock that a dead owner left behind is taken over after the time-out and three seconds.
      timeoutMs: 1000,
      // Time in which to be killed: as owner of the lock, while Polar answers, before the answer is recorded.
      pauses: { afterLockMs: 20, beforeRecordMs: 60 },
    });
    const crowd: Person[] = [];
    for (let index = 0; index < people; index++) crowd.push(await newPerson(index));
    const killHours = new Set(random.some([...Array(hours).keys()], killsInADay));
    const phases: RefreshPhase[] = [];
    const losses: ('never arrived' | 'not recorded')[] = [];
    const statuses: number[] = [];
    let resets = 0;
    let kills = 0;

    for (let hour = 0; hour < hours; hour++) {
      await site.advanceTime(3600);
      for (const person of crowd) person.tabs = random.some(site.workers, 2);
      const ownerOf = new Map(site.polar.liveTokens().map(({ refreshToken, user }) => [refreshToken, user]));
      const recordedBefore = await recordedGenerations(crowd);
      const requestsBefore = site.refreshes.length;
      const workers = [...site.workers];
      for (const worker of workers) worker.news.length = 0;
      site.polar.fail('token', { delayMs: 40 }, 1000);

      const kill = killHours.has(hour) ? killAnOwner(site, random) : undefined;
      const storms = await Promise.all(crowd.map(storm));
      const victim = await kill?.();
      site.polar.heal();
      for (const { answers, resets: again } of storms) {
        statuses.push(...answers.map(({ status }) => status));
        resets += again;
      }

      // Nobody is left waiting: what a dead process had locked is taken over, and what is under way arrives.
      const found = await Promise.all(
        crowd.map(({ visitor }) => Promise.all(site.workers.map((worker) => patientToken(visitor, worker)))),
      );

      // The truth: what Polar granted, and what of it was recorded.
      const grants = site.refreshes.slice(requestsBefore).filter(({ status }) => status === 200);
      const tokenOf = ({ form }: PolarEmulatorRequest): string => String(form['refresh_token']);
      const grantsOf = ({ email }: Person): PolarEmulatorRequest[] =>
        grants.filter((grant) => ownerOf.get(tokenOf(grant)) === email);
      const recorded = await recordedGenerations(crowd);
      const lost = crowd.filter(
        (person, index) => grantsOf(person).length > Number(recorded[index]) - Number(recordedBefore[index]),
      );
      // Nobody is told that a login has ended, as long as somebody may have its tokens.
      expect(storms.flatMap(({ answers }) => answers.filter(({ status }) => status === 401))).toEqual([]);

      // Each loss has its reason: no process got the answer, or the one that did is dead.
      for (const person of lost) {
        expect(grantsOf(person)).toHaveLength(1);
        const token = grantsOf(person).map(tokenOf)[0];
        const receivers = workers.filter(({ news }) =>
          news.some((piece) => piece.news === 'moment' && piece.moment === 'answered' && piece.of === token),
        );
        expect(receivers.filter((worker) => worker !== victim)).toEqual([]);
        losses.push(receivers.length === 0 ? 'never arrived' : 'not recorded');
      }

      // And the processes agree: every other login has, in all of them, the tokens that are alive at Polar.
      const live = new Map(site.polar.liveTokens().map(({ accessToken, user }) => [user, accessToken]));
      for (const [index, person] of crowd.entries()) {
        const expected = lost.includes(person) ? 'server_error' : live.get(person.email);
        expect(countOf((found[index] ?? []).map(({ body }) => body.accessToken ?? body.code))).toEqual({
          [String(expected)]: site.workers.length,
        });
      }
      // A lost one has ended once no response can be under way any more.
      if (lost.length > 0) await site.advanceTime(doubtSeconds);
      for (const { visitor } of lost) {
        const over = await Promise.all(site.workers.map((worker) => patientToken(visitor, worker)));
        expect(countOf(over.map(({ body }) => body.code))).toEqual({ login_expired: site.workers.length });
      }

      if (victim !== undefined) {
        kills++;
        const loginIdOf = (token: string) => crowd.find(({ email }) => email === ownerOf.get(token))?.loginId;
        phases.push(...refreshesUnderWay(victim, loginIdOf).values());
        await site.addWorker();
      }
      for (const person of lost) await logIn(person);
    }

    measured.add('requests by status', countOf(statuses));
    measured.add('requests cut off by a kill, and sent again', resets);
    const granted = site.refreshes.filter(({ status }) => status === 200).length;
    measured.add('refreshes that Polar granted', granted);
    measured.add('processes killed while they owned a lock', kills);
    measured.add('refreshes they died in, by how far those were', countOf(phases));
    measured.add(
      'logins lost: the answer never arrived',
      losses.filter((why) => why === 'never arrived').length,
    );
    measured.add(
      'logins lost: died before recording it',
      losses.filter((why) => why === 'not recorded').length,
    );
    expect(granted).toBe(people * hours);
    expect(kills).toBe(killsInADay);
    expect(phases.length).toBeGreaterThan(0);
  }, 300_000);

  async function newPerson(index: number): Promise<Person> {
    const person = { visitor: new Visitor(), email: emailOf(index), loginId: '', tabs: [] };
    await logIn(person);
    return person;
  }

  async function logIn(person: Person): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      try {
        await person.visitor.logIn(random.pick(site.workers), site.polar, person.email);
        break;
      } catch (error) {
        // On a busy machine the exchange of a code can take longer than the short time-out that suits the rest.
        if (attempt === 5) throw error;
        site.polar.revokeAll(person.email);
      }
    }
    person.loginId = await loginIdOf(person.visitor);
  }

  async function loginIdOf(visitor: Visitor): Promise<string> {
    return (await visitor.get(random.pick(site.workers), '/login')).body.loginId ?? '';
  }

  /** Requests for tokens, writes of the session and stale writes of it, in no order. */
  async function storm({ tabs, visitor }: Person): Promise<{ answers: Answered[]; resets: number }> {
    let resets = 0;
    const send = async (
      ask: (worker: WorkerProcess) => Promise<Answered>,
      afterMs: number,
    ): Promise<Answered> => {
      await delay(afterMs);
      for (;;) {
        const upright = tabs.filter(({ isAlive }) => isAlive);
        const worker = random.pick(upright.length > 0 ? upright : site.workers);
        try {
          return await ask(worker);
        } catch (error) {
          // As a load balancer does: one that is dead gets no more, and what it had goes to another.
          if (worker.isAlive) throw error;
          resets++;
        }
      }
    };
    const answers = await Promise.all([
      ...Array.from({ length: 5 }, () => send((worker) => visitor.token(worker), random.below(100))),
      ...Array.from({ length: 2 }, () => send((worker) => visitor.post(worker, '/touch'), random.below(100))),
      send((worker) => visitor.post(worker, `/touch?afterMs=${random.index(150)}`), 0),
    ]);
    return { answers, resets };
  }

  /** A token, or why there is none; what passes in seconds is waited for. */
  async function patientToken(visitor: Visitor, worker: WorkerProcess): Promise<Answered> {
    const giveUpAt = performance.now() + 30_000;
    for (;;) {
      const answer = await visitor.token(worker);
      const isSettled = answer.status < 500 || isInDoubt(answer);
      if (isSettled || performance.now() > giveUpAt) return answer;
      await delay(100);
    }
  }

  /** What the records say, from outside: how many refreshes of each login are recorded. */
  function recordedGenerations(crowd: readonly Person[]): Promise<number[]> {
    return Promise.all(crowd.map(({ loginId }) => site.recordedGeneration(loginId)));
  }
});
