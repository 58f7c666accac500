import { setTimeout as delay } from 'node:timers/promises';
import { publish } from '../diagnostics.js';
import { BoundedMap } from '../tokens/bounded-map.js';
import { hasEnded, readRecord, type TokenRecord, writeEnd, writeRecord } from '../tokens/token-record.js';
import type { TokenSet } from '../tokens/token-set.js';
import { joinOrRun } from './join-or-run.js';
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
  readonly #firstLooks = new Map<string, Promise<KnownLogin>>();

  /** What is known without any I/O: at least the tokens of the login itself, which may just have been read. */
  recall({ loginId, generation, tokens, mintedAt }: LoginHandle): KnownLogin {
    const known = this.#known.get(loginId);
    return known !== undefined && known.generation >= generation ? known : { generation, tokens, mintedAt };
  }

  /** Takes in news, unless something newer is known; returns the newest. */
  learn(loginId: string, news: KnownLogin): KnownLogin {
    const known = this.#known.get(loginId);
    if (known !== undefined && known.generation > news.generation) return known;
    if (known !== undefined && known.generation === news.generation && !news.rejected) return known;
    this.#known.set(loginId, news);
    return news;
  }

  /** What is known, after a look at the record of a login that this process has not seen before. */
  async current(login: LoginHandle): Promise<KnownLogin> {
    const known = this.#known.get(login.loginId);
    // A record may say that the tokens of the entry, though not expired, have been replaced or ended.
    return known ?? joinOrRun(this.#firstLooks, login.loginId, () => this.rereadOrRecall(login));
  }

  /** What is known once the record has been read. Rejects when the store cannot answer. */
  async reread(login: LoginHandle): Promise<KnownLogin> {
    const [isOver, record] = await Promise.all([hasEnded(login), readRecord(login)]);
    return this.learn(login.loginId, isOver ? endedLogin : (record ?? this.recall(login)));
  }

  /** As {@link reread}; where the store cannot answer, what is known without it. */
  async rereadOrRecall(login: LoginHandle): Promise<KnownLogin> {
    return (await this.#reported(login, 'record-unreadable', () => this.reread(login))) ?? this.recall(login);
  }

  /** The tokens that were recorded last, also of a login that has ended; undefined where there are none. */
  recordedTokens(login: LoginHandle): Promise<KnownLogin | undefined> {
    return this.#reported(login, 'record-unreadable', () => readRecord(login));
  }

  /**
   * Takes in new tokens and records them. They are good in this process at once.
   *
   * @param ifLate called when the store took the record only after this method has resolved
   */
  async recordTokens(login: LoginHandle, record: TokenRecord, ifLate: () => Promise<unknown>): Promise<void> {
    const { generation, tokens, mintedAt } = record;
    this.learn(login.loginId, { generation, tokens, mintedAt });
    await this.#write(login, record.generation, () => writeRecord(login, record), ifLate);
  }

  /** Takes in that a login has ended, and records that. @param ifLate as for {@link recordTokens} */
  async recordEnd(login: LoginHandle, ifLate: () => Promise<unknown>): Promise<void> {
    this.learn(login.loginId, endedLogin);
    await this.#write(login, endedLogin.generation, () => writeEnd(login), ifLate);
  }

  /**
   * Writes at once, or else in the background until the store takes it: for every other process, a record that is not
   * there is a lost login.
   */
  async #write(
    login: LoginHandle,
    generation: number,
    write: () => Promise<unknown>,
    ifLate: () => Promise<unknown>,
  ): Promise<void> {
    const attempt = () =>
      this.#reported(login, 'record-not-written', async () => {
        await write();
        return true as const;
      });
    const giveUpAt = performance.now() + login.storeTimeoutMs;
    for (let attempts = 1; attempts <= quickWriteAttempts && performance.now() < giveUpAt; attempts++) {
      if (attempts > 1) await delay(50 * attempts);
      if (await attempt()) return;
    }
    void this.#writeLater(login.loginId, generation, attempt, ifLate);
  }

  async #writeLater(
    loginId: string,
    generation: number,
    attempt: () => Promise<true | undefined>,
    ifLate: () => Promise<unknown>,
  ): Promise<void> {
    for (let pauseMs = 250; ; pauseMs = Math.min(pauseMs * 2, maxRewritePauseMs)) {
      await delay(pauseMs, undefined, { ref: false });
      // Also ends what would otherwise be tried for ever: this map is bounded.
      if (this.#known.get(loginId)?.generation !== generation) return;
      if (await attempt()) return void (await ifLate());
    }
  }

  async #reported<T>(login: LoginHandle, event: string, work: () => Promise<T>): Promise<T | undefined> {
    try {
      return await work();
    } catch (error) {
      publish('refresh', { event, loginId: login.loginId, error });
      return undefined;
    }
  }
}
