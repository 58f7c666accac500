import { setTimeout as delay } from 'node:timers/promises';
import { publish } from '../diagnostics.js';
import { BoundedMap } from '../tokens/bounded-map.js';
import { readRecord, type TokenRecord, writeRecord } from '../tokens/token-record.js';
import type { TokenSet } from '../tokens/token-set.js';
import { joinOrRun } from './join-or-run.js';
import type { LoginHandle } from './login-handle.js';

/** What this process knows of a login: its newest tokens, or that it has ended. */
export interface KnownLogin {
  readonly generation: number;
  /** Undefined once the login has been logged out. */
  readonly tokens: TokenSet | undefined;
  /** When this process received the tokens from Polar, in milliseconds; undefined for all others. */
  readonly mintedAt: number | undefined;
  /** Polar refused the refresh token of this generation; only a later generation helps. */
  readonly rejected?: boolean;
}

// Some 400 bytes each: bounded at a few megabytes. What is forgotten is read from its record again.
const maxKnownLogins = 10_000;
const quickWriteAttempts = 3;
const maxRewritePauseMs = 30_000;

/**
 * The newest that this process knows of each login, over the token records that all processes share. Memory
 * answers first, so that a valid token costs no I/O.
 */
export class LoginKnowledge {
  readonly #known = new BoundedMap<KnownLogin>(maxKnownLogins);
  readonly #firstLooks = new Map<string, Promise<KnownLogin>>();

  /** What is known without any I/O: at least the tokens of the login itself. */
  recall(login: LoginHandle): KnownLogin {
    return this.#known.get(login.loginId) ?? { generation: 0, tokens: login.tokens, mintedAt: undefined };
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
    const record = await readRecord(login);
    return this.learn(
      login.loginId,
      record === undefined ? this.recall(login) : fromRecord(record, undefined),
    );
  }

  /** As {@link reread}; where the store cannot answer, what is known without it. */
  async rereadOrRecall(login: LoginHandle): Promise<KnownLogin> {
    try {
      return await this.reread(login);
    } catch (error) {
      publish('refresh', { event: 'record-unreadable', loginId: login.loginId, error });
      return this.recall(login);
    }
  }

  /**
   * Takes in news and writes its record; false only when the record holds the same or a higher generation. The news
   * is good in this process at once, and a store that cannot write is tried again in the background until it can:
   * for every other process, a record that is not there is a lost login.
   */
  async write(login: LoginHandle, record: TokenRecord, now: number): Promise<boolean> {
    this.learn(login.loginId, fromRecord(record, now));
    for (let attempt = 1; attempt <= quickWriteAttempts; attempt++) {
      if (attempt > 1) await delay(50 * attempt);
      const written = await this.#tryWrite(login, record);
      if (written !== undefined) return written;
    }
    void this.#writeLater(login, record);
    return true;
  }

  async #writeLater(login: LoginHandle, record: TokenRecord): Promise<void> {
    for (let pauseMs = 250; ; pauseMs = Math.min(pauseMs * 2, maxRewritePauseMs)) {
      await delay(pauseMs, undefined, { ref: false });
      const isNewest = this.#known.get(login.loginId)?.generation === record.generation;
      if (!isNewest || (await this.#tryWrite(login, record)) !== undefined) return;
    }
  }

  async #tryWrite(login: LoginHandle, record: TokenRecord): Promise<boolean | undefined> {
    try {
      return await writeRecord(login, record);
    } catch (error) {
      publish('refresh', { event: 'record-not-written', loginId: login.loginId, error });
      return undefined;
    }
  }
}

function fromRecord(record: TokenRecord, mintedAt: number | undefined): KnownLogin {
  return { generation: record.generation, tokens: 'tokens' in record ? record.tokens : undefined, mintedAt };
}
