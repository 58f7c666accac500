import type { PolarEmulator, PolarEmulatorOptions, PolarEmulatorRequest } from 'passport-polar-sh/emulator';
import { startPolarEmulator } from 'passport-polar-sh/emulator';
import { startRedis, type TestRedis } from '../support/redis-server.js';
import { rowIdOf } from '../support/stored-rows.js';
import { until as untilSoon } from '../support/until.js';
import { type Answered, Visitor } from './visitor.js';
import type { RefreshMoment, WorkerConfig } from './worker-config.js';
import { WorkerProcess } from './worker-process.js';

/** Access tokens of a login live for ten days. */
export const loginLife = 864_000;

// Nothing listens there: visitors deliver Polar's responses to any worker they like.
const linkURL = 'http://localhost:3000/link/polar/callback';

export interface SiteOptions
  extends Pick<WorkerConfig, 'storage'>,
    Partial<Pick<WorkerConfig, 'freezes' | 'pauses'>> {
  readonly workers: number;
  /** How Polar behaves. @default as it should */
  readonly emulator?: Pick<PolarEmulatorOptions, 'realistic'>;
  readonly timeoutMs?: number;
  /** How many people have an account at Polar. @default 1 */
  readonly people?: number;
  /** How long the access tokens of a login live. @default {@link loginLife} */
  readonly loginTokenSeconds?: number;
  /** A Redis of its own for `redisStorage`. @default false */
  readonly twoRedises?: boolean;
  /** The server of `postgresStorage`. */
  readonly postgresURL?: string;
}

/** Several processes of one app, the Redis that they share, and a Polar. */
export class Site {
  readonly polar: PolarEmulator;
  readonly sessions: TestRedis;
  /** The Redis of `redisStorage`. */
  readonly storage: TestRedis;
  readonly workers: WorkerProcess[] = [];
  readonly #strategy: WorkerConfig['strategy'];
  readonly #options: SiteOptions;
  #skippedMs = 0;

  private constructor(parts: SiteParts, options: SiteOptions) {
    this.polar = parts.polar;
    this.sessions = parts.sessions;
    this.storage = parts.storage;
    const { now: _theirs, ...strategy } = parts.polar.strategyOptions();
    const redirectURIs = [strategy.callbackURL, linkURL];
    parts.polar.updateClient(strategy.clientID, { redirectURIs });
    const { timeoutMs } = options;
    this.#strategy = { ...strategy, ...(timeoutMs !== undefined && { timeoutMs }) };
    this.#options = options;
  }

  static async start(options: SiteOptions): Promise<Site> {
    const users = Array.from({ length: options.people ?? 1 }, (_, index) => ({ email: emailOf(index) }));
    const started: (() => Promise<unknown>)[] = [];
    const closing = <T extends { close(): Promise<unknown> }>(part: T): T => {
      started.push(() => part.close());
      return part;
    };
    try {
      const polar = closing(
        await startPolarEmulator({
          ...options.emulator,
          users,
          lifetimes: { loginAccessTokenSeconds: options.loginTokenSeconds },
        }),
      );
      const sessions = closing(await startRedis());
      const storage = options.twoRedises === true ? closing(await startRedis()) : sessions;
      const site = closing(new Site({ polar, sessions, storage }, options));
      await Promise.all(Array.from({ length: options.workers }, () => site.addWorker()));
      return site;
    } catch (error) {
      for (const close of started.reverse()) await close().catch(() => {});
      throw error;
    }
  }

  worker(index: number): WorkerProcess {
    const worker = this.workers[index];
    if (worker === undefined) throw new Error(`There is no worker ${index}`);
    return worker;
  }

