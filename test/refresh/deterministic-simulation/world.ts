/** One run of a scenario: several processes, a store, Polar, and checks of the promises. */
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { loginKeys } from '../../../src/storage/login-keys.js';
import { type Random, randomFrom } from './random.js';
import type { Happening, Scenario } from './scenario.js';
import { type Pair, refreshTokenOf, SimulatedPolar } from './simulated-polar.js';
import { loginId, type Outcome, SimulatedProcess } from './simulated-process.js';
import { SimulatedStore } from './simulated-store.js';
import { at, kill, resetTime, runUntil, stop, timeMs } from './virtual-time.js';

/** The result of a run. */
export interface Verdict {
  /** The broken promise; undefined if all hold. */
  readonly broken: string | undefined;
  readonly log: readonly string[];
  /** How often each outcome occurred. */
  readonly outcomes: Readonly<Record<string, number>>;
}

const slackMs = 150;
// The owner of the lock may be waiting for an exchange this long.
const listenMs = 125_000;
// 185 s of doubt after the first refusal, plus the time until a lock is stale.
const doubtEndsMs = 225_000;
// Tokens that could not be recorded are retried at least this often.
const rewriteMs = 4000;
const drainMs = 3 * 3_600_000;

class Broken extends Error {}

export class World {
  readonly scenario: Scenario;
  readonly polar: SimulatedPolar;
  readonly store: SimulatedStore;
  readonly processes: SimulatedProcess[] = [];
  readonly #incarnations: number[] = [];
  readonly #log: string[] = [];
  readonly #outcomes: Record<string, number> = {};
  readonly #traces: boolean;
  readonly #random: Random;
  readonly #keys = loginKeys(loginId);
  #broken: string | undefined;
  #isLoggedOut = false;
  #hasLostRows = false;
  #wasKilled = false;
  #lostRecordMs: number | undefined;
  /** Why the login may be lost. */
  #excuse: string | undefined;
  #lastIncidentMs = 0;

