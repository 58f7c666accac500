import { authorize, consent } from '../authorize/authorize.js';
import { authorizeAPI } from '../authorize/authorize-api.js';
import { discovery } from '../endpoints/discovery.js';
import { home } from '../endpoints/home.js';
import { introspect } from '../endpoints/introspect.js';
import { jwks } from '../endpoints/jwks.js';
import { getOrganization, listOrganizations } from '../endpoints/organizations.js';
import { getProduct, listProducts } from '../endpoints/products.js';
import { deleteClient, readClient, register, updateClient } from '../endpoints/register.js';
import { revoke } from '../endpoints/revoke.js';
import { token } from '../endpoints/token.js';
import { userinfo } from '../endpoints/userinfo.js';
import { usersMeScopes } from '../endpoints/users-me.js';
import type { PolarEmulatorEndpoint } from '../faults.js';
import { percentDecode } from '../http/decode-text.js';
import type { Answer, EmulatorRequest } from '../http/message.js';
import type { EmulatorState } from '../state.js';
import { POLAR_ROUTES } from './polar-routes.js';
import { type Access, RouteTable } from './route-table.js';

type Handler = (request: EmulatorRequest, state: EmulatorState) => Answer | Promise<Answer>;

/** What Polar has at a path. */
export interface Route {
  /** In the order of the `Allow` header. */
  readonly methods: readonly string[];
  /** Who may use the method; `undefined` when the path does not have it. */
  readonly access: Access | undefined;
  /** Absent for what this Polar does not emulate. */
  readonly handler: Handler | undefined;
}

/** The pages of Polar's web app that are emulated, at the same address as the API. */
const PAGES = `
/ . GET.-
/oauth2 /authorize GET.- /consent POST.-
`;

const HANDLERS = new Map<string, Handler>([
  ['GET /', home],
  ['GET /oauth2/authorize', authorize],
  ['POST /oauth2/consent', consent],
  ['GET /.well-known/jwks.json', jwks],
  ['GET /.well-known/openid-configuration', discovery],
  ['GET /v1/oauth2/authorize', authorizeAPI],
  ['POST /v1/oauth2/token', token],
  ['GET /v1/oauth2/userinfo', userinfo],
  ['POST /v1/oauth2/userinfo', userinfo],
  ['POST /v1/oauth2/revoke', revoke],
  ['POST /v1/oauth2/introspect', introspect],
  ['POST /v1/oauth2/register', register],
  ['GET /v1/oauth2/register/*', readClient],
  ['PUT /v1/oauth2/register/*', updateClient],
  ['DELETE /v1/oauth2/register/*', deleteClient],
  ['GET /v1/organizations/', listOrganizations],
  ['GET /v1/organizations/*', getOrganization],
  ['GET /v1/products/', listProducts],
  ['GET /v1/products/*', getProduct],
  ['GET /v1/users/me/scopes', usersMeScopes],
]);

let table: RouteTable | undefined;

/** The route of a path, if Polar has one. */
export function findRoute(method: string, path: string): Route | undefined {
  table ??= new RouteTable(PAGES.trimEnd() + POLAR_ROUTES);
  const entry = table.find(method, path);
  if (entry === undefined) return undefined;
  const { methods } = entry;
  const handler = HANDLERS.get(`${method} ${entry.path}`);
  return { methods: [...methods.keys()], access: methods.get(method), handler };
}

const ENDPOINTS = new Map<string, PolarEmulatorEndpoint>([
  ['/oauth2/authorize', 'authorize'],
  ['/oauth2/consent', 'authorize'],
  ['/.well-known/jwks.json', 'jwks'],
  ['/.well-known/openid-configuration', 'discovery'],
  ['/v1/oauth2/token', 'token'],
  ['/v1/oauth2/userinfo', 'userinfo'],
  ['/v1/oauth2/revoke', 'revoke'],
  ['/v1/oauth2/introspect', 'introspect'],
  ['/v1/oauth2/register', 'register'],
]);

/** Which endpoint's faults and log entries a path, as it came, belongs to. */
export function endpointOf(requestedPath: string): PolarEmulatorEndpoint | 'other' {
  const path = currentPath(percentDecode(requestedPath));
  if (path.startsWith('/v1/oauth2/register/')) return 'register';
  return ENDPOINTS.get(path) ?? (path.startsWith('/v1/') ? 'api' : 'other');
}

/** Where Polar's API is now that was at this path once. */
export function currentPath(path: string): string {
  return path.replace(/^\/api\/v1/, '/v1');
}
