import type { BackgroundWork } from '../../../src/async/background-work.js';
import type { TokenRefresher } from '../../../src/refresh/token-refresher.js';
import type { LoginHandle } from '../../../src/tokens/token-record.js';
import type { TokenSet } from '../../../src/tokens/token-set.js';
import { finished } from '../../support/virtual-time.js';
import { asActor } from './actors.js';

/** One process: a refresher of its own and the requests that it serves. */
export class RefresherProcess {
  constructor(
    readonly name: string,
    readonly refresher: TokenRefresher,
    readonly login: LoginHandle,
    readonly background: BackgroundWork,
  ) {}

  /** Makes the login known here, so that no first read is needed. */
  acquainted(): this {
    this.refresher.begin(this.login);
    return this;
  }

  /** Starts a request for a valid token. */
  valid(actor = this.name): Promise<TokenSet> {
    return asActor(actor, () => this.refresher.validTokens(this.login));
  }

  /** Starts a forced refresh. */
  forced(): Promise<TokenSet> {
    return asActor(this.name, () => this.refresher.newTokens(this.login));
  }

  /** Starts a logout. */
  end(actor = this.name): Promise<void> {
    return asActor(actor, () => this.refresher.end(this.login, 'logged_out'));
  }

  /** Starts what follows a 401. */
  refused(accessToken: string): Promise<TokenSet | undefined> {
    return asActor(this.name, () => this.refresher.tokensAfterRefusal(this.login, accessToken));
  }

  /** Whether the login counts as alive here. */
  isAlive(): Promise<boolean> {
    return finished(this.refresher.isAlive(this.login));
  }

  get peeked(): string | undefined {
    const known = this.refresher.peek(this.login.loginId);
    return known === undefined ? this.login.initial.tokens.accessToken : known.tokens?.accessToken;
  }
}

/** The outcome of a request: its access token, or the code of its error. */
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
      throw new Error('The request should have failed');
    },
    (error) => error,
  );
}
