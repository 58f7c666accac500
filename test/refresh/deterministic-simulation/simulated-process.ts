/** One process of the app: a real TokenRefresher, and the users that make requests of it. */

import { BackgroundWork } from '../../../src/async/background-work.js';
import { within } from '../../../src/async/within.js';
import { PolarLoginRequiredError, PolarTransientError } from '../../../src/errors.js';
import { revokeAtPolar } from '../../../src/logins/revoke-at-polar.js';
import { TokenRefresher } from '../../../src/refresh/token-refresher.js';
import { GuardedStorage } from '../../../src/storage/guarded-storage.js';
import type { LoginHandle } from '../../../src/tokens/token-record.js';
import type { TokenSet } from '../../../src/tokens/token-set.js';
import { plainSealer } from '../support/plain-sealer.js';
import { accessTokenOf, type Pair, refreshTokenOf } from './simulated-polar.js';
import { arriveAt, EventLoop, timeMs } from './virtual-time.js';
import type { World } from './world.js';

export const startTime = Date.UTC(2026, 0, 1);
const listenMs = 120_000;
const storeTimeoutMs = 3000;
export const loginId = '0123456789abcdef0123456789abcdef';

export function tokensOf(pair: Pair, nowMs: number, lifetimeMs: number): TokenSet {
  return {
    accessToken: accessTokenOf(pair.n),
    refreshToken: refreshTokenOf(pair.n),
    expiresAt: nowMs + lifetimeMs,
    scopes: ['openid'],
  };
}

/** The outcome of a call by a user. */
export interface Outcome {
  readonly what: string;
  /** `ok` with the token, the code of an error, or `401` if the API refused every token that was tried. */
  readonly result: string;
  readonly accepted: boolean;
  readonly accessToken?: string;
}

interface StepTrigger {
  left: number;
  readonly run: () => void;
}

export class SimulatedProcess {
  readonly loop: EventLoop;
  readonly name: string;
  readonly background = new BackgroundWork(Number.POSITIVE_INFINITY);
  readonly #triggers: StepTrigger[] = [];
  readonly #world: World;
  #refresher: TokenRefresher | undefined;
  #login: LoginHandle | undefined;
  /** Calls that have not settled yet. */
  openCalls = 0;
  /** Revocations that it has to make and that Polar has not received yet. */
  openRevocations = 0;

  constructor(
    world: World,
    readonly index: number,
    incarnation: number,
  ) {
    this.#world = world;
    this.name = 'ABCD'[index] + (incarnation > 0 ? String(incarnation + 1) : '');
    this.loop = new EventLoop(1000 * (index + 1));
    arriveAt(timeMs(), this.loop, () => this.#start());
  }

  get refresher(): TokenRefresher | undefined {
    return this.#refresher;
  }

  readonly now = (): number => startTime + timeMs() + (this.#world.scenario.clocksMs[this.index] ?? 0);

  /** Counts messages that are sent and received, since scenarios refer to them. */
  step(): void {
    for (const trigger of [...this.#triggers])
      if (--trigger.left <= 0) {
        this.#triggers.splice(this.#triggers.indexOf(trigger), 1);
        trigger.run();
      }
  }

  afterSteps(steps: number, run: () => void): void {
    this.#triggers.push({ left: steps, run });
  }

  /** Cancels everything that was still to happen to it. */
  forgetTriggers(): void {
    this.#triggers.length = 0;
  }

  #start(): void {
    const { polar, scenario, store } = this.#world;
    const storage = new GuardedStorage(store.storageFor(this), Math.min(scenario.timeoutMs, storeTimeoutMs));
    const client = {
      isPublic: false,
      discover: async () => ({ revocationEndpoint: 'https://polar.example/revoke' }),
      revoke: (token: string) => this.#revoke(token),
    };
    this.#refresher = new TokenRefresher({
      refresh: (tokens) => this.#exchange(tokens.refreshToken),
      revoke: (tokens, justIssued, loginId) =>
        revokeAtPolar(client as never, tokens, {
          justIssued,
          timeoutMs: scenario.timeoutMs,
          background: this.background,
          loginId,
        }),
      onEnded: () => {},
      background: this.background,
      now: this.now,
      elapsedMs: () => performance.now(),
      leewayMs: scenario.leewayMs,
      timeoutMs: scenario.timeoutMs,
    });
    const [first] = polar.pairs;
    if (first === undefined) throw new Error('There is no login');
    this.#login = {
      loginId,
      facts: { subject: 's', nonce: 'n', clientID: 'c', server: 'https://api.polar.sh' },
      initial: {
        generation: 0,
        tokens: tokensOf(first, startTime, first.expiresAtMs),
        issuedAt: startTime - 60_000,
      },
      sealer: plainSealer,
      recordsFromStart: false,
      storage,
      ttlSeconds: 86_400,
    };
  }

