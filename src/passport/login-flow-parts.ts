import type { LoginAttempts } from '../attempts/login-attempts.js';
import type { IdTokenClaims } from '../id-token/claims.js';
import type { PolarRuntime } from '../runtime.js';
import type { PolarProfile } from './profile.js';
import type { VerifyLogin } from './verify-callback.js';

/** What the login flow uses of the strategy: its parts, and the hooks that a subclass may override. */
export interface LoginFlowParts {
  readonly runtime: PolarRuntime;
  readonly attempts: LoginAttempts;
  readonly verify: VerifyLogin;
  /** True if the app has a verify callback, which receives the tokens. */
  readonly handsOverTokens: boolean;
  /** Extra parameters for the authorize page. */
  readonly authorizationParams: () => Readonly<Record<string, string>>;
  /** Extra parameters for the code exchange. */
  readonly tokenParams: () => Readonly<Record<string, string>>;
  /** The profile from the userinfo endpoint. */
  readonly userProfile: (accessToken: string, claims: IdTokenClaims) => Promise<PolarProfile>;
}

/** Options of one `passport.authenticate` call: Passport's and this package's. */
export type AuthenticateOptions = Readonly<Record<string, unknown>>;

/** True for `passport.authorize`, which connects an account without logging the user in. */
export function isLinking(options: AuthenticateOptions): boolean {
  return options['assignProperty'] !== undefined;
}
