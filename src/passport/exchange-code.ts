import { listenMs } from '../async/background-work.js';
import { within } from '../async/within.js';
import type { LoginAttempt } from '../attempts/login-attempt.js';
import type { TokenResponse } from '../client/token-response.js';
import { untilCommitted } from '../client/until-committed.js';
import { PolarOAuthError, PolarTransientError } from '../errors.js';
import { isUnansweredReset } from '../http/http.js';
import type { PolarRuntime } from '../runtime.js';
import { tokenSetOf } from '../tokens/token-set.js';

/** Dependencies of {@link exchangeCode}. */
export interface ExchangeCodeParts {
  readonly runtime: PolarRuntime;
  /** Extra parameters for the code exchange. */
  readonly tokenParams: () => Readonly<Record<string, string>>;
}

/** Result of a code exchange. Times are in milliseconds since the epoch. */
export interface ExchangedCode {
  readonly granted: TokenResponse;
  /** When the response arrived; Polar issued the tokens earlier. */
  readonly receivedAt: number;
}

/**
 * Exchanges the code of a login. Retries for a moment: the code arrives within milliseconds of being issued, often before Polar
 * has committed it, and a refused exchange does not spend it.
 */
export async function exchangeCode(
  { runtime, tokenParams }: ExchangeCodeParts,
  { redirectURI, codeVerifier }: Pick<LoginAttempt, 'redirectURI' | 'codeVerifier'>,
  code: string,
): Promise<ExchangedCode> {
  const { now, timeoutMs } = runtime.options;
  const grant = { code, redirectURI, codeVerifier, extra: tokenParams() };
  // First, so that the long time-out below covers the exchange only.
  await runtime.client.discover();
  const exchangeOnce = async (leftMs: number): Promise<ExchangedCode> => {
    const exchange = runtime.background.exchange(() =>
      onceMoreAfterReset(() =>
        runtime.client.exchangeCode(grant, { timeoutMs: Math.max(listenMs, timeoutMs) }),
      ),
    );
    const granted = await within(exchange, leftMs, () => {
      // The login has failed by then, so the tokens would stay unused.
      exchange.then(
        (late) => runtime.revoke(tokenSetOf(late, { scopes: [] }), true),
        () => {},
      );
      return new PolarTransientError(
        'timeout',
        `Exchanging the authorization code took longer than ${timeoutMs} ms. Log in again; raise timeoutMs if it keeps happening.`,
      );
    });
    return { granted, receivedAt: now() };
  };
  return untilCommitted(exchangeOnce, { isTooEarly: isUnknownCode, timeoutMs });
}

/**
 * Sends a code again after a connection reset. If Polar had received the first request, the code is spent and its tokens are
 * lost; the alternative is a login that fails whenever a connection has idled for too long.
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

// Polar's only description for a code that is used, expired, or another client's. A wrong redirect URI or verifier has its own
// description.
function isUnknownCode(error: unknown): boolean {
  return (
    error instanceof PolarOAuthError &&
    error.error === 'invalid_grant' &&
    error.errorDescription === "Invalid 'code' in request."
  );
}