  constructor(scenario: Scenario, traces: boolean) {
    this.scenario = scenario;
    this.#traces = traces;
    this.#random = randomFrom(scenario.seed, 800);
    const log = (line: () => string): void => this.log(line);
    const changed = (): void => this.#checkReach('something changed');
    this.polar = new SimulatedPolar(scenario, { log, changed });
    const names = new Map([
      [this.#keys.record.id, 'record'],
      [this.#keys.tombstone.id, 'tombstone'],
      [this.#keys.lock.id, 'lock'],
    ]);
    this.store = new SimulatedStore(scenario, { log, changed, nameOf: (id) => names.get(id) ?? 'probe' });
  }

  log(line: () => string): void {
    if (this.#traces) this.#log.push(`${(timeMs() / 1000).toFixed(3).padStart(9)}  ${line()}`);
  }

  fail(what: string): void {
    this.#broken ??= what;
    this.log(() => `BROKEN: ${what}`);
  }

  /** No process receives the response that brings this pair. */
  lose(pair: Pair): void {
    this.log(() => `nobody hears of pair ${pair.n}`);
    pair.receiver = undefined;
    this.#checkReach('a response was not heard');
  }

  noteLogout(): void {
    this.#isLoggedOut = true;
  }

  noteDuration(process: SimulatedProcess, name: string, tookMs: number): void {
    if (tookMs > this.scenario.timeoutMs + slackMs)
      this.fail(`(d) ${process.name}: ${name} took ${Math.round(tookMs)} ms`);
  }

  noteEndOfLogin(process: SimulatedProcess, code: string): void {
    if (this.#isLoggedOut) return;
    if (code === 'logged_out') this.fail(`(b) ${process.name} is told logged_out, and nobody has logged out`);
    const pair = this.#reachable();
    if (pair !== undefined && !this.#isCutOff(pair))
      this.fail(`(b) ${process.name} is told ${code}, and pair ${pair.n} is live (${this.#holders(pair)})`);
  }

  /** A pair that Polar accepts and that is recorded, or that a process has or will receive. */
  #reachable(): Pair | undefined {
    const { pairs } = this.polar;
    for (let n = pairs.length - 1; n >= 0; n--) {
      const pair = pairs[n];
      if (pair === undefined || !this.polar.isLive(pair)) continue;
      // Every session has the tokens of the login.
      if (n === 0 || this.#isRecorded(pair)) return pair;
      if (this.processes.some((process) => process.has(pair))) return pair;
    }
    return undefined;
  }

  /**
   * Whether other processes cannot learn of a pair, because its only holder cannot reach the store or keeps it as a spare,
   * or because the record was lost a moment ago.
   */
  #isCutOff(pair: Pair): boolean {
    const recordedForMs = this.#isRecorded(pair) ? this.store.ageMs(this.#keys.record.id) : 0;
    if (recordedForMs > rewriteMs) return false;
    const holders = this.processes.filter((process) => process.has(pair));
    const isCutOff =
      this.#lostRecordMs !== undefined ||
      holders.every((process) => {
        // A holder that was also stopped records the pair when it runs again.
        const sinceMs = process.loop.stoppedMs > 0 ? pair.issuedAtMs - listenMs : timeMs() - rewriteMs;
        return process.isSpare(pair) || this.store.wasTroubled(process.index, sinceMs);
      });
    if (isCutOff) this.#count('excused login_expired');
    return isCutOff;
  }

  #isRecorded(pair: Pair): boolean {
    return this.store.look(this.#keys.record.id)?.value.includes(`"${refreshTokenOf(pair.n)}"`) ?? false;
  }

  #count(what: string): void {
    this.#outcomes[what] = (this.#outcomes[what] ?? 0) + 1;
  }

  #holders(pair: Pair): string {
    const who = this.processes.filter((process) => process.has(pair)).map(({ name }) => name);
    return [...who, ...(this.#isRecorded(pair) ? ['recorded'] : [])].join(', ');
  }

  /** Notes the event after which the login is lost. */
  #checkReach(why: string): void {
    if (this.#excuse !== undefined || this.polar.pairs.length === 0 || this.#reachable() !== undefined)
      return;
    this.#excuse = why;
    this.log(() => `the login is lost: ${why}`);
  }

  async run(): Promise<Verdict> {
    resetTime();
    const mathRandom = Math.random;
    Math.random = () => this.#random.fraction();
    const onMessage = (message: unknown): void => this.#noteDiagnostic(message as Record<string, unknown>);
    if (this.#traces) subscribe('passport-polar-sh:refresh', onMessage);
    try {
      await this.#run();
    } catch (error) {
      if (!(error instanceof Broken)) throw error;
    } finally {
      Math.random = mathRandom;
      if (this.#traces) unsubscribe('passport-polar-sh:refresh', onMessage);
      for (const { loop } of this.processes) kill(loop);
    }
    return { broken: this.#broken, log: this.#log, outcomes: this.#outcomes };
  }

  #noteDiagnostic({ event, error, generation }: Record<string, unknown>): void {
    this.log(
      () =>
        `   (${String(event)}${generation === undefined ? '' : ` ${String(generation)}`}${error === undefined ? '' : `: ${(error as Error).message.slice(0, 60)}`})`,
    );
  }

  async #run(): Promise<void> {
    const { processes, roundMs, rounds } = this.scenario;
    this.polar.issue(2000, 0, undefined);
    for (let index = 0; index < processes; index++) this.#startProcess(index);
    let baseMs = 0;
    for (let round = 0; round < rounds; round++) {
      for (const happening of this.scenario.happenings)
        if (happening.when.round === round) this.#schedule(happening, baseMs);
      await this.#runUntil(baseMs + roundMs + 2000);
      baseMs = Math.max(timeMs(), ...this.polar.pairs.map(({ expiresAtMs }) => expiresAtMs - 2000));
      if (round < rounds - 1) await this.#runUntil(baseMs);
    }
    await this.#calm();
    await this.#lastExpiry();
    await this.#end();
  }

  async #runUntil(untilMs: number): Promise<boolean> {
    const goesOn = await runUntil(untilMs);
    if (this.#broken !== undefined) throw new Broken();
    return goesOn;
  }

  #startProcess(index: number): void {
    const incarnation = this.#incarnations[index] ?? 0;
    this.#incarnations[index] = incarnation + 1;
    this.processes[index] = new SimulatedProcess(this, index, incarnation);
  }

  #processAt(index: number): SimulatedProcess {
    return this.processes[index % this.processes.length] as SimulatedProcess;
  }

  #schedule(happening: Happening, baseMs: number): void {
    at(baseMs + happening.when.atMs, () => {
      const { when } = happening;
      if (when.steps === undefined || !('process' in happening) || happening.process === undefined)
        this.#happen(happening);
      else this.#processAt(happening.process).afterSteps(when.steps, () => this.#happen(happening));
    });
  }

  #happen(happening: Happening): void {
    this.#noteIncident(timeMs());
    switch (happening.what) {
      case 'visit':
      case 'new tokens':
      case 'log out':
        this.#call(this.#processAt(happening.process), happening.what);
        break;
      case 'stop': {
        const process = this.#processAt(happening.process);
        this.log(() => `${process.name} is stopped for ${Math.round(happening.forMs)} ms`);
        this.#noteIncident(timeMs() + happening.forMs);
        stop(process.loop, happening.forMs);
        break;
      }
      case 'kill':
        this.#kill(happening.process, happening.downMs);
        break;
      case 'store trouble': {
        const { trouble, forMs, delayMs, process } = happening;
        const who = process === undefined ? 'everybody' : this.#processAt(process).name;
        this.log(() => `the store for ${who}: ${trouble} (for ${Math.round(forMs)} ms)`);
        const untilMs = timeMs() + forMs;
        this.#noteIncident(untilMs + delayMs);
        this.store.trouble({
          process: process === undefined ? undefined : process % this.processes.length,
          fromMs: timeMs(),
          untilMs,
          trouble,
          delayMs,
        });
        break;
      }
      case 'rows lost': {
        const { rows } = happening;
        this.log(() => `rows lost: ${rows}`);
        if (rows === 'record' || rows === 'all') this.#lostRecordMs = timeMs();
        this.#hasLostRows ||= rows === 'tombstone' || rows === 'all';
        const all = [this.#keys.record.id, this.#keys.lock.id, this.#keys.tombstone.id];
        this.store.lose(rows === 'all' ? all : [this.#keys[rows].id]);
      }
    }
  }

  #noteIncident(atMs: number): void {
    this.#lastIncidentMs = Math.max(this.#lastIncidentMs, atMs);
  }

  #kill(index: number, downMs: number): void {
    const process = this.#processAt(index);
    if (process.loop.isDead) return;
    this.log(() => `${process.name} is killed`);
    this.#wasKilled = true;
    kill(process.loop);
    this.#checkReach(`${process.name} was killed`);
    at(timeMs() + downMs, () => {
      this.#noteIncident(timeMs());
      this.#startProcess(process.index);
    });
  }

  #call(
    process: SimulatedProcess,
    what: 'visit' | 'new tokens' | 'log out',
    check: (outcome: Outcome) => void = () => {},
  ): void {
    if (process.loop.isDead) return;
    this.log(() => `${process.name}: ${what}`);
    process.call(what, (outcome) => {
      this.log(() => `${process.name}: ${what} -> ${outcome.result} ${outcome.accessToken ?? ''}`);
      this.#count(outcome.result);
      check(outcome);
    });
  }

  /** Ends all trouble; users go on visiting. */
  async #calm(): Promise<void> {
    this.log(() => '--- all is well from here on');
    this.store.recover();
    this.polar.recover();
    for (const process of this.processes) process.forgetTriggers();
    const fromMs = Math.max(timeMs(), this.#lastIncidentMs);
    const isPolarSilent = this.scenario.fates.some(
      ({ mishap, queuedMs, workMs }) => mishap || queuedMs + workMs > 1000,
    );
    const doubtEnds =
      fromMs + doubtEndsMs + (isPolarSilent ? listenMs : 0) + (this.#isVerySlow ? listenMs : 0);
    const endMs = doubtEnds + 25_000;
    for (let visit = timeMs() + 1000; visit < endMs; visit += visit < timeMs() + 40_000 ? 8000 : 25_000) {
      for (let index = 0; index < this.scenario.processes; index++)
        at(visit + this.#random.fraction() * 4000, () =>
          this.#call(this.#processAt(index), 'visit', (outcome) => {
            if (timeMs() >= doubtEnds) this.#expectCertainty(index, outcome);
          }),
        );
    }
    await this.#runUntil(endMs + 30_000);
  }

  #expectCertainty(index: number, { result }: Outcome): void {
    if (result === 'ok' || result === 'login_expired' || result === 'logged_out') return;
    // A logout elsewhere has revoked it; this process learns that within a minute.
    if (result === '401' && this.#isLoggedOut) return;
    this.fail(`(f) ${this.processes[index]?.name} is still told ${result}`);
  }

  /** Tokens expire once more, and all users come at once. */
  async #lastExpiry(): Promise<void> {
    const atMs = Math.max(timeMs(), ...this.polar.pairs.map(({ expiresAtMs }) => expiresAtMs + 1));
    await this.#runUntil(atMs + 61_000);
    const exchangesBefore = this.polar.exchanges;
    const mustWork = !this.#isLoggedOut && this.#reachable() !== undefined;
    this.log(
      () => `--- the last expiry${mustWork ? '' : `; the login is lost: ${this.#excuse ?? 'logged out'}`}`,
    );
    if (!mustWork && !this.#isLoggedOut && this.#excuse === undefined) this.fail('(a) the login is lost');
    for (const wait of [0, 15_000, 35_000, 95_000, 200_000])
      for (let index = 0; index < this.scenario.processes; index++)
        at(timeMs() + wait + this.#random.fraction() * 500, () =>
          this.#call(this.#processAt(index), 'visit', (outcome) => {
            const name = this.processes[index]?.name;
            const isLate = wait > (this.#isVerySlow ? 95_000 : 0) || !this.#mayBeSlow();
            if (mustWork && outcome.result !== 'ok' && (isLate || outcome.result !== 'timeout'))
              this.fail(`(a) ${name} is told ${outcome.result} in the end`);
            else if (this.#isEndRecorded() && !this.#hasLostRows && outcome.result !== 'logged_out')
              this.fail(`(c) ${name} is told ${outcome.result} after a logout`);
          }),
        );
    await this.#runUntil(timeMs() + 215_000);
    const exchanges = this.polar.exchanges - exchangesBefore;
    if (mustWork && exchanges !== 1 && this.scenario.lagMs === 0)
      this.fail(`(e) ${exchanges} exchanges at the last expiry`);
  }

  /** A read may be older than the one before it, so taking the lock may need several attempts. */
  get #isVerySlow(): boolean {
    const { lagMs, store, storeMs } = this.scenario;
    return storeMs > 500 || (store === 'session store' && lagMs > 100);
  }

  /** A process may have left a lock behind, which becomes stale only while another one observes it. */
  #mayBeSlow(): boolean {
    const { happenings, lagMs, storeMs } = this.scenario;
    const isSlow = storeMs > 100 || lagMs > 0;
    return isSlow || happenings.some(({ what }) => ['stop', 'kill', 'store trouble'].includes(what));
  }

