import { setTimeout as delay } from 'node:timers/promises';
import { publish } from '../diagnostics.js';
import { BoundedMap } from '../tokens/bounded-map.js';
import {
  type RecordPlace,
  readRecord,
  type TokenRecord,
  UnopenableRecordError,
  unlessEnded,
  writeEnd,
  writeRecord,
} from '../tokens/token-record.js';
import type { TokenSet } from '../tokens/token-set.js';
import { joinOrRun } from './join-or-run.js';
import { recordsUnreadable } from './login-errors.js';
import type { LoginHandle } from './login-handle.js';

/** What this process knows of a login: its newest tokens, or that it has ended. */
export interface KnownLogin {
  readonly generation: number;
  /** Undefined once the login has been logged out. */
  readonly tokens: TokenSet | undefined;
  /** When Polar issued the tokens, in milliseconds since the epoch, where that is known. */
  readonly mintedAt: number | undefined;
  /** Polar refused the refresh token of this generation; only a later generation helps. */
  readonly rejected?: boolean;
}

// Some 400 bytes each: bounded at a few megabytes. What is forgotten is read from its record again.
const maxKnownLogins = 10_000;
// Of these there is no record to read again. So many only while a store is down.
const maxUnrecordedLogins = 100_000;
// How long this process may not know that another one has refreshed early, or logged the login out.
const lookAgainAfterMs = 60_000;
const quickWriteAttempts = 3;
const maxRewritePauseMs = 30_000;

const endedLogin: KnownLogin = {
  generation: Number.POSITIVE_INFINITY,
  tokens: undefined,
  mintedAt: undefined,
};

/**
 * The newest that this process knows of each login, over the token records that all processes share. Memory
 * answers first, so that a valid token costs no I/O.
 */
export class LoginKnowledge {
  readonly #known = new BoundedMap<KnownLogin>(maxKnownLogins);
  readonly #unrecorded = new BoundedMap<KnownLogin>(maxUnrecordedLogins);
  readonly #looks = new Map<string, Promise<KnownLogin>>();
  readonly #lookedAt = new BoundedMap<number>(maxKnownLogins);

  /** What is known without any I/O: at least the tokens of the login itself, which may just have been read. */
  recall({ loginId, generation, tokens, mintedAt }: LoginHandle): KnownLogin {
    const known = this.#find(loginId);
    return known !== undefined && known.generation >= generation ? known : { generation, tokens, mintedAt };
  }

  /** What this process has learnt of a login; undefined when it has not met it. */
  peek(loginId: string): KnownLogin | undefined {
    return this.#find(loginId);
  }

  /** Takes in news, unless something newer is known; returns the newest. */
  learn(loginId: string, news: KnownLogin): KnownLogin {
    const known = this.#find(loginId);
    if (known !== undefined && known.generation > news.generation) return known;
    if (known !== undefined && known.generation === news.generation && !news.rejected) return known;
    this.#known.set(loginId, news);
    return news;
  }

  /** Takes in a login whose record need not be looked for. */
  begin(login: LoginHandle): void {
    this.#lookedAt.set(login.loginId, performance.now());
    this.learn(login.loginId, this.recall(login));
  }

  /** What is known, after a look at the record of a login that this process has not seen before. */
  async current(login: LoginHandle): Promise<KnownLogin> {
    const known = this.#find(login.loginId);
    // A record may say that the tokens of the entry, though not expired, have been replaced or ended.
    return known ?? this.#look(login);
  }

