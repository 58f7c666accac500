/** Observability over `node:diagnostics_channel`; no token, secret or code is ever in a message. */
import { channel } from 'node:diagnostics_channel';

const channels = {
  login: channel('passport-polar-sh:login'),
  refresh: channel('passport-polar-sh:refresh'),
  logout: channel('passport-polar-sh:logout'),
  request: channel('passport-polar-sh:request'),
};

/** What a subscriber receives. `event` tells what happened; `error` is there when it went wrong. */
export interface PolarDiagnostic {
  readonly event: string;
  /** Random name of the login, the same from login to logout. It opens nothing. */
  readonly loginId?: string;
  readonly error?: unknown;
  readonly [detail: string]: unknown;
}

/** Publishes to `passport-polar-sh:<name>`; free when nobody subscribes. */
export function publish(name: keyof typeof channels, message: PolarDiagnostic): void {
  if (channels[name].hasSubscribers) channels[name].publish(message);
}
