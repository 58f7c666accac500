/** Several processes that share a login, each with the real TokenRefresher, and a Polar, all controlled by the test. */

import { BackgroundWork } from '../../../src/async/background-work.js';
import { TokenRefresher } from '../../../src/refresh/token-refresher.js';
import { GuardedStorage } from '../../../src/storage/guarded-storage.js';
import type { PolarStorage } from '../../../src/storage/polar-storage.js';
import type { LoginHandle } from '../../../src/tokens/token-record.js';
import type { TokenSet } from '../../../src/tokens/token-set.js';
import { elapsedMs, noteActivity, pass, settle, stepTime } from '../../support/virtual-time.js';
import { actorHere } from './actors.js';
import { plainSealer } from './plain-sealer.js';
import { invalidGrant } from './polar-errors.js';
import { RefresherProcess } from './refresher-process.js';
import { loginId, type RowName, type StorageKind, WorldRows } from './world-rows.js';

/** How the next exchange at Polar fails: `before` or `after` it has taken effect. */
export interface Mishap {
  readonly before?: Error;
  readonly after?: Error;
}

/** Operations that wait at a point until the test releases them. */
export interface Hold {
  /** Resolves once something waits here. */
  reached(): Promise<void>;
  /** Lets all of them continue, and all that come later. */
  release(): void;
}

interface Waiting {
  readonly actor: string;
  readonly point: string;
  readonly go: () => void;
}

export interface ProcessOptions {
  readonly timeoutMs?: number;
  readonly leewayMs?: number;
  readonly maxExchanges?: number;
  readonly storage?: PolarStorage;
  /** The tokens of the login are recorded as well. */
  readonly recordsFromStart?: boolean;
}

export const startTime = Date.UTC(2026, 0, 1);
export const hourMs = 3_600_000;

/** One login, its Polar and its storage. */
export class RefresherWorld {
  /** Everything that happened, as `<process> <point>`. */
  readonly log: string[] = [];
  /** Refresh tokens that were revoked, as `<process> <token>`. */
  readonly revocations: string[] = [];
  /** Which processes found that the login has ended, and why. */
  readonly ends: string[] = [];
  /** Revoked refresh tokens that Polar may not have committed yet, according to the refresher. */
  readonly revokedYoung: string[] = [];
  /** What happens to the next exchanges, in order. */
  readonly mishaps: (Mishap | undefined)[] = [];
  /** Polar's response to a dead refresh token. */
  refusal: () => Error = invalidGrant;
  /** Added to the clock that the processes see. */
  clockOffsetMs = 0;
  /** The refresh token that works at Polar, `refresh-<n>`. */
  live: string | undefined = 'refresh-0';
  /** Tokens that a race has left alive beside it. */
  readonly alsoLive = new Set<string>();
  readonly rows: WorldRows;
  readonly #issued = new Map<string, TokenSet>();
  readonly #holds = new Set<{ matches: (op: Waiting) => boolean; waiting: Waiting[] }>();

  constructor(readonly kind: StorageKind = 'atomic') {
    this.rows = new WorldRows(kind, (process, what) => this.point(process, what));
    this.#issued.set('refresh-0', this.tokens(0, hourMs));
  }

  now = (): number => startTime + elapsedMs() + this.clockOffsetMs;

  /** Exchanges that reached Polar. */
  get exchanges(): string[] {
    return this.log.filter((entry) => entry.endsWith(' refresh'));
  }

  /** How often an entry occurs in the log. */
  count(entry: string): number {
    return this.log.filter((each) => each === entry).length;
  }

  tokens(n: number, lifeMs: number): TokenSet {
    return {
      accessToken: `access-${n}`,
      refreshToken: `refresh-${n}`,
      expiresAt: this.now() + lifeMs,
      scopes: ['openid'],
    };
  }

