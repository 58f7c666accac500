import type { PolarRuntime } from '../runtime.js';
import type { TokenSet } from '../tokens/token-set.js';

/**
 * The tokens of a login that may still fail. Polar's refresh tokens do not expire, so unused ones would stay valid for ever:
 * they are revoked, in the background and at most once.
 */
export class UnkeptTokens {
  readonly #revoke: () => void;
  readonly #tellEnd: (loginId: string) => void;
  #loginId: string | undefined;
  /** True if a verify callback received the tokens, so that the app may keep them itself. */
  readonly isSeenByApp: boolean;
  #isKept = false;
  #isRevoked = false;

  constructor(runtime: PolarRuntime, tokens: TokenSet, isSeenByApp: boolean) {
    // A copy, because a verify callback may change its own.
    const own = { ...tokens };
    this.#revoke = () => void runtime.revoke(own, true, this.#loginId);
    this.#tellEnd = (loginId) => runtime.refresher.learnEnd(loginId, 'abandoned');
    this.isSeenByApp = isSeenByApp;
  }

  /** True until the tokens are kept or revoked. */
  get isOpen(): boolean {
    return !this.#isKept && !this.#isRevoked;
  }

  /** The verify callback accepted the login and may have stored its id, so `onLoginEnded` reports the end if the login fails. */
  name(loginId: string): void {
    this.#loginId = loginId;
  }

  /** The tokens are stored, or about to be. */
  keep(): void {
    if (!this.#isRevoked) this.#isKept = true;
  }

  /** The login has failed, even if its tokens were about to be stored. */
  revoke(): void {
    if (this.#isRevoked) return;
    this.#isRevoked = true;
    this.#revoke();
    if (this.#loginId !== undefined) this.#tellEnd(this.#loginId);
  }

  /** The login has failed, unless its tokens are kept by now. */
  revokeUnlessKept(): void {
    if (!this.#isKept) this.revoke();
  }

  /** The login has succeeded, but its tokens are not stored here: only a verify callback may have kept them. */
  revokeUnlessSeen(): void {
    if (!this.isSeenByApp) this.revokeUnlessKept();
  }
}
