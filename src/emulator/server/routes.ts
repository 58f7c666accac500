import { authorize, consent } from '../authorize/authorize.js';
import { discovery } from '../endpoints/discovery.js';
import { home } from '../endpoints/home.js';
import { introspect } from '../endpoints/introspect.js';
import { jwks } from '../endpoints/jwks.js';
import { getOrganization, listOrganizations } from '../endpoints/organizations.js';
import { deleteClient, readClient, register, updateClient } from '../endpoints/register.js';
import { revoke } from '../endpoints/revoke.js';
import { token } from '../endpoints/token.js';
import { userinfo } from '../endpoints/userinfo.js';
import { usersMe, usersMeScopes } from '../endpoints/users-me.js';
import type { PolarEmulatorEndpoint } from '../faults.js';
import type { Answer, EmulatorRequest } from '../http/message.js';
import type { EmulatorState } from '../state.js';

type Handler = (request: EmulatorRequest, state: EmulatorState) => Answer | Promise<Answer>;

/** A path of Polar's, and what answers it. */
export interface Route {
  readonly path: RegExp;
  readonly endpoint: PolarEmulatorEndpoint | 'other';
  readonly handlers: ReadonlyMap<string, Handler>;
}

function route(
  path: RegExp,
  endpoint: Route['endpoint'],
  handlers: Readonly<Record<string, Handler>>,
): Route {
  return { path, endpoint, handlers: new Map(Object.entries(handlers)) };
}

const ROUTES: readonly Route[] = [
  route(/^\/$/, 'other', { GET: home }),
  route(/^\/oauth2\/authorize$/, 'authorize', { GET: authorize }),
  route(/^\/oauth2\/consent$/, 'authorize', { POST: consent }),
  route(/^\/v1\/oauth2\/token$/, 'token', { POST: token }),
  route(/^\/v1\/oauth2\/userinfo$/, 'userinfo', { GET: userinfo, POST: userinfo }),
  route(/^\/v1\/oauth2\/revoke$/, 'revoke', { POST: revoke }),
  route(/^\/v1\/oauth2\/introspect$/, 'introspect', { POST: introspect }),
  route(/^\/v1\/oauth2\/register$/, 'register', { POST: register }),
  route(/^\/v1\/oauth2\/register\/[^/]+$/, 'register', {
    GET: readClient,
    PUT: updateClient,
    DELETE: deleteClient,
  }),
  route(/^\/\.well-known\/jwks\.json$/, 'jwks', { GET: jwks }),
  route(/^\/\.well-known\/(?:openid-configuration|oauth-authorization-server)$/, 'discovery', {
    GET: discovery,
  }),
  route(/^\/v1\/organizations\/$/, 'api', { GET: listOrganizations }),
  route(/^\/v1\/organizations\/[^/]+$/, 'api', { GET: getOrganization }),
  route(/^\/v1\/users\/me$/, 'api', { GET: usersMe }),
  route(/^\/v1\/users\/me\/scopes$/, 'api', { GET: usersMeScopes }),
];

/** The route of a path, if Polar has one. */
export function findRoute(path: string): Route | undefined {
  return ROUTES.find((each) => each.path.test(path));
}

/** Which endpoint's faults and log entries a path belongs to. */
export function endpointOf(path: string): Route['endpoint'] {
  return findRoute(path)?.endpoint ?? (path.startsWith('/v1/') ? 'api' : 'other');
}
