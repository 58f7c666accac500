/** A day in the life of an app: every hour all tokens expire, and now and then a process crashes during a refresh. */
import { setTimeout as delay } from 'node:timers/promises';
import { expect, it } from '@jest/globals';
import type { PolarEmulatorRequest } from 'passport-polar-sh/emulator';
import { killAnOwner, type RefreshPhase, refreshesUnderWay } from './kill-an-owner.js';
import { seededRandom } from './random.js';
import { countOf, doubtSeconds, emailOf, isInDoubt, type Site } from './site.js';
import { describeStorm } from './suite.js';
import { type Answered, Visitor } from './visitor.js';
import type { WorkerProcess } from './worker-process.js';

const hours = 24;
const people = 20;
const killsInADay = 6;

interface Person {
  readonly visitor: Visitor;
  readonly email: string;
  loginId: string;
  /** Two tabs, each at the process that the load balancer has chosen for it. */
  tabs: readonly WorkerProcess[];
}

describeStorm('24 hours with a storm of requests every hour', ({ measured, startSite }) => {
  const random = seededRandom();
  let site: Site;

  it('cost a login only if a process crashed between Polar’s response and the record', async () => {
    measured.add('seed (STORM_SEED)', random.seed);
    site = await startSite({
      workers: 4,
      storage: 'redis',
      people,
      // So that users who had to log in again take part in the next storm.
      loginTokenSeconds: 3600,
      // The lock of a dead owner is taken over after the time-out and three seconds.
      timeoutMs: 1000,
      // Time to be killed in: as owner of the lock, while Polar responds, before the response is recorded.
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

      // Nobody keeps waiting: the locks of dead processes are taken over, and pending responses arrive.
      const found = await Promise.all(
        crowd.map(({ visitor }) => Promise.all(site.workers.map((worker) => patientToken(visitor, worker)))),
      );

      // The facts: what Polar granted, and how much of it was recorded.
      const grants = site.refreshes.slice(requestsBefore).filter(({ status }) => status === 200);
      const tokenOf = ({ form }: PolarEmulatorRequest): string => String(form['refresh_token']);
      const grantsOf = ({ email }: Person): PolarEmulatorRequest[] =>
        grants.filter((grant) => ownerOf.get(tokenOf(grant)) === email);
      const recorded = await recordedGenerations(crowd);
      const lost = crowd.filter(
        (person, index) => grantsOf(person).length > Number(recorded[index]) - Number(recordedBefore[index]),
      );
      // No login is reported as ended while some process may have its tokens.
      expect(storms.flatMap(({ answers }) => answers.filter(({ status }) => status === 401))).toEqual([]);

      // Each loss has a reason: no process received the response, or the one that did is dead.
      for (const person of lost) {
        expect(grantsOf(person)).toHaveLength(1);
        const token = grantsOf(person).map(tokenOf)[0];
        const receivers = workers.filter(({ news }) =>
          news.some((piece) => piece.news === 'moment' && piece.moment === 'answered' && piece.of === token),
        );
        expect(receivers.filter((worker) => worker !== victim)).toEqual([]);
        losses.push(receivers.length === 0 ? 'never arrived' : 'not recorded');
      }

      // The processes agree: every other login has the tokens that live at Polar in all of them.
      const live = new Map(site.polar.liveTokens().map(({ accessToken, user }) => [user, accessToken]));
      for (const [index, person] of crowd.entries()) {
        const expected = lost.includes(person) ? 'server_error' : live.get(person.email);
        expect(countOf((found[index] ?? []).map(({ body }) => body.accessToken ?? body.code))).toEqual({
          [String(expected)]: site.workers.length,
        });
      }
      // A lost login has ended once no response can be under way any more.
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
        // On a busy machine the exchange of a code can exceed the short time-out.
        if (attempt === 5) throw error;
        site.polar.revokeAll(person.email);
      }
    }
    person.loginId = await loginIdOf(person.visitor);
  }

  async function loginIdOf(visitor: Visitor): Promise<string> {
    return (await visitor.get(random.pick(site.workers), '/login')).body.loginId ?? '';
  }

  /** Requests for tokens, writes of the session and stale writes, in random order. */
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
          // Like a load balancer: a dead process gets no more requests, and its own go to another one.
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

  /** A token, or the reason why there is none; waits for what passes in seconds. */
  async function patientToken(visitor: Visitor, worker: WorkerProcess): Promise<Answered> {
    const giveUpAt = performance.now() + 30_000;
    for (;;) {
      const answer = await visitor.token(worker);
      const isSettled = answer.status < 500 || isInDoubt(answer);
      if (isSettled || performance.now() > giveUpAt) return answer;
      await delay(100);
    }
  }

  /** How many refreshes of each login the records show. */
  function recordedGenerations(crowd: readonly Person[]): Promise<number[]> {
    return Promise.all(crowd.map(({ loginId }) => site.recordedGeneration(loginId)));
  }
});
