/** A simulated Polar: it commits after it has responded, and serializes simultaneous refreshes of one token. */

import type { PolarOAuthError, PolarTransientError } from '../../../src/errors.js';
import { invalidGrant, transient } from '../support/polar-errors.js';
import { type Fate, quickFate, type Scenario } from './scenario.js';
import type { SimulatedProcess } from './simulated-process.js';
import { arriveAt, at, timeMs } from './virtual-time.js';

/** A pair of tokens. */
export interface Pair {
  readonly n: number;
  readonly issuedAtMs: number;
  /** The time from which Polar knows it. */
  visibleFromMs: number;
  revokedAtMs: number;
  readonly expiresAtMs: number;
  /** It is being exchanged, and that is not committed yet. */
  isBeingExchanged: boolean;
  /** The process that it is sent to; undefined once it is certain never to arrive. */
  receiver: SimulatedProcess | undefined;
  hasArrived: boolean;
  /** How often it was sent to be exchanged. */
  exchanges: number;
}

/** What Polar's token endpoint grants: the process adds the lifetime to its own clock. */
export interface Granted {
  readonly pair: Pair;
  readonly expiresInMs: number;
}

export const accessTokenOf = (n: number): string => `access-${n}`;
export const refreshTokenOf = (n: number): string => `refresh-${n}`;
const numberOf = (token: string): number => Number(token.split('-')[1]);

const wayMs = 10;
const apiMs = 30;
const revokeCommitLagMs = 300;

export class SimulatedPolar {
  readonly pairs: Pair[] = [];
  readonly #scenario: Scenario;
  readonly #log: (line: () => string) => void;
  readonly #changed: () => void;
  #fates: Fate[];
  /** Exchanges of the login that are under way now, and the most there ever were. */
  openExchanges = 0;
  mostOpenExchanges = 0;
  exchanges = 0;
  revokeFails = false;

  constructor(scenario: Scenario, parts: { log: (line: () => string) => void; changed: () => void }) {
    this.#scenario = scenario;
    this.#fates = [...scenario.fates];
    this.#log = parts.log;
    this.#changed = parts.changed;
  }

  /** From now on everything is quick. */
  recover(): void {
    this.#fates = [];
  }

  issue(lifetimeMs: number, visibleFromMs: number, receiver: SimulatedProcess | undefined): Pair {
    const pair: Pair = {
      n: this.pairs.length,
      issuedAtMs: timeMs(),
      visibleFromMs,
      revokedAtMs: Number.POSITIVE_INFINITY,
      expiresAtMs: timeMs() + lifetimeMs,
      isBeingExchanged: false,
      receiver,
      hasArrived: false,
      exchanges: 0,
    };
    this.pairs.push(pair);
    return pair;
  }

  /** Whether Polar accepts the refresh token, now or after its commit. */
  isLive(pair: Pair): boolean {
    return pair.revokedAtMs === Number.POSITIVE_INFINITY && !pair.isBeingExchanged;
  }

  acceptsNow(accessToken: string): boolean {
    const pair = this.pairs[numberOf(accessToken)];
    const now = timeMs();
    return (
      pair !== undefined && now >= pair.visibleFromMs && now < pair.revokedAtMs && now < pair.expiresAtMs
    );
  }

  /** A call to the API. */
  call(process: SimulatedProcess, accessToken: string): Promise<boolean> {
    return new Promise((resolve) => {
      process.step();
      at(timeMs() + wayMs, () => {
        const accepted = this.acceptsNow(accessToken);
        this.#log(() => `${process.name} calls the API with ${accessToken}: ${accepted ? 200 : 401}`);
        arriveAt(timeMs() + apiMs, process.loop, () => {
          process.step();
          resolve(accepted);
        });
      });
    });
  }

