import { within } from '../async/within.js';
import { BoundedMap } from '../bounded-map.js';
import { publish } from '../diagnostics.js';
import type { LoginEndReason } from '../login-end-reason.js';
import { developmentHint } from '../warnings.js';

/**
 * The argument of `onLoginEnded`.
 *
 * @group Strategy
 */
export interface LoginEnded {
  /** The id of the login, as in `req.polar.loginId` and the verify callback. */
  readonly loginId: string;
  /** Why it has ended. */
  readonly reason: LoginEndReason;
}

/**
 * Called when a login has ended. If it rejects, the error is published and has no other effect.
 *
 * @param ended id of the login, and why it ended
 *
 * @example
 * ```ts
 * const onLoginEnded: OnLoginEnded = async ({ loginId, reason }) => {
 *   if (reason === 'refused_by_polar') await users.forgetLogin(loginId);
 * };
 * ```
 *
 * @group Strategy
 */
export type OnLoginEnded = (ended: LoginEnded) => unknown;

// An evicted login could be reported twice, but an ended login seldom comes back.
const maxRemembered = 10_000;
// A slower callback is reported as failed, and shutdown no longer waits for it.
const maxCallbackMs = 30_000;

/**
 * Calls `onLoginEnded` once per login, in the background: no request waits for it.
 *
 * @param track receives the promise of each call
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
      developmentHint(
        'on_login_ended_failed',
        'onLoginEnded threw, rejected or took too long. Its error is on the diagnostics channel passport-polar-sh:logout.',
      );
    }
  };
  return (loginId, reason) => {
    if (told.get(loginId)) return;
    told.set(loginId, true);
    publish('logout', { event: 'ended', loginId, reason });
    if (onLoginEnded !== undefined) track(tell({ loginId, reason }));
  };
}
