import type { SubType } from './authorization-url.js';
import { type PolarScopes, scopeParameter } from './polar-scope.js';

/** What the `web` grant takes: a session of Polar's own web app is exchanged for an access token. */
export interface WebSessionGrant {
  /** The value of Polar's session cookie. */
  readonly sessionToken: string;
  /** `organization`: limited to the organization `sub`. @default 'user' */
  readonly subType?: SubType | undefined;
  /** Id of the organization (UUID): required with `organization`, refused with `user`. */
  readonly sub?: string | undefined;
  /** Scopes of the token. @default all of the client's */
  readonly scope?: PolarScopes | undefined;
}

/** The grant as the token endpoint reads it. */
export function webSessionForm({
  sessionToken,
  subType,
  sub,
  scope,
}: WebSessionGrant): Record<string, string> {
  return {
    grant_type: 'web',
    session_token: sessionToken,
    ...(subType !== undefined && { sub_type: subType }),
    ...(sub !== undefined && { sub }),
    ...(scope !== undefined && { scope: scopeParameter(scope) }),
  };
}
