import type { PolarRuntime } from '../composition.js';
import type { TokenSet } from '../tokens/token-set.js';

/**
 * The tokens of a login that may still fail. Polar's refresh tokens do not expire, so those that nobody keeps would stay
 * alive for ever: they are revoked, in the background and at most once.
 */
export class UnkeptTokens {
  readonly #revoke: () => void;
  readonly #tellEnd: (loginId: string) => void;
  #loginId: string | undefined;
  /** Whether a verify callback was given the tokens, so that the app may keep them itself. */
  readonly isSeenByApp: boolean;
  #isKept = false;
  #isRevoked = false;

  constructor(runtime: PolarRuntime, tokens: TokenSet, isSeenByApp: boolean) {
    // A copy: a verify callback may do to its own what it likes.
    const own = { ...tokens };
    this.#revoke = () => void runtime.revoke(own, true);
    this.#tellEnd = (loginId) => runtime.refresher.learnEnd(loginId, 'abandoned');
    this.isSeenByApp = isSeenByApp;
  }

  /** True until it is known what becomes of the tokens. */
  get isOpen(): boolean {
    return !this.#isKept && !this.#isRevoked;
  }

  /** The verify callback has let somebody in by a login of this id, and may have noted it: should it fail, the app is told. */
  name(loginId: string): void {
    this.#loginId = loginId;
  }

  /** Somebody has the tokens, or is about to store them. */
  keep(): void {
    if (!this.#isRevoked) this.#isKept = true;
  }

  /** The login has failed, although somebody may have been about to keep its tokens. */
  revoke(): void {
    if (this.#isRevoked) return;
    this.#isRevoked = true;
    this.#revoke();
    if (this.#loginId !== undefined) this.#tellEnd(this.#loginId);
  }

  /** The login has failed, unless somebody keeps its tokens by now. */
  revokeUnlessKept(): void {
    if (!this.#isKept) this.revoke();
  }

  /** The login has succeeded, but its tokens were not stored here: without a verify callback nobody has them. */
  revokeUnlessSeen(): void {
    if (!this.isSeenByApp) this.revokeUnlessKept();
  }
}
