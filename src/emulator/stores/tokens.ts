import type { Clock } from '../clock.js';
import { randomToken } from '../random-token.js';
import { AT_ONCE, type Transaction } from '../realistic/transaction.js';
import type { DirectoryOrganization, DirectoryUser } from '../users/directory.js';

/** Whom a token stands for. Organizations are legacy: Polar mints tokens for users only. */
export type TokenSubject =
  | { readonly type: 'user'; readonly user: DirectoryUser }
  | { readonly type: 'organization'; readonly organization: DirectoryOrganization };

/** What the caller decides about a new token. */
export interface NewToken {
  readonly clientID: string;
  readonly subject: TokenSubject;
  readonly scope: string;
  /** Organizations the token is limited to; empty means all of the user's. */
  readonly organizationIDs: readonly string[];
  readonly expiresIn: number;
  readonly withRefreshToken: boolean;
}

/** An access token and the refresh token that lives and dies with it: one row in Polar's database. */
export interface TokenRecord extends Omit<NewToken, 'withRefreshToken'> {
  readonly accessToken: string;
  readonly refreshToken: string | undefined;
  /** Seconds since the epoch. */
  readonly issuedAt: number;
  revoked: boolean;
  /** True once a transaction has revoked it, which may not be committed yet. */
  isEnding: boolean;
  /** False until the transaction that made it is committed. */
  committed: boolean;
}

/** So many rows may be kept before those that are dead are looked for. */
const FIRST_SWEEP_AT = 10_000;

/**
 * The tokens of this emulator. Revoked ones are remembered for a while, then forgotten: a server that runs for weeks
 * must not fill the memory, and hardly anything tells a token that is dead from one that never was.
 */
export class Tokens {
  readonly #byAccessToken = new Map<string, TokenRecord>();
  readonly #byRefreshToken = new Map<string, TokenRecord>();
  readonly #clock: Clock;
  #sweepAt = FIRST_SWEEP_AT;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  issue({ withRefreshToken, ...details }: NewToken, transaction: Transaction = AT_ONCE): TokenRecord {
    const kind = details.subject.type === 'user' ? 'u' : 'o';
    const record: TokenRecord = {
      ...details,
      accessToken: randomToken(`polar_at_${kind}_`),
      refreshToken: withRefreshToken ? randomToken(`polar_rt_${kind}_`) : undefined,
      issuedAt: this.#clock.seconds(),
      revoked: false,
      isEnding: false,
      committed: false,
    };
    transaction.onCommit(() => {
      record.committed = true;
    });
    this.#byAccessToken.set(record.accessToken, record);
    if (record.refreshToken !== undefined) this.#byRefreshToken.set(record.refreshToken, record);
    if (this.#byAccessToken.size >= this.#sweepAt) this.#sweep();
    return record;
  }

  /** The row of this access token, even when it is revoked or expired. */
  findByAccessToken(token: string): TokenRecord | undefined {
    return committed(this.#byAccessToken.get(token));
  }

  /** The row of this refresh token, even when it is revoked. */
  findByRefreshToken(token: string): TokenRecord | undefined {
    return committed(this.#byRefreshToken.get(token));
  }

  /** True when the access token of the row is accepted. */
  isAccepted(record: TokenRecord): boolean {
    return !record.revoked && !this.isExpired(record);
  }

  /** True when the access token of the row is past its lifetime; its refresh token works on. */
  isExpired(record: TokenRecord): boolean {
    return this.#clock.hasPassed(record.issuedAt, record.expiresIn);
  }

  /** Expires the access token now, and leaves the refresh token alone. */
  expire(record: TokenRecord): TokenRecord {
    const expired = { ...record, issuedAt: this.#clock.seconds() - record.expiresIn - 1 };
    this.#byAccessToken.set(record.accessToken, expired);
    if (record.refreshToken !== undefined) this.#byRefreshToken.set(record.refreshToken, expired);
    return expired;
  }

  /** Revokes both tokens of a row. */
  revoke(record: TokenRecord, transaction: Transaction): Promise<void> {
    return transaction.lock(record, () => {
      record.isEnding = true;
      transaction.onCommit(() => {
        record.revoked = true;
      });
    });
  }

  /** Revokes what `matches`, or everything, at once. */
  revokeAll(matches: (record: TokenRecord) => boolean = () => true): void {
    for (const record of this.#byAccessToken.values()) {
      if (matches(record)) record.revoked = true;
    }
  }

  /** Rows of which something works once all is committed: the access token, the refresh token or both. */
  live(): TokenRecord[] {
    return [...this.#byAccessToken.values()].filter(
      (record) =>
        !record.revoked && !record.isEnding && (record.refreshToken !== undefined || !this.isExpired(record)),
    );
  }

  clear(): void {
    this.#byAccessToken.clear();
    this.#byRefreshToken.clear();
    this.#sweepAt = FIRST_SWEEP_AT;
  }

  /** Forgets the rows of which nothing can ever work again; the next time when there are twice as many as are left. */
  #sweep(): void {
    for (const record of this.#byAccessToken.values()) {
      if (!record.revoked) continue;
      this.#byAccessToken.delete(record.accessToken);
      if (record.refreshToken !== undefined) this.#byRefreshToken.delete(record.refreshToken);
    }
    this.#sweepAt = Math.max(FIRST_SWEEP_AT, this.#byAccessToken.size * 2);
  }
}

function committed(record: TokenRecord | undefined): TokenRecord | undefined {
  return record?.committed === true ? record : undefined;
}
