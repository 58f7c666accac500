/** Observability over `node:diagnostics_channel`; no token, secret or code is ever in a message. */
import { channel } from 'node:diagnostics_channel';

const channels = {
  login: channel('passport-polar:login'),
  refresh: channel('passport-polar:refresh'),
  logout: channel('passport-polar:logout'),
  request: channel('passport-polar:request'),
};

/** What a subscriber receives. `event` tells what happened; `error` is there when it went wrong. */
export interface PolarDiagnostic {
  readonly event: string;
  /** Random name of the login, the same from login to logout. It opens nothing. */
  readonly loginId?: string;
  readonly error?: unknown;
  readonly [detail: string]: unknown;
}

/** Publishes to `passport-polar:<name>`; free when nobody subscribes. */
export function publish(name: keyof typeof channels, message: PolarDiagnostic): void {
  if (channels[name].hasSubscribers) channels[name].publish(message);
}