  /**
   * Looks at the record of a login whose tokens are in use, once a minute. Nobody waits for it: valid tokens cost no
   * request any I/O, and what another process did is learnt all the same.
   */
  lookAgain(login: LoginHandle): void {
    if (login.records.shared === false) return;
    const sinceMs = performance.now() - (this.#lookedAt.get(login.loginId) ?? Number.NEGATIVE_INFINITY);
    if (sinceMs >= lookAgainAfterMs) this.#look(login).catch(() => {});
  }

  #look(login: LoginHandle): Promise<KnownLogin> {
    return joinOrRun(this.#looks, login.loginId, () => this.rereadOrRecall(login));
  }

  /** What is known once the record has been read. Rejects when the store cannot answer. */
  async reread(login: LoginHandle): Promise<KnownLogin> {
    this.#lookedAt.set(login.loginId, performance.now());
    const record = await unlessEnded(login, () => readRecord(login));
    return this.learn(login.loginId, record === 'ended' ? endedLogin : (record ?? this.recall(login)));
  }

  /**
   * As {@link reread}; where the store cannot answer, what is known without it.
   *
   * @throws PolarTransientError where there is a newer record that only other processes can open
   */
  async rereadOrRecall(login: LoginHandle): Promise<KnownLogin> {
    try {
      return await this.reread(login);
    } catch (error) {
      publish('refresh', { event: 'record-unreadable', loginId: login.loginId, error });
      const known = this.recall(login);
      if (error instanceof UnopenableRecordError && error.generation > known.generation)
        throw recordsUnreadable(error);
      return known;
    }
  }

  /** Looks for a record newer than a generation for a while; once only where no other process can write one. */
  async awaitNewer(
    login: LoginHandle,
    generation: number,
    patienceMs: number,
  ): Promise<KnownLogin | undefined> {
    const giveUpAt = performance.now() + (login.records.shared === false ? 0 : patienceMs);
    for (let pauseMs = 50; ; pauseMs = Math.min(pauseMs * 2, 500)) {
      const newest = await this.rereadOrRecall(login);
      if (newest.generation > generation) return newest;
      if (performance.now() >= giveUpAt) return undefined;
      await delay(pauseMs);
    }
  }

  /**
   * Takes in new tokens, which are good in this process at once, and records them. Resolves with what is the newest then:
   * somebody may have logged out meanwhile.
   *
   * @param ifLate called with that where the store was down, once it is back
   */
  async recordTokens(
    login: LoginHandle,
    { generation, tokens, mintedAt }: TokenRecord,
    ifLate: (newest: KnownLogin) => Promise<void>,
  ): Promise<KnownLogin> {
    const news = { generation, tokens, mintedAt };
    this.learn(login.loginId, news);
    const work = async (): Promise<KnownLogin> => {
      await writeRecord(login, news);
      return this.reread(login).catch(orIfUnopenable(() => this.recall(login)));
    };
    return (await this.#record(login, news, work, ifLate)) ?? this.recall(login);
  }

  /**
   * Takes in that a login has ended, and records that. Resolves with the tokens that were recorded last: whoever records
   * some later finds the end.
   *
   * @param ifLate called with those where the store was down, once it is back
   */
  async recordEnd(
    login: LoginHandle,
    ifLate: (recorded: KnownLogin | undefined) => Promise<void>,
  ): Promise<KnownLogin | undefined> {
    this.learn(login.loginId, endedLogin);
    const work = async (): Promise<KnownLogin | undefined> => {
      await writeEnd(login);
      return readRecord(login).catch(
        orIfUnopenable((error) => {
          // Its tokens stay alive at Polar.
          publish('logout', { event: 'revocation-failed', loginId: login.loginId, error });
          return undefined;
        }),
      );
    };
    return this.#record(login, endedLogin, work, ifLate);
  }

  /** As {@link recordEnd} for a login of which this process cannot open anything. */
  async recordEndUnopened(place: RecordPlace): Promise<void> {
    this.learn(place.loginId, endedLogin);
    await this.#record(
      place,
      endedLogin,
      () => writeEnd(place),
      async () => {},
    );
  }

  /**
   * Writes at once, or else in the background until the store takes it: for every other process, what is not recorded
   * is a lost login.
   */
  async #record<T>(
    login: RecordPlace,
    news: KnownLogin,
    work: () => Promise<T>,
    ifLate: (result: T) => Promise<void>,
  ): Promise<T | undefined> {
    const { loginId } = login;
    // The tokens of a refresh that was under way must not take the place of the end of their login.
    if (news.generation >= (this.#unrecorded.get(loginId)?.generation ?? 0))
      this.#unrecorded.set(loginId, news);
    const attempt = () =>
      this.#reported(login, 'record-not-written', async () => {
        const result = await work();
        if (this.#unrecorded.get(loginId) === news) this.#unrecorded.delete(loginId);
        return { result };
      });
    const giveUpAt = performance.now() + login.storeTimeoutMs;
    for (let attempts = 1; attempts <= quickWriteAttempts && performance.now() < giveUpAt; attempts++) {
      if (attempts > 1) await delay(50 * attempts);
      const done = await attempt();
      if (done !== undefined) return done.result;
    }
    const isWanted = (): boolean => this.#unrecorded.get(loginId) === news;
    void recordLater(attempt, isWanted, ifLate);
    return undefined;
  }

  #find(loginId: string): KnownLogin | undefined {
    return this.#known.get(loginId) ?? this.#unrecorded.get(loginId);
  }

  async #reported<T>(login: RecordPlace, event: string, work: () => Promise<T>): Promise<T | undefined> {
    try {
      return await work();
    } catch (error) {
      publish('refresh', { event, loginId: login.loginId, error });
      return undefined;
    }
  }
}

/** What to go by where the record cannot be opened: trying again, as with a store that is down, would change nothing. */
function orIfUnopenable<T>(recall: (error: UnopenableRecordError) => T): (error: unknown) => T {
  return (error) => {
    if (error instanceof UnopenableRecordError) return recall(error);
    throw error;
  };
}

async function recordLater<T>(
  attempt: () => Promise<{ readonly result: T } | undefined>,
  isWanted: () => boolean,
  ifLate: (result: T) => Promise<void>,
): Promise<void> {
  for (let pauseMs = 250; ; pauseMs = Math.min(pauseMs * 2, maxRewritePauseMs)) {
    await delay(pauseMs, undefined, { ref: false });
    // Something newer is to be recorded by now.
    if (!isWanted()) return;
    const done = await attempt();
    if (done !== undefined) return ifLate(done.result);
  }
}