  /** Whether the Polar API accepts the access token. */
  accepts(tokens: TokenSet | undefined): boolean {
    const live = [this.live, ...this.alsoLive].map((name) => name && this.#issued.get(name));
    return live.some(
      (each) => each && each.accessToken === tokens?.accessToken && this.now() < Number(each.expiresAt),
    );
  }

  /** Holds everything that comes to a point, such as `A refresh`, from now on. */
  hold(point: string | RegExp): Hold {
    const matches = ({ point: at }: Waiting): boolean =>
      typeof point === 'string' ? isAt(at, point) : point.test(at);
    const hold = { matches, waiting: [] as Waiting[] };
    this.#holds.add(hold);
    return {
      reached: async () => {
        for (;;) {
          await settle();
          if (hold.waiting.length > 0) return;
          if (!stepTime()) throw new Error(`Nothing came to ${point}; so far: ${this.log.join(', ')}`);
        }
      },
      release: () => {
        this.#holds.delete(hold);
        for (const { go } of hold.waiting.splice(0)) go();
      },
    };
  }

  /** Holds everything; the driver takes one operation at a time out of the list and releases it. */
  holdAll(): Waiting[] {
    const hold = { matches: () => true, waiting: [] as Waiting[] };
    this.#holds.add(hold);
    return hold.waiting;
  }

  /** Releases everything. */
  letAllGo(): void {
    for (const hold of this.#holds) for (const { go } of hold.waiting.splice(0)) go();
    this.#holds.clear();
  }

  /**
   * Starts work and lets it run from point to point; resolves with what holds it at the last one. A point that is named
   * twice is passed once.
   */
  async runTo(start: () => unknown, ...points: string[]): Promise<Hold> {
    let last: Hold | undefined;
    for (const point of points) {
      const next = this.hold(point);
      if (last === undefined) start();
      else last.release();
      last = next;
      await last.reached();
    }
    if (last === undefined) throw new Error('runTo needs a point');
    return last;
  }

  /** Waits here while held, then logs the point. */
  async point(process: string, what: string): Promise<void> {
    const point = `${process} ${what}`;
    const actor = actorHere() ?? process;
    await new Promise<void>((go) => {
      const op = { actor, point, go };
      for (const hold of this.#holds) if (hold.matches(op)) return void hold.waiting.push(op);
      go();
    });
    this.log.push(point);
    noteActivity();
  }

  /** The shared storage, as one process sees it. */
  storageFor(process: string): PolarStorage {
    return this.rows.storageFor(process);
  }

  /** The generation that is recorded. */
  get recorded(): number | undefined {
    return this.rows.get('record')?.version;
  }

  has(name: RowName): boolean {
    return this.rows.get(name) !== undefined;
  }

  /** A process; the options replace its storage and the rest. */
  process(name: string, given: ProcessOptions = {}): RefresherProcess {
    const { timeoutMs = 10_000, leewayMs = 0, maxExchanges = 500, storage = this.storageFor(name) } = given;
    const background = new BackgroundWork(maxExchanges);
    const refresher = new TokenRefresher({
      background,
      timeoutMs,
      leewayMs,
      onEnded: (_loginId, reason) => void this.ends.push(`${name} ${reason}`),
      now: this.now,
      elapsedMs,
      refresh: (tokens) => this.#exchange(name, tokens.refreshToken),
      revoke: async (tokens, justIssued) => {
        await this.point(name, 'revoke');
        this.revocations.push(`${name} ${tokens.refreshToken}`);
        if (justIssued) this.revokedYoung.push(String(tokens.refreshToken));
        this.alsoLive.delete(String(tokens.refreshToken));
        if (this.live === tokens.refreshToken) this.live = undefined;
      },
    });
    const login: LoginHandle = {
      loginId,
      facts: { subject: 's', nonce: 'n', clientID: 'c', server: 'https://api.polar.sh' },
      initial: { generation: 0, tokens: this.#issued.get('refresh-0') as TokenSet, issuedAt: startTime },
      sealer: plainSealer,
      storage: new GuardedStorage(storage, Math.min(timeoutMs, 3000)),
      recordsFromStart: given.recordsFromStart ?? false,
      ttlSeconds: 30 * 24 * 60 * 60,
    };
    return new RefresherProcess(name, refresher, login, background);
  }

  /** Processes A and B, which both know the login. */
  twoProcesses(): [RefresherProcess, RefresherProcess] {
    return [this.process('A').acquainted(), this.process('B').acquainted()];
  }

  /** Issues one more pair that lives beside the others, as a race at Polar may do. */
  issueBeside(): TokenSet {
    const tokens = this.tokens(this.#issued.size, hourMs);
    this.#issued.set(String(tokens.refreshToken), tokens);
    this.alsoLive.add(String(tokens.refreshToken));
    return tokens;
  }

  async #exchange(process: string, refreshToken: string): Promise<TokenSet> {
    const mishap = this.mishaps.shift();
    await this.point(process, 'refresh');
    if (mishap?.before) throw mishap.before;
    const isBeside = this.alsoLive.delete(refreshToken);
    if (refreshToken !== this.live && !isBeside) throw this.refusal();
    const n = this.#issued.size;
    const tokens = this.tokens(n, hourMs);
    if (isBeside) this.alsoLive.add(`refresh-${n}`);
    else this.live = `refresh-${n}`;
    this.#issued.set(`refresh-${n}`, tokens);
    await this.point(process, 'response');
    if (mishap?.after) throw mishap.after;
    return tokens;
  }
}

/** Whether an operation, which may be a batch of several steps, includes this point. */
function isAt(at: string, point: string): boolean {
  const [process = '', ...rest] = point.split(' ');
  return (
    at.startsWith(`${process} `) &&
    at
      .slice(process.length + 1)
      .split(', ')
      .includes(rest.join(' '))
  );
}

export { loginId, pass, settle };
