import type { Request } from 'express';
import type { TokenResponse } from '../client/token-response.js';
import type { PolarRuntime } from '../composition.js';
import { PolarIdTokenError, PolarOAuthError } from '../errors.js';
import type { IdTokenClaims } from '../id-token/claims.js';
import { nameOfServer } from '../server.js';
import { type NewLogin, newLogin } from '../tokens/session-entry.js';
import { type TokenSet, tokenSetOf } from '../tokens/token-set.js';
import { type ExchangedCode, exchangeCode } from './exchange-code.js';
import { type AuthenticateOptions, isLinking, type LoginFlowParts } from './login-flow-parts.js';
import type { LoginOutcome } from './login-outcome.js';
import type { PendingLogin } from './pending-logins.js';
import { type PolarProfile, profileFromClaims } from './profile.js';
import { storeAtLogIn, storeForLoggedInUser } from './session-login.js';
import { UnkeptTokens } from './unkept-tokens.js';
import { untilCommitted } from './until-committed.js';
import type { Verified } from './verify-callback.js';

/** Exchanges a code, verifies, and has the session take the tokens. Those of a login that fails after that are revoked. */
export async function completeLogin(
  parts: LoginFlowParts,
  req: Request,
  options: AuthenticateOptions,
  pending: PendingLogin,
  code: string,
): Promise<LoginOutcome> {
  const exchanged = await exchangeCode(parts, pending, code);
  const tokens = tokenSetOf(exchanged.granted, exchanged.sentAt, { scopes: pending.scopes });
  const unkept = new UnkeptTokens(parts.runtime, tokens, parts.handsOverTokens);
  try {
    const { user, info, login } = await identify(parts, req, pending, exchanged, tokens);
    if (user === false) {
      unkept.revoke();
      return { failure: info };
    }
    const toStore = { login, unkept, returnTo: pending.returnTo };
    if (options['session'] === false) unkept.keep();
    else if (isLinking(options)) await storeForLoggedInUser(parts.runtime, req, toStore);
    else storeAtLogIn(parts.runtime, parts.pending, req, toStore);
    return {
      user,
      info: withAppState(info, pending.appState),
      onFault: () => unkept.revokeUnlessKept(),
    };
  } catch (error) {
    unkept.revoke();
    throw error;
  }
}

/** Finds out who logged in: by the id_token, then by the verify callback. */
async function identify(
  parts: LoginFlowParts,
  req: Request,
  { nonce, scopes, appState: state }: PendingLogin,
  { granted, receivedAt }: ExchangedCode,
  tokens: TokenSet,
): Promise<Verified & { readonly login: NewLogin }> {
  const { credentials, fetchUserInfo, server } = parts.runtime.options;
  // Before anything else is done with the tokens.
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
    mintedAt: receivedAt,
    askedScopes: scopes,
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
      "Polar's response has no id_token, so nobody was logged in. Is the scope openid registered for this client?",
    );
  }
  return runtime.verifyIdToken(granted.idToken, { nonce, accessToken: granted.accessToken });
}

/** The profile of userinfo, which may not know the new access token for a moment. */
function fetchedProfile(
  { runtime, userProfile }: LoginFlowParts,
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
