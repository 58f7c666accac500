/** Several processes that keep the tokens of one login, each with the real TokenRefresher, and a Polar, all in the hand of a test. */

import { BackgroundWork } from '../../../src/async/background-work.js';
import { PolarOAuthError, PolarTransientError } from '../../../src/errors.js';
import { TokenRefresher } from '../../../src/refresh/token-refresher.js';
import { GuardedStorage } from '../../../src/storage/guarded-storage.js';
import type { PolarStorage } from '../../../src/storage/polar-storage.js';
import type { Sealer } from '../../../src/tokens/sealing.js';
import type { LoginHandle } from '../../../src/tokens/token-record.js';
import type { TokenSet } from '../../../src/tokens/token-set.js';
import { actorHere } from './actors.js';
import { KeeperProcess } from './refresher-process.js';
import { elapsedMs, noteActivity, pass, settle, stepTime } from './virtual-time.js';
import { loginId, type RowName, type StorageKind, WorldRows } from './world-rows.js';

/** How the next exchange at Polar goes wrong; `after` it has taken effect, or `before`. */
export interface Mishap {
  readonly before?: Error;
  readonly after?: Error;
}

/** Ops that wait at a point, until a test lets them go on. */
export interface Hold {
  /** Resolves once something waits here. */
  reached(): Promise<void>;
  /** Lets everything go on, now and from now on. */
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
  /** Even the tokens of the login are recorded. */
  readonly isRecordedFromStart?: boolean;
}

export const startTime = Date.UTC(2026, 0, 1);
export const hourMs = 3_600_000;

export const invalidGrant = (): PolarOAuthError =>
  new PolarOAuthError('invalid_grant', 'Polar refused the refresh (invalid_grant).', {
    error: 'invalid_grant',
    httpStatus: 400,
  });
export const transient = (
  code: ConstructorParameters<typeof PolarTransientError>[0],
  retryAfterSeconds?: number,
): PolarTransientError => new PolarTransientError(code, `Polar: ${code}`, { retryAfterSeconds });

/** Seals nothing, but holds what it opens to its purpose. */
export const worldSealer: Sealer = {
  seal: (value, purpose) => JSON.stringify({ purpose, value }),
  unseal: (sealed, purpose) => {
    const found = JSON.parse(sealed) as { purpose: string; value: unknown };
    return found.purpose === purpose ? found.value : undefined;
  },
  lacksKeyOf: () => false,
};

/** One login, its Polar and its storage. */
export class KeeperWorld {
  /** Everything that happened, as `<process> <point>`. */
  readonly log: string[] = [];
  /** Refresh tokens that were revoked, as `<process> <token>`. */
  readonly revocations: string[] = [];
  /** Who has found that the login has ended, and why. */
  readonly ends: string[] = [];
  /** Those of them of which it was said that Polar may not have committed them yet. */
  readonly revokedYoung: string[] = [];
  /** What happens to the next exchanges, in order. */
  readonly mishaps: (Mishap | undefined)[] = [];
  /** What Polar responds to a dead refresh token. */
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

  /** How often something happened. */
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

  /** True when the Polar API takes the access token. */
  accepts(tokens: TokenSet | undefined): boolean {
    const live = [this.live, ...this.alsoLive].map((name) => name && this.#issued.get(name));
    return live.some(
      (each) => each && each.accessToken === tokens?.accessToken && this.now() < Number(each.expiresAt),
    );
  }

  /** Holds up whatever comes to a point, such as `A refresh`, from now on. */
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

  /** Holds up everything; whoever drives takes one after the other out of the list, and lets it go. */
  holdAll(): Waiting[] {
    const hold = { matches: () => true, waiting: [] as Waiting[] };
    this.#holds.add(hold);
    return hold.waiting;
  }

  /** Holds nothing up any more. */
  letAllGo(): void {
    for (const hold of this.#holds) for (const { go } of hold.waiting.splice(0)) go();
    this.#holds.clear();
  }

  /**
   * Starts work, and lets it run from point to point; resolves with what holds it up at the last of them. A point that
   * is named twice is passed once.
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

  /** Waits here while held up, and notes that it happened. */
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

  /** A process; `storage` and the rest can be replaced. */
  process(name: string, given: ProcessOptions = {}): KeeperProcess {
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
      generation: 0,
      tokens: this.#issued.get('refresh-0') as TokenSet,
      issuedAt: startTime,
      sealer: worldSealer,
      storage: new GuardedStorage(storage, Math.min(timeoutMs, 3000)),
      isRecordedFromStart: given.isRecordedFromStart ?? false,
      ttlSeconds: 30 * 24 * 60 * 60,
    };
    return new KeeperProcess(name, refresher, login, background);
  }

  /** Issues one more pair, which lives beside the others: what a race at Polar may leave behind. */
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

/** Whether something that takes several steps in one round trip takes this one. */
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
