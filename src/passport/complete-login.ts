import type { Request } from 'express';
import type { TakenAttempt } from '../attempts/login-attempts.js';
import type { TokenResponse } from '../client/token-response.js';
import { untilCommitted } from '../client/until-committed.js';
import { PolarIdTokenError, PolarOAuthError } from '../errors.js';
import type { IdTokenClaims } from '../id-token/check-claims.js';
import { nameOfServer } from '../options/server.js';
import type { Verified } from '../request/app-callbacks.js';
import type { PolarRuntime } from '../runtime.js';
import { type NewLogin, newLogin } from '../tokens/session-entry.js';
import { type TokenSet, tokenSetOf } from '../tokens/token-set.js';
import { type ExchangeCodeParts, type ExchangedCode, exchangeCode } from './exchange-code.js';
import { type LoginOutcome, rejected } from './login-outcome.js';
import { type PolarProfile, profileFromClaims } from './profile.js';
import { type AuthenticateOptions, isLinking } from './request-options.js';
import { storeAtLogIn, storeForLoggedInUser } from './store-login.js';
import { UnkeptTokens } from './unkept-tokens.js';
import type { VerifyLogin } from './verify-callback.js';

/** Dependencies of {@link completeLogin}. */
export interface CompleteLoginParts extends ExchangeCodeParts {
  readonly verify: VerifyLogin;
  /** True if the app has a verify callback, which receives the tokens. */
  readonly handsOverTokens: boolean;
  /** The profile from the userinfo endpoint. */
  readonly userProfile: (accessToken: string, claims: IdTokenClaims) => Promise<PolarProfile>;
}

/** Exchanges a code, verifies the login and stores its tokens in the session. Revokes the tokens if the login fails later. */
export async function completeLogin(
  parts: CompleteLoginParts,
  req: Request,
  options: AuthenticateOptions,
  taken: TakenAttempt,
  code: string,
): Promise<LoginOutcome | 'taken by another'> {
  const { attempt } = taken;
  const exchanged = await exchangeCode(parts, attempt, code).catch(async (error: unknown) => {
    if (error instanceof PolarOAuthError && !(await taken.isOurs().catch(() => true))) return undefined;
    throw error;
  });
  if (exchanged === undefined) return 'taken by another';
  const tokens = tokenSetOf(exchanged.granted, { scopes: attempt.scopes });
  const unkept = new UnkeptTokens(parts.runtime, tokens, parts.handsOverTokens);
  try {
    // Polar may issue tokens for one code to two processes.
    if (!(await taken.isOurs())) {
      unkept.revoke();
      return 'taken by another';
    }
    const { user, info, login } = await identify(parts, req, taken, exchanged, tokens);
    if (user === false) {
      unkept.revoke();
      return rejected(info);
    }
    unkept.name(login.loginId);
    const isSessionless = options['session'] === false;
    const toStore = { login, unkept, returnTo: attempt.returnTo, cookieHash: taken.cookieHash };
    if (!isLinking(options)) storeAtLogIn(parts.runtime, req, toStore, { user, isSessionless });
    else if (isSessionless) unkept.revokeUnlessSeen();
    else await storeForLoggedInUser(parts.runtime, req, toStore);
    return {
      user,
      info: withAppState(info, attempt.appState),
      onFault: () => unkept.revokeUnlessKept(),
    };
  } catch (error) {
    unkept.revoke();
    throw error;
  }
}

/** Identifies the user by the id_token, then by the verify callback. */
async function identify(
  parts: CompleteLoginParts,
  req: Request,
  { id, attempt: { nonce, scopes, organization, appState: state } }: TakenAttempt,
  { granted, receivedAt }: ExchangedCode,
  tokens: TokenSet,
): Promise<Verified & { readonly login: NewLogin }> {
  const { credentials, fetchUserInfo, server } = parts.runtime.options;
  // First: nothing may use the tokens before this check.
  const claims = await verifiedClaims(parts.runtime, granted, nonce);
  const profile = fetchUserInfo
    ? await fetchedProfile(parts, granted.accessToken, claims)
    : profileFromClaims(claims);
  const login = newLogin({
    subject: claims.sub,
    nonce,
    clientID: credentials.clientID,
    server: nameOfServer(server),
    tokens,
    issuedAt: receivedAt,
    askedScopes: scopes,
    askedOrganization: organization,
    attempt: id,
  });
  const { loginId } = login;
  const verified = await parts.verify({ tokens, profile, claims, req, loginId, state }, granted);
  return { ...verified, login };
}

async function verifiedClaims(
  runtime: PolarRuntime,
  granted: TokenResponse,
  nonce: string,
): Promise<IdTokenClaims> {
  if (granted.idToken === undefined) {
    throw new PolarIdTokenError(
      'id_token_missing',
      "Polar's response has no id_token, so the login failed. Check that the scope openid is registered for this client.",
    );
  }
  return runtime.verifyIdToken(granted.idToken, { nonce, accessToken: granted.accessToken });
}

/** Fetches the profile from the userinfo endpoint, which may not know the new access token for a moment. */
function fetchedProfile(
  { runtime, userProfile }: CompleteLoginParts,
  accessToken: string,
  claims: IdTokenClaims,
): Promise<PolarProfile> {
  return untilCommitted(() => userProfile(accessToken, claims), {
    isTooEarly: (error) => error instanceof PolarOAuthError && error.error === 'invalid_token',
    timeoutMs: runtime.options.timeoutMs,
  });
}

function withAppState(info: unknown, appState: unknown): unknown {
  if (appState === undefined || (info !== undefined && info !== null && typeof info !== 'object'))
    return info;
  return { ...info, state: appState };
}
