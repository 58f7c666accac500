/** Several processes that keep the tokens of one login, each with the real TokenKeeper, and a Polar, all in the hand of a test. */
import { AsyncLocalStorage } from 'node:async_hooks';
import session from 'express-session';
import { PolarOAuthError, PolarTransientError } from '../../../src/errors.js';
import type { LoginHandle } from '../../../src/refresh/login-handle.js';
import type { RefreshLock } from '../../../src/refresh/refresh-lock.js';
import { TokenKeeper } from '../../../src/refresh/token-keeper.js';
import type { Sealer } from '../../../src/tokens/sealing.js';
import { type SessionStore, sessionStoreRecords } from '../../../src/tokens/session-store-records.js';
import type { StoredTokenRecord, TokenRecordStore } from '../../../src/tokens/token-record-store.js';
import type { TokenSet } from '../../../src/tokens/token-set.js';
import { elapsedMs, finished, noteActivity, pass, settle, stepTime } from './virtual-time.js';

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

export const startTime = Date.UTC(2026, 0, 1);
export const hourMs = 3_600_000;

/** The lock of processes that share none. */
export const noLock: RefreshLock = { acquire: async () => () => {} };

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
const sealer: Sealer = {
  seal: async (value, purpose) => JSON.stringify({ purpose, value }),
  unseal: async (sealed, purpose) => {
    const found = JSON.parse(sealed) as { purpose: string; value: unknown };
    return found.purpose === purpose ? found.value : undefined;
  },
  lacksKeyOf: () => false,
};

const actors = new AsyncLocalStorage<string>();

/** One login, its Polar and its stores. */
export class KeeperWorld {
  /** Everything that happened, as `<process> <point>`. */
  readonly log: string[] = [];
  /** Refresh tokens that were revoked, as `<process> <token>`. */
  readonly revocations: string[] = [];
  /** Those of them of which it was said that Polar may not have committed them yet. */
  readonly revokedYoung: string[] = [];
  /** What happens to the next exchanges, in order. */
  readonly mishaps: (Mishap | undefined)[] = [];
  /** What Polar answers to a dead refresh token. */
  refusal: () => Error = invalidGrant;
  /** Added to the clock that the processes see. */
  clockOffsetMs = 0;
  /** The refresh token that works at Polar, `refresh-<n>`. */
  live: string | undefined = 'refresh-0';
  readonly #minted = new Map<string, TokenSet>();
  readonly #holds = new Set<{ matches: (op: Waiting) => boolean; waiting: Waiting[] }>();
  readonly rows = new Map<string, StoredTokenRecord>();
  readonly #sessions = new session.MemoryStore();

  constructor(readonly kind: 'compare-and-set' | 'session store' = 'compare-and-set') {
    this.#minted.set('refresh-0', this.tokens(0, hourMs));
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
    if (tokens === undefined || this.live === undefined) return false;
    const live = this.#minted.get(this.live);
    return live?.accessToken === tokens.accessToken && this.now() < Number(live.expiresAt);
  }

