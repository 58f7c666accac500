import type { BackgroundWork } from '../async/background-work.js';
import type { PolarOAuthClient } from '../client/oauth-client.js';
import { publish } from '../diagnostics.js';
import { PolarResponseError, PolarTransientError } from '../errors.js';
import { commitLagMs } from '../tokens/commit-lag.js';
import type { TokenSet } from '../tokens/token-set.js';

// A logout waits no longer than this.
const timeoutMs = 3000;
// Background retries while Polar is unreachable.
const retryAfterMs = [2000, 10_000, 60_000, 5 * 60_000, 30 * 60_000];

/**
 * Revokes tokens at Polar, best effort: at once, a second time if Polar may not have known them yet, and repeatedly in the
 * background while Polar is unreachable. Never rejects. Does nothing for public clients, which Polar does not let revoke, and
 * at a provider without an endpoint for it.
 *
 * @param limits `timeoutMs`: milliseconds for one try, at most 3 s
 */
export async function revokeAtPolar(
  client: PolarOAuthClient,
  tokens: TokenSet,
  limits: {
    readonly justIssued: boolean;
    readonly timeoutMs: number;
    readonly background: BackgroundWork;
    /** Undefined if the tokens never became a login. */
    readonly loginId: string | undefined;
  },
): Promise<void> {
  if (client.isPublic || !(await limits.background.write(mayRevoke(client)))) return;
  const loginId = limits.loginId === undefined ? {} : { loginId: limits.loginId };
  let isRevoked = false;
  const once = async (): Promise<boolean> => {
    try {
      await client.revoke(tokens.refreshToken ?? tokens.accessToken, {
        timeoutMs: Math.min(limits.timeoutMs, timeoutMs),
      });
      // The second try for tokens that Polar may not have known is no news.
      if (!isRevoked) publish('logout', { event: 'revocation', ...loginId });
      isRevoked = true;
      return true;
    } catch (error) {
      isRevoked = false;
      publish('logout', { event: 'revocation', ...loginId, error });
      // A page or redirect of a proxy is not a response of Polar either.
      return !(error instanceof PolarTransientError || error instanceof PolarResponseError);
    }
  };
  const again = async (pausesMs: readonly number[]): Promise<void> => {
    for (const pauseMs of pausesMs) {
      await limits.background.beforeRetry(pauseMs);
      if (await limits.background.write(once())) return;
    }
  };
  const isSettled = await limits.background.write(once());
  if (!isSettled) void again(retryAfterMs);
  else if (limits.justIssued) void again([commitLagMs, ...retryAfterMs]);
}

/** False if the metadata of a discovered provider has no endpoint for revocation: trying again would change nothing. */
async function mayRevoke(client: PolarOAuthClient): Promise<boolean> {
  const endpoints = await client.discover().catch(() => undefined);
  return endpoints === undefined || endpoints.revocationEndpoint !== undefined;
}