  #isEndRecorded(): boolean {
    return this.store.look(this.#keys.tombstone.id) !== undefined;
  }

  async #end(): Promise<void> {
    this.#checkRecord();
    for (const process of this.processes)
      process.settle(10_000, (left) => {
        if (left > 0) this.fail(`(g) ${process.name} leaves ${left} behind`);
      });
    await this.#runUntil(timeMs() + 10_000);
    if (await this.#runUntil(timeMs() + drainMs)) this.fail('(g) something goes on for ever');
    if (this.processes.some(({ openCalls }) => openCalls > 0)) this.fail('(d) a call never ended');
    this.#checkEnd();
    if (this.#broken !== undefined) throw new Broken();
  }

  #checkRecord(): void {
    if (this.#isLoggedOut || this.#excuse !== undefined) return;
    const recorded = this.store.look(this.#keys.record.id)?.version ?? 0;
    for (const { generation, name } of this.processes)
      if ((generation ?? 0) > recorded)
        this.fail(`(h) ${name} knows generation ${generation}, and ${recorded} is recorded`);
  }

  /** Whether nothing goes wrong: then no process refreshes tokens that another one is refreshing. */
  get #isOrderly(): boolean {
    const { fates, happenings, lagMs } = this.scenario;
    return (
      lagMs === 0 &&
      fates.every(({ mishap }) => mishap === undefined) &&
      happenings.every(({ what }) => ['visit', 'new tokens'].includes(what))
    );
  }

  #checkEnd(): void {
    if (this.#isOrderly && this.polar.mostOpenExchanges > 1)
      this.fail(`(e) ${this.polar.mostOpenExchanges} exchanges at once`);
    const live = this.polar.pairs.filter((pair) => this.polar.isLive(pair));
    const excused =
      this.#wasKilled ||
      this.#hasLostRows ||
      this.polar.pairs.some(({ receiver, n }) => n > 0 && receiver === undefined);
    if (this.#isLoggedOut && !excused && !this.#isEndRecorded())
      this.fail('(c) the end of the login is not recorded');
    if (this.#isLoggedOut && !excused && live.length > 0)
      this.fail(`(c) pairs ${live.map(({ n }) => n).join(', ')} are live after a logout`);
    if (!this.#isLoggedOut && !excused && live.length > 1)
      this.fail(`(c) pairs ${live.map(({ n }) => n).join(', ')} are live in the end`);
  }
}

/** Runs a scenario once. */
export function runScenario(scenario: Scenario, traces = false): Promise<Verdict> {
  return new World(scenario, traces).run();
}
