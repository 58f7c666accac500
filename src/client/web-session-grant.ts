import { checkString } from '../options/option-checks.js';
import type { SubType } from './authorization-url.js';
import { type PolarScopes, scopeParameter } from './polar-scope.js';

/**
 * Parameters of the `web` grant, which exchanges a session of Polar's own web app for an access token.
 *
 * @group OAuth client
 */
export interface WebSessionGrant {
  /** The value of Polar's session cookie. */
  readonly sessionToken: string;
  /** `organization` limits the token to the organization `sub`. @default 'user' */
  readonly subType?: SubType | undefined;
  /** Id of the organization (UUID): required with `organization`, refused with `user`. @default none */
  readonly sub?: string | undefined;
  /** Scopes of the token. @default all scopes of the client */
  readonly scope?: PolarScopes | undefined;
}

/**
 * Converts the grant to the form of the token endpoint.
 *
 * @throws PolarConfigurationError `invalid_option` for a parameter that is no string
 */
export function webSessionForm({
  sessionToken,
  subType,
  sub,
  scope,
}: WebSessionGrant): Record<string, string> {
  if (subType !== undefined) checkString(subType, 'subType');
  if (sub !== undefined) checkString(sub, 'sub');
  return {
    grant_type: 'web',
    session_token: sessionToken,
    ...(subType !== undefined && { sub_type: subType }),
    ...(sub !== undefined && { sub }),
    ...(scope !== undefined && { scope: scopeParameter(scope) }),
  };
}
