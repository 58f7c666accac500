import type { BackgroundWork } from '../async/background-work.js';
import { BoundedMap } from '../bounded-map.js';
import { publish } from '../diagnostics.js';
import { commitLagMs } from '../tokens/commit-lag.js';
import { fingerprint, type TokenRecord } from '../tokens/token-record.js';
import type { TokenSet } from '../tokens/token-set.js';
import { type CachedLogin, isSamePair, type TokenValidity } from './cached-login.js';

/** Dependencies of {@link IssuedTokens}. */
export interface IssuedTokensParts {
  /** Revokes tokens at Polar; never rejects. */
  readonly revoke: (tokens: TokenSet, justIssued: boolean, loginId: string) => Promise<void>;
  readonly background: BackgroundWork;
  readonly validity: TokenValidity;
  /** True while this process refreshes the login. */
  readonly isRefreshing: (loginId: string) => boolean;
}

/**
 * Tokens that Polar issued to this process, and their revocation once nobody needs them: of all processes that know a pair, the
 * one to which Polar issued it revokes it.
 */
export class IssuedTokens {
  readonly #parts: IssuedTokensParts;
  readonly spares: Spares;
  // The access token that Polar last issued to this process.
  readonly #issuedHere = new BoundedMap<string>(10_000);

  constructor(parts: IssuedTokensParts) {
    this.#parts = parts;
    this.spares = new Spares((loginId, spare) => this.#revokeInBackground(loginId, spare));
  }

  /** Notes that Polar has issued these tokens to this process. */
  add(loginId: string, tokens: TokenSet): void {
    this.#issuedHere.set(loginId, tokens.accessToken);
  }

  /** Revokes tokens of a login. */
  async revoke(loginId: string, known: Pick<CachedLogin, 'tokens' | 'issuedAt' | 'metAt'>): Promise<void> {
    if (known.tokens !== undefined)
      await this.#parts.revoke(known.tokens, this.#parts.validity.ageOf(known) < commitLagMs, loginId);
  }

  #revokeInBackground(loginId: string, known: TokenRecord | CachedLogin): void {
    void this.#parts.background.write(this.revoke(loginId, known));
  }

  /** Revokes tokens of an ended login that the process which ended it cannot have known. */
  revokeLeftOver(loginId: string, leftOver: TokenRecord): void {
    if (this.#isIssuedHere(loginId, leftOver)) this.#revokeInBackground(loginId, leftOver);
  }

  /**
   * Keeps our pair as a spare after another process recorded a different pair of the same generation. Pairs issued to
   * other processes are left to them.
   */
  keepAsSpare(loginId: string, own: TokenRecord): void {
    if (!this.#isIssuedHere(loginId, own)) return;
    if (this.spares.keep(loginId, own))
      publish('refresh', { event: 'tie', loginId, generation: own.generation });
  }

  /**
   * Revokes a pair if other processes have refreshed a different pair of its generation: only this process still has
   * it.
   */
  revokeUnlessReplaced(loginId: string, known: CachedLogin, newest: CachedLogin): void {
    // A refresh that finds its login ended revokes its own tokens, and waits for that.
    const isLeftToRefresh = newest.tokens === undefined && this.#parts.isRefreshing(loginId);
    if (known.tokens === undefined || isLeftToRefresh) return;
    const isNext = newest.generation === known.generation + 1;
    const isReplacedByOther =
      isNext && newest.replaces !== undefined && newest.replaces !== fingerprint(known.tokens);
    const isSkipped = !isNext && this.#isIssuedHere(loginId, known);
    if (!isReplacedByOther && !isSkipped) return;
    this.#issuedHere.delete(loginId);
    this.#revokeInBackground(loginId, known);
  }

  #isIssuedHere(loginId: string, { tokens }: Pick<CachedLogin, 'tokens'>): boolean {
    return tokens !== undefined && this.#issuedHere.get(loginId) === tokens.accessToken;
  }
}

/**
 * Spare token pairs. Polar may respond to two refreshes of one generation at once, and then both pairs live; a spare is
 * the pair that lost the tie in the store. When two processes both lose, neither may revoke its own pair at once, since
 * the other may rely on it. A spare is therefore kept until something newer is recorded.
 */
export class Spares {
  readonly #spares = new BoundedMap<TokenRecord>(10_000);
  readonly #revoke: (loginId: string, spare: TokenRecord) => void;

  constructor(revoke: (loginId: string, spare: TokenRecord) => void) {
    this.#revoke = revoke;
  }

  /** Keeps a pair that lost to a recorded one of the same generation; returns whether it is new. */
  keep(loginId: string, spare: TokenRecord): boolean {
    const isNews = !isSamePair(this.#spares.get(loginId)?.tokens, spare.tokens);
    this.#spares.set(loginId, spare);
    return isNews;
  }

  /** Removes and returns the spare of a login whose recorded pair of this generation Polar has refused. */
  take(loginId: string, refused: CachedLogin): TokenRecord | undefined {
    const spare = this.#spares.get(loginId);
    if (spare?.generation !== refused.generation || isSamePair(spare.tokens, refused.tokens))
      return undefined;
    this.#spares.delete(loginId);
    return spare;
  }

  /** Revokes a spare that is no longer needed because something newer is recorded or the login has ended. */
  revokeIfSuperseded(loginId: string, newest: CachedLogin): void {
    const spare = this.#spares.get(loginId);
    if (spare === undefined || newest.generation <= spare.generation) return;
    this.#spares.delete(loginId);
    // Another process may have recorded the same pair as the next generation.
    if (!isSamePair(newest.tokens, spare.tokens)) this.#revoke(loginId, spare);
  }

  /** Revokes all spares. */
  revokeAll(): void {
    for (const [loginId, spare] of this.#spares.entries()) {
      this.#spares.delete(loginId);
      this.#revoke(loginId, spare);
    }
  }
}