  async addWorker(): Promise<WorkerProcess> {
    const { freezes, storage, pauses, postgresURL } = this.#options;
    const skippedMs = this.#skippedMs;
    const worker = await WorkerProcess.start({
      strategy: this.#strategy,
      linkURL,
      sessionsURL: this.sessions.url,
      storageURL: postgresURL ?? this.storage.url,
      storage,
      ...(freezes !== undefined && { freezes }),
      ...(pauses !== undefined && { pauses }),
      skippedMs,
    });
    // Time may have passed while it started.
    if (skippedMs !== this.#skippedMs) await worker.ask('setClock', this.#skippedMs);
    this.workers.push(worker);
    return worker;
  }

  /** Kills a worker as a crash would. */
  async kill(worker: WorkerProcess): Promise<void> {
    this.workers.splice(this.workers.indexOf(worker), 1);
    await worker.kill();
  }

  /** Lets time pass at Polar and in every worker. */
  async advanceTime(seconds: number): Promise<void> {
    this.polar.advanceTime(seconds);
    this.#skippedMs += seconds * 1000;
    await Promise.all(this.workers.map((worker) => worker.ask('setClock', this.#skippedMs)));
  }

  /** A visitor who has just logged in. */
  async visitor(person = 0): Promise<Visitor> {
    const visitor = new Visitor();
    await visitor.logIn(this.worker(person % this.workers.length), this.polar, emailOf(person));
    return visitor;
  }

  /** Refreshes that Polar has received so far. */
  get refreshes(): PolarEmulatorRequest[] {
    return this.polar.requests.filter(({ grantType }) => grantType === 'refresh_token');
  }

  /** How many refreshes of a login are recorded in `redisStorage`. */
  async recordedGeneration(loginId: string): Promise<number> {
    const key = `polar:{${loginId}}:${rowIdOf(loginId, 'record')}`;
    return Number((await this.storage.sendCommand('HGET', key, 'version')) ?? 0);
  }

  /** `perWorker` requests for a token at each worker, all of one visitor, and all under way before any continues. */
  async tokenStorm(visitor: Visitor, perWorker: number) {
    await Promise.all(this.workers.map((worker) => worker.ask('hold')));
    const answers = this.workers.flatMap((worker) =>
      Array.from({ length: perWorker }, () => visitor.token(worker)),
    );
    await until(async () => {
      const held = await Promise.all(this.workers.map((worker) => worker.ask('held')));
      return held.every((count) => count === perWorker);
    });
    await Promise.all(this.workers.map((worker) => worker.ask('open')));
    return Promise.all(answers);
  }

  /** Stops everything that was started. Can be called again. */
  async close(): Promise<void> {
    await Promise.allSettled(this.workers.splice(0).map((worker) => worker.kill()));
    const rest = new Set([this.sessions, this.storage, this.polar]);
    await Promise.allSettled([...rest].map((part) => part.close()));
  }
}

interface SiteParts {
  readonly polar: PolarEmulator;
  readonly sessions: TestRedis;
  readonly storage: TestRedis;
}

/** After this long no response to a refresh can be pending, even for a process that was stopped for a minute. */
export const doubtSeconds = 190;

/** Whether Polar has refused the refresh token while another process may still receive new tokens. */
export const isInDoubt = ({ status, body }: Answered): boolean =>
  status === 503 && body.code === 'server_error' && /may still be in progress/.test(body.message ?? '');

export const emailOf = (person: number): string => `person-${person}@example.com`;

/** Waits as {@link untilSoon} does, for longer: several processes share the machine. */
export const until = (condition: () => boolean | Promise<boolean>, withinMs = 20_000): Promise<void> =>
  untilSoon(condition, withinMs);

/** Resolves when a worker reports this step of a refresh. */
export function momentOf(worker: WorkerProcess, moment: RefreshMoment): Promise<void> {
  return until(() => worker.news.some((piece) => piece.news === 'moment' && piece.moment === moment));
}

/** How often each value occurs. */
export function countOf(values: readonly (string | number | undefined)[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const value of values) counts[String(value)] = (counts[String(value)] ?? 0) + 1;
  return counts;
}
