import type { Clock } from '../clock.js';
import { randomToken } from '../random-token.js';
import type { Transaction } from '../realistic/transaction.js';
import type { DirectoryUser } from '../users/directory.js';

/** What Polar remembers of an authorization code until it is exchanged. */
export interface CodeRecord {
  readonly code: string;
  readonly clientID: string;
  readonly user: DirectoryUser;
  /** As asked for; the client's scopes are applied when the code is exchanged. */
  readonly scope: string;
  /** Absent when the request named none, and then the exchange need not name it either. */
  readonly redirectURI: string | undefined;
  readonly nonce: string | undefined;
  readonly codeChallenge: string | undefined;
  /** Absent counts as `plain`. An empty one is kept, for the exchange to trip over. */
  readonly codeChallengeMethod: string | undefined;
  readonly organizationIDs: readonly string[];
  /** Seconds since the epoch. */
  readonly authTime: number;
  /** False until the transaction that made it is committed. */
  committed: boolean;
}

/** A code challenge or verifier (RFC 7636). A line break at its end goes unnoticed at Polar. */
export const CHALLENGE = /^[\w\-.~]{43,128}\n?$/;

/**
 * Authorization codes that have not been exchanged. Those of abandoned logins stay, half a kilobyte each, since their
 * nonces count.
 */
export class Codes {
  readonly #codes = new Map<string, CodeRecord>();
  /** How many of the codes carry a client's nonce. */
  readonly #nonces = new Map<string, number>();
  readonly #clock: Clock;
  readonly #lifetimeSeconds: number;

  constructor(clock: Clock, lifetimeSeconds: number) {
    this.#clock = clock;
    this.#lifetimeSeconds = lifetimeSeconds;
  }

  issue(details: Omit<CodeRecord, 'code' | 'authTime' | 'committed'>, transaction: Transaction): CodeRecord {
    const code = randomToken('polar_ac_');
    const record = { ...details, code, authTime: this.#clock.seconds(), committed: false };
    transaction.onCommit(() => {
      record.committed = true;
    });
    this.#codes.set(record.code, record);
    this.#addToNonce(record, 1);
    return record;
  }

  /** The code of this client, unless it is unknown, used or expired. */
  find(code: string, clientID: string): CodeRecord | undefined {
    const record = this.#codes.get(code);
    if (record?.committed !== true || record.clientID !== clientID) return undefined;
    return this.#clock.hasPassed(record.authTime, this.#lifetimeSeconds) ? undefined : record;
  }

  delete(record: CodeRecord, transaction: Transaction): Promise<void> {
    return transaction.lock(record, () => {
      transaction.onCommit(() => {
        if (this.#codes.delete(record.code)) this.#addToNonce(record, -1);
      });
    });
  }

  /**
   * How many stored codes carry a nonce. An exchanged code is deleted and frees its nonce; an abandoned one stays
   * stored, expired or not, so its nonce can never be used again.
   */
  countNonce(clientID: string, nonce: string): number {
    return this.#nonces.get(nonceKey(clientID, nonce)) ?? 0;
  }

  clear(): void {
    this.#codes.clear();
    this.#nonces.clear();
  }

  #addToNonce({ clientID, nonce }: CodeRecord, change: 1 | -1): void {
    if (nonce === undefined) return;
    const key = nonceKey(clientID, nonce);
    const count = this.countNonce(clientID, nonce) + change;
    if (count === 0) this.#nonces.delete(key);
    else this.#nonces.set(key, count);
  }
}

function nonceKey(clientID: string, nonce: string): string {
  return JSON.stringify([clientID, nonce]);
}