  async #exchange(refreshToken: string): Promise<TokenSet> {
    const { polar } = this.#world;
    let isHeard = true;
    let pair: Pair | undefined;
    const response = polar.exchange(this, refreshToken).then((granted) => {
      pair = granted.pair;
      if (!isHeard) this.#world.lose(granted.pair);
      return granted;
    });
    try {
      const granted = await within(
        response,
        listenMs,
        () => new PolarTransientError('timeout', 'Polar took too long'),
      );
      return tokensOf(granted.pair, this.now(), granted.expiresInMs);
    } catch (error) {
      isHeard = false;
      if (pair !== undefined) this.#world.lose(pair);
      throw error;
    }
  }

  async #revoke(token: string): Promise<void> {
    this.openRevocations++;
    await this.#world.polar.revoke(this, token);
    this.openRevocations--;
  }

  /** Whether it has this pair, or may still receive it. */
  has(pair: Pair): boolean {
    if (this.loop.isDead) return false;
    if (pair.receiver === this) return true;
    return this.#refresher?.peek(loginId)?.tokens?.refreshToken === refreshTokenOf(pair.n);
  }

  /** Whether it uses another pair, and keeps this one as a spare. */
  isSpare(pair: Pair): boolean {
    const tokens = this.#refresher?.peek(loginId)?.tokens;
    return pair.hasArrived && tokens !== undefined && tokens.refreshToken !== refreshTokenOf(pair.n);
  }

  /** The generation that it knows; undefined if there is none, or if the login has ended. */
  get generation(): number | undefined {
    const known = this.#refresher?.peek(loginId);
    return known === undefined || known.tokens === undefined || known.refused ? undefined : known.generation;
  }

  /** Starts a call; the world learns its outcome. */
  call(what: 'visit' | 'new tokens' | 'log out', done: (outcome: Outcome) => void): void {
    arriveAt(timeMs(), this.loop, () => {
      const { loop } = this;
      this.openCalls++;
      const timed = async <T>(name: string, call: () => Promise<T>): Promise<T> => {
        const begunAt = loop.runningMs();
        try {
          return await call();
        } finally {
          this.#world.noteDuration(this, name, loop.runningMs() - begunAt);
        }
      };
      this.#do(what, timed).then(
        (outcome) => {
          this.openCalls--;
          done(outcome);
        },
        (error: unknown) => {
          this.openCalls--;
          this.#world.fail(`${this.name}: a call failed with ${String((error as Error).stack ?? error)}`);
        },
      );
    });
  }

  async #do(
    what: 'visit' | 'new tokens' | 'log out',
    timed: <T>(name: string, call: () => Promise<T>) => Promise<T>,
  ): Promise<Outcome> {
    const refresher = this.#refresher as TokenRefresher;
    const login = this.#login as LoginHandle;
    const failed = (error: unknown): Outcome => {
      const code = (error as { code?: string }).code;
      if (code === undefined) throw error;
      if (error instanceof PolarLoginRequiredError) this.#world.noteEndOfLogin(this, code);
      return { what, result: code, accepted: false };
    };
    if (what === 'log out') {
      this.#world.noteLogout();
      try {
        await timed('end', () => refresher.end(login, 'logged_out'));
        return { what, result: 'done', accepted: false };
      } catch (error) {
        return failed(error);
      }
    }
    const { polar } = this.#world;
    try {
      const first =
        what === 'visit'
          ? await timed('validTokens', () => refresher.validTokens(login))
          : await timed('newTokens', () => refresher.newTokens(login));
      const { accessToken } = first;
      if (await polar.call(this, accessToken)) return { what, result: 'ok', accepted: true, accessToken };
      const second = await timed('tokensAfterRefusal', () =>
        refresher.tokensAfterRefusal(login, accessToken),
      );
      if (second === undefined) return { what, result: '401', accepted: false };
      if (await polar.call(this, second.accessToken))
        return { what, result: 'ok', accepted: true, accessToken: second.accessToken };
      refresher.noteSecondRefusal(login, second.accessToken);
      return { what, result: '401', accepted: false };
    } catch (error) {
      return failed(error);
    }
  }

  /** Shuts down; resolves with the amount of work left. */
  settle(withinMs: number, done: (left: number) => void): void {
    arriveAt(timeMs(), this.loop, () => {
      this.#refresher?.dropSpares();
      void this.background.settled(withinMs).then(({ exchanges, writes }) => done(exchanges + writes));
    });
  }
}
