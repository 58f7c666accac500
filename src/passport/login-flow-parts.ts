import type { LoginAttempts } from '../attempts/login-attempts.js';
import type { PolarRuntime } from '../composition.js';
import type { IdTokenClaims } from '../id-token/claims.js';
import type { PolarProfile } from './profile.js';
import type { VerifyLogin } from './verify-callback.js';

/** What the flow takes from the strategy: its parts, and the hooks that a subclass may override. */
export interface LoginFlowParts {
  readonly runtime: PolarRuntime;
  readonly attempts: LoginAttempts;
  readonly verify: VerifyLogin;
  /** Whether the app has a verify callback, which is given the tokens. */
  readonly handsOverTokens: boolean;
  /** Extra parameters for the authorize page. */
  readonly authorizationParams: () => Readonly<Record<string, string>>;
  /** Extra parameters for the code exchange. */
  readonly tokenParams: () => Readonly<Record<string, string>>;
  /** The profile from the userinfo endpoint. */
  readonly userProfile: (accessToken: string, claims: IdTokenClaims) => Promise<PolarProfile>;
}

/** Passport's options of one `passport.authenticate` call, and ours. */
export type AuthenticateOptions = Readonly<Record<string, unknown>>;

/** True for `passport.authorize`, which logs nobody in. */
export function isLinking(options: AuthenticateOptions): boolean {
  return options['assignProperty'] !== undefined;
}
