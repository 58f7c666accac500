import { notPermitted, refuseUserToken, requireScope, requireUserToken, unauthorized } from '../bearer.js';
import type { EmulatorRequest } from '../http/message.js';
import type { EmulatorState } from '../state.js';
import type { Access } from './route-table.js';

/** @throws Refusal 401 or 403 for a caller who may not use a route. */
export function refuseWithoutAccess(access: Access, request: EmulatorRequest, state: EmulatorState): void {
  switch (access) {
    case 'anybody':
      return;
    case 'customers':
      throw unauthorized();
    case 'web-app':
      requireUserToken(request, state);
      throw notPermitted();
    case 'web-app-or-nobody':
      refuseUserToken(request, state);
      return;
    default:
      if (access.usersOnly) requireUserToken(request, state);
      if (access.scopes.length > 0) requireScope(request, state, access.scopes);
  }
}
