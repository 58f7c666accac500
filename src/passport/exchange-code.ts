import type { LoginAttempt } from '../attempts/login-attempt.js';
import type { TokenResponse } from '../client/token-response.js';
import { untilCommitted } from '../client/until-committed.js';
import { PolarOAuthError, PolarTransientError } from '../errors.js';
import { isUnansweredReset } from '../http.js';
import { tokenSetOf } from '../tokens/token-set.js';
import { listenMs } from '../under-way.js';
import { within } from '../within.js';
import type { LoginFlowParts } from './login-flow-parts.js';

/** What the exchange of a code brought. Times are in milliseconds since the epoch. */
export interface ExchangedCode {
  readonly granted: TokenResponse;
  /** When the request was sent: Polar counts the lifetime from a later moment. */
  readonly sentAt: number;
  /** When the response was there: Polar issued the tokens before. */
  readonly receivedAt: number;
}

/**
 * Exchanges the code of a login, with a little patience: it comes back within milliseconds of being issued, often before
 * Polar has committed it. An attempt that is refused does not use it up.
 */
export async function exchangeCode(
  { runtime, tokenParams }: Pick<LoginFlowParts, 'runtime' | 'tokenParams'>,
  { redirectURI, codeVerifier }: Pick<LoginAttempt, 'redirectURI' | 'codeVerifier'>,
  code: string,
): Promise<ExchangedCode> {
  const { now, timeoutMs } = runtime.options;
  const grant = { code, redirectURI, codeVerifier, extra: tokenParams() };
  // Metadata that cannot be read are no exchange, and nobody listens for them.
  await runtime.client.discover();
  const exchangeOnce = async (leftMs: number): Promise<ExchangedCode> => {
    const sentAt = now();
    const exchange = runtime.underWay.exchange(() =>
      onceMoreAfterReset(() =>
        runtime.client.exchangeCode(grant, { timeoutMs: Math.max(listenMs, timeoutMs) }),
      ),
    );
    const granted = await within(exchange, leftMs, () => {
      // The login has failed by then: nobody will have these tokens.
      exchange.then(
        (late) => runtime.revoke(tokenSetOf(late, sentAt, { scopes: [] }), true),
        () => {},
      );
      return new PolarTransientError(
        'timeout',
        `Polar has not responded to the exchange of the code within ${timeoutMs} ms. Log in again; raise timeoutMs if it keeps happening.`,
      );
    });
    return { granted, sentAt, receivedAt: now() };
  };
  return untilCommitted(exchangeOnce, { isTooEarly: isUnknownCode, timeoutMs });
}

/**
 * Sends a code again where the connection was reset. If Polar had received it before, it is spent, and tokens are left there
 * that nobody knows: better than a login that fails whenever a connection has idled for too long.
 */
async function onceMoreAfterReset(exchange: () => Promise<TokenResponse>): Promise<TokenResponse> {
  try {
    return await exchange();
  } catch (reset) {
    if (!isUnansweredReset(reset)) throw reset;
    return exchange().catch((error: unknown) => {
      throw isUnknownCode(error) ? reset : error;
    });
  }
}

// Polar says no more of a code that is used or expired, or another client's. A wrong redirect URI or verifier has a
// description of its own.
function isUnknownCode(error: unknown): boolean {
  return (
    error instanceof PolarOAuthError &&
    error.error === 'invalid_grant' &&
    error.errorDescription === "Invalid 'code' in request."
  );
}