  revoke(process: SimulatedProcess, token: string): Promise<void> {
    return new Promise((resolve) => {
      process.step();
      at(timeMs() + wayMs, () => {
        const pair = this.pairs[numberOf(token)];
        const isKnown = pair !== undefined && timeMs() >= pair.visibleFromMs;
        this.#log(
          () => `${process.name} revokes ${token}${isKnown ? '' : ', which Polar does not know yet'}`,
        );
        if (isKnown)
          at(timeMs() + revokeCommitLagMs, () => {
            pair.revokedAtMs = Math.min(pair.revokedAtMs, timeMs());
          });
        arriveAt(timeMs() + apiMs, process.loop, () => {
          process.step();
          resolve();
        });
      });
    });
  }

  /** `POST /v1/oauth2/token` with `grant_type=refresh_token`. */
  exchange(process: SimulatedProcess, refreshToken: string): Promise<Granted> {
    const fate = this.#fates.shift() ?? quickFate;
    const { loop, name } = process;
    const number = ++this.exchanges;
    process.step();
    this.#log(() => `${name} sends ${refreshToken} (exchange ${number})`);
    this.openExchanges++;
    this.mostOpenExchanges = Math.max(this.mostOpenExchanges, this.openExchanges);
    return new Promise((resolve, reject) => {
      const arrive = (atMs: number, what: string, settle: () => void): void => {
        arriveAt(atMs, loop, () => {
          this.openExchanges--;
          process.step();
          this.#log(() => `${name} receives ${what} (exchange ${number})`);
          settle();
        });
      };
      const fail = (atMs: number, error: PolarOAuthError | PolarTransientError): void =>
        arrive(atMs, error.code, () => reject(error));
      const arrivesAt = timeMs() + wayMs + fate.queuedMs;

      if (fate.mishap === 'request lost') return fail(arrivesAt, transient('network_error'));
      if (fate.mishap === 'unheard gateway') return fail(arrivesAt, transient('server_error'));
      at(arrivesAt, () => {
        const old = this.pairs[numberOf(refreshToken)];
        const now = timeMs();
        if (old === undefined || now < old.visibleFromMs || now >= old.revokedAtMs) {
          this.#log(() => `Polar refuses ${refreshToken} of ${name} (exchange ${number})`);
          return this.#respondToLoser(fate, now + Math.min(fate.workMs, 30_000), fail, invalidGrant());
        }
        old.exchanges++;
        const isLoser = old.isBeingExchanged;
        const workMs = isLoser ? fate.loserWaitMs : fate.workMs;
        if (isLoser && fate.ifLoser !== '200') {
          const error = fate.ifLoser === '400' ? invalidGrant() : transient('server_error');
          return this.#respondToLoser(fate, now + workMs, fail, error);
        }
        const respondsAt = now + workMs;
        const commitsAt = fate.commitLagMs < 0 ? now + 5 : respondsAt + fate.commitLagMs;
        const pair = this.issue(this.#scenario.lifetimeMs, commitsAt, process);
        old.isBeingExchanged = true;
        this.#log(() => `Polar issues pair ${pair.n} for ${refreshToken} of ${name} (exchange ${number})`);
        at(commitsAt, () => {
          this.#log(() => `Polar commits pair ${pair.n}`);
          old.isBeingExchanged = false;
          old.revokedAtMs = Math.min(old.revokedAtMs, timeMs());
        });
        const lose = (): void => {
          pair.receiver = undefined;
          this.#changed();
        };
        switch (fate.mishap) {
          case 'response lost':
            lose();
            return fail(respondsAt, transient('network_error'));
          case 'gateway':
            lose();
            return fail(respondsAt, transient('server_error'));
          case 'silence':
            lose();
            at(respondsAt, () => this.openExchanges--);
            return;
        }
        arrive(respondsAt, `pair ${pair.n}`, () => {
          pair.hasArrived = true;
          resolve({ pair, expiresInMs: this.#scenario.lifetimeMs });
        });
      });
    });
  }

  #respondToLoser(
    { mishap }: Fate,
    atMs: number,
    fail: (atMs: number, error: PolarOAuthError | PolarTransientError) => void,
    error: PolarOAuthError | PolarTransientError,
  ): void {
    if (mishap === 'silence') at(atMs, () => this.openExchanges--);
    else if (mishap === 'response lost') fail(atMs, transient('network_error'));
    else if (mishap === 'gateway') fail(atMs, transient('server_error'));
    else fail(atMs, error);
  }
}
