/**
 * Why a login has ended.
 *
 * @group Strategy
 */
export type LoginEndReason =
  /** By {@link logout}. */
  | 'logged_out'
  /** By {@link disconnect}. */
  | 'disconnected'
  /** By another login in the same browser, of the same user or another. */
  | 'replaced'
  /** By `polar.endLogin`. */
  | 'ended_by_app'
  /** The response never reached the browser, or the app never called `req.login`. */
  | 'abandoned'
  /** Polar no longer refreshes its tokens. */
  | 'refused_by_polar';

const isReason: Readonly<Record<LoginEndReason, true>> = {
  logged_out: true,
  disconnected: true,
  replaced: true,
  ended_by_app: true,
  abandoned: true,
  refused_by_polar: true,
};

/** Whether a text is one of the reasons. */
export function isLoginEndReason(text: string): text is LoginEndReason {
  return Object.hasOwn(isReason, text);
}
