// docs/ended-logins.md explains each.
export const loginEndReasons = [
  'logged_out',
  'disconnected',
  'replaced',
  'ended_by_app',
  'abandoned',
  'refused_by_polar',
] as const;

/**
 * Why a login has ended; {@link LoginEnded} explains each reason.
 *
 * @group Strategy
 * @useDeclaredType
 */
export type LoginEndReason = (typeof loginEndReasons)[number];