  /** Holds up whatever comes to a point, such as `A refresh`, from now on. */
  hold(point: string | RegExp): Hold {
    const matches = ({ point: at }: Waiting): boolean =>
      typeof point === 'string' ? at === point : point.test(at);
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
    const actor = actors.getStore() ?? process;
    await new Promise<void>((go) => {
      const op = { actor, point, go };
      for (const hold of this.#holds) if (hold.matches(op)) return void hold.waiting.push(op);
      go();
    });
    this.log.push(point);
    noteActivity();
  }

  /** The shared store, as one process sees it. */
  recordsFor(process: string): TokenRecordStore {
    const kindOf = (row: string): string => (row.endsWith('.ended') ? 'end' : 'record');
    if (this.kind === 'session store') {
      const sessions = this.#sessions;
      const store: SessionStore = {
        get: (sid, callback) =>
          void this.point(process, `get ${kindOf(sid)}`).then(() => sessions.get(sid, callback)),
        set: (sid, value, callback) =>
          void this.point(process, `set ${kindOf(sid)}`).then(() => sessions.set(sid, value, callback)),
      };
      return sessionStoreRecords(store);
    }
    return {
      get: async (row) => {
        await this.point(process, `get ${kindOf(row)}`);
        return this.rows.get(row);
      },
      put: async (row, record) => {
        await this.point(process, `set ${kindOf(row)}`);
        if ((this.rows.get(row)?.generation ?? -1) >= record.generation) return false;
        this.rows.set(row, record);
        return true;
      },
    };
  }

  /** A process; `records` and the rest can be replaced. */
  process(name: string, given: ProcessOptions = {}): KeeperProcess {
    const { lock = noLock, timeoutMs = 10_000, leewayMs = 0, records = this.recordsFor(name) } = given;
    const keeper = new TokenKeeper({
      lock,
      timeoutMs,
      leewayMs,
      now: this.now,
      refresh: (tokens) => this.#exchange(name, tokens.refreshToken),
      revoke: async (tokens, justMinted) => {
        await this.point(name, 'revoke');
        this.revocations.push(`${name} ${tokens.refreshToken}`);
        if (justMinted) this.revokedYoung.push(String(tokens.refreshToken));
        if (this.live === tokens.refreshToken) this.live = undefined;
      },
    });
    const login: LoginHandle = {
      loginId: 'login',
      facts: { subject: 's', nonce: 'n', clientID: 'c', server: 'https://api.polar.sh' },
      generation: 0,
      tokens: this.#minted.get('refresh-0') as TokenSet,
      mintedAt: startTime,
      sealer,
      records,
      storeTimeoutMs: Math.min(timeoutMs, 3000),
      ttlSeconds: 60,
    };
    return new KeeperProcess(name, keeper, login);
  }

  async #exchange(process: string, refreshToken: string): Promise<TokenSet> {
    const mishap = this.mishaps.shift();
    await this.point(process, 'refresh');
    if (mishap?.before) throw mishap.before;
    if (refreshToken !== this.live) throw this.refusal();
    const n = this.#minted.size;
    const tokens = this.tokens(n, hourMs);
    this.live = `refresh-${n}`;
    this.#minted.set(this.live, tokens);
    await this.point(process, 'answer');
    if (mishap?.after) throw mishap.after;
    return tokens;
  }
}

export interface ProcessOptions {
  readonly lock?: RefreshLock;
  readonly timeoutMs?: number;
  readonly leewayMs?: number;
  readonly records?: TokenRecordStore;
}

/** One process: a keeper of its own, and what requests ask of it. */
export class KeeperProcess {
  constructor(
    readonly name: string,
    readonly keeper: TokenKeeper,
    readonly login: LoginHandle,
  ) {}

  /** Starts a request for a valid token. */
  valid(actor = this.name): Promise<TokenSet> {
    return started(actor, () => this.keeper.validTokens(this.login));
  }

  /** Starts a forced refresh. */
  forced(): Promise<TokenSet> {
    return started(this.name, () => this.keeper.newTokens(this.login));
  }

  /** Starts a logout. */
  end(actor = this.name): Promise<void> {
    return started(actor, () => this.keeper.end(this.login));
  }

  /** Starts what follows a 401. */
  refused(accessToken: string): Promise<TokenSet | undefined> {
    return started(this.name, () => this.keeper.tokensAfterRefusal(this.login, accessToken));
  }

  get peeked(): string | undefined {
    const known = this.keeper.peek(this.login.loginId);
    return known === undefined ? this.login.tokens.accessToken : known.tokens?.accessToken;
  }
}

/** Starts work under a name; that it fails is noticed by whoever awaits it. */
function started<T>(actor: string, work: () => Promise<T>): Promise<T> {
  const promise = actors.run(actor, work);
  promise.catch(() => {});
  return promise;
}

/** What became of a request: its access token, or the code of its error. */
export async function outcome(promise: Promise<TokenSet | undefined>): Promise<string> {
  try {
    return (await finished(promise))?.accessToken ?? 'nothing';
  } catch (error) {
    return String((error as { code?: unknown }).code ?? error);
  }
}

/** The error of a request. */
export async function errorOf(
  promise: Promise<unknown>,
): Promise<{ code?: string; message: string; retryAfterSeconds?: number; cause?: unknown }> {
  return finished(promise).then(
    () => {
      throw new Error('It was to fail');
    },
    (error) => error,
  );
}

export { finished, pass, settle };
