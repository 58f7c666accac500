import { setTimeout as delay } from 'node:timers/promises';
import type { PolarOAuthClient } from './client/oauth-client.js';
import { publish } from './diagnostics.js';
import { PolarResponseError, PolarTransientError } from './errors.js';
import type { TokenSet } from './tokens/token-set.js';

// Nobody waits longer than this to be logged out.
const timeoutMs = 3000;
// Polar commits after it has responded: sooner than this, it may not find a token that it has just issued.
const commitLagMs = 2000;
// While Polar cannot be reached, in the background.
const retryAfterMs = [2000, 10_000, 60_000, 5 * 60_000, 30 * 60_000];

/**
 * Revokes tokens at Polar as well as that can be done: at once, again where Polar may not have known them yet, and again
 * in the background where it could not be reached. Never rejects; public clients, which Polar lets revoke nothing,
 * leave it.
 *
 * @param limits `timeoutMs` of the client, where that is shorter; `track` is given what goes on in the background
 */
export async function revokeTokens(
  client: PolarOAuthClient,
  tokens: TokenSet,
  limits: {
    readonly justIssued: boolean;
    readonly timeoutMs: number;
    readonly track: <T>(work: Promise<T>) => Promise<T>;
  },
): Promise<void> {
  if (client.isPublic) return;
  const once = async (): Promise<boolean> => {
    try {
      await client.revoke(tokens.refreshToken ?? tokens.accessToken, {
        timeoutMs: Math.min(limits.timeoutMs, timeoutMs),
      });
      return true;
    } catch (error) {
      publish('logout', { event: 'revoke-failed', error });
      // A proxy's page or redirect is no response of Polar's either.
      return !(error instanceof PolarTransientError || error instanceof PolarResponseError);
    }
  };
  const isSettled = await limits.track(once());
  if (!isSettled) void limits.track(again(once, retryAfterMs));
  else if (limits.justIssued) void limits.track(again(once, [commitLagMs]));
}

async function again(once: () => Promise<boolean>, pausesMs: readonly number[]): Promise<void> {
  for (const pauseMs of pausesMs) {
    await delay(pauseMs, undefined, { ref: false });
    if (await once()) return;
  }
}
