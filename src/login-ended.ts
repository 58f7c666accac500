import { developmentHint } from './development-hint.js';
import { publish } from './diagnostics.js';
import { BoundedMap } from './tokens/bounded-map.js';
import type { LoginEndReason } from './tokens/tombstone.js';
import { within } from './within.js';

/** What `onLoginEnded` is told. */
export interface LoginEnded {
  /** The login, as `req.polar.loginId` and the verify callback named it. */
  readonly loginId: string;
  /**
   * `logged_out`: by {@link logout}. `disconnected`: by {@link disconnect}. `replaced`: the browser has another login, or somebody
   * else has logged in. `ended_by_app`: by `polar.endLogin`. `abandoned`: it never reached its browser, or waited in vain for
   * `req.login`. `refused_by_polar`: Polar does not refresh its tokens any more.
   */
  readonly reason: LoginEndReason;
}

/** Is told that a login has ended. What it rejects with is published, and changes nothing. */
export type OnLoginEnded = (ended: LoginEnded) => unknown;

// An ended login that is forgotten could be told again, but seldom comes back.
const maxRemembered = 10_000;
// A callback that takes longer is reported, and no longer waited for at shutdown.
const maxCallbackMs = 30_000;

/**
 * Calls `onLoginEnded` once for each login, after whatever is going on: nobody waits for it.
 *
 * @param track is given what goes on in the background
 */
export function tellOnce(
  onLoginEnded: OnLoginEnded | undefined,
  track: (work: Promise<void>) => unknown,
): (loginId: string, reason: LoginEndReason) => void {
  const told = new BoundedMap<true>(maxRemembered);
  const tell = async (ended: LoginEnded): Promise<void> => {
    await new Promise((resolve) => setImmediate(resolve));
    try {
      const called = (async () => onLoginEnded?.(ended))();
      await within(called, maxCallbackMs, 'onLoginEnded');
    } catch (error) {
      publish('logout', { event: 'on-login-ended-failed', loginId: ended.loginId, error });
      developmentHint(`onLoginEnded failed: ${String(error)}`);
    }
  };
  return (loginId, reason) => {
    if (told.get(loginId)) return;
    told.set(loginId, true);
    publish('logout', { event: 'ended', loginId, reason });
    if (onLoginEnded !== undefined) track(tell({ loginId, reason }));
  };
}
