import type { Request } from 'express';
import { invalidOption, PolarLoginRequiredError, PolarOrganizationError } from '../errors.js';
import type { SessionLogin } from '../logins/session-login.js';
import { guardOrganizations, nameScopes } from '../request/requested-by-guards.js';
import type { PolarRuntime } from '../runtime.js';
import { parseOrganizationId } from '../text/organization-id.js';
import { forAnyRoute } from './any-route.js';
import { guard, lacksScopes, notLoggedIn, type Refusal, unlessLoggedIn } from './guard.js';
import { type LoginPathOptions, loginPathOf, wantsPage } from './login-path.js';
import { runtimeOfRequest } from './request-runtime.js';

/** @inline */
type Found = string | readonly string[] | null | undefined;

/**
 * Returns the id of the organization that a request is about, or a promise of it. Anything but one UUID is a 404.
 *
 * @param req the request, of a user who is logged in
 *
 * @example
 * ```ts
 * const organizationOf: OrganizationOf = async (req) =>
 *   (await shops.find(req.params.shop))?.organizationId;
 * ```
 *
 * @group Guards
 */
export type OrganizationOf = (req: Request) => Found | Promise<Found>;

const readScope = 'organizations:read';
// Polar accepts either.
const readScopes = [readScope, 'organizations:write'];
const needs = { scopes: [readScope] };

/**
 * Requires a login with Polar that has access to an organization. Polar's response is cached for 30 seconds, a refusal for 5.
 * If the user limited the login to other organizations, page requests are redirected to Polar to pick again, and return to the
 * page. Users who then pick another organization, users who are not members, and all requests other than for pages get an
 * error with status 403. Users who are not logged in are handled as by {@link requireLogin}, logins without the
 * scope `organizations:read` as by {@link requireScope}.
 *
 * An id that is missing, or not a UUID in upper or lower case, is an error with status 404; no request is sent to Polar.
 *
 * Requires {@link polarTokens} on the route.
 *
 * @param organizationOf returns the id, a UUID, on each request whose user is logged in; may be asynchronous
 * @param options `loginPath`: path of the route that starts the login
 * @returns middleware that passes to `next`:
 * - {@link PolarOrganizationError} `organization_not_accessible`, `invalid_organization_id`
 * - what {@link requireScope} passes on, such as {@link PolarInsufficientScopeError} `insufficient_scope`
 * - {@link PolarLoginRequiredError} `login_expired`, {@link PolarTransientError} `timeout`, `network_error`, `rate_limited` or
 *   `server_error`, and {@link PolarResponseError} `malformed_response`, from the request to Polar
 * @throws {@link PolarConfigurationError} `invalid_option` if `organizationOf` is not a function, or `loginPath` is missing
 *
 * @example
 * ```ts
 * app.get(
 *   '/orgs/:org',
 *   requireOrganization((req) => req.params.org, {
 *     loginPath: '/auth/polar',
 *   }),
 *   showOrganization,
 * );
 * ```
 * @see `GET /v1/organizations/{id}` of Polar's API
 *
 * @group Guards
 */
export function requireOrganization(organizationOf: OrganizationOf, options: LoginPathOptions) {
  const loginPath = loginPathOf(options, 'requireOrganization((req) => req.params.org, ');
  if (typeof organizationOf !== 'function')
    throw invalidOption(
      'requireOrganization needs a function that returns the organization id: (req) => req.params.org',
    );
  nameScopes([readScope]);
  guardOrganizations();

  return forAnyRoute(function requireOrganization(req, res, next) {
    guard(req, res, next, loginPath, refusalOf);
  });

  async function refusalOf(req: Request): Promise<Refusal | undefined> {
    const anonymous = await unlessLoggedIn(req, needs);
    if (anonymous !== undefined) return anonymous;
    const found = await organizationOf(req);
    const id = parseOrganizationId(found);
    if (id === undefined) return { error: invalidId(found) };
    if (!readScopes.some((scope) => req.polar.scopes.includes(scope)))
      return lacksScopes(req, needs.scopes, needs);
    const runtime = runtimeOfRequest(req);
    const login = runtime?.logins.ofUser(req);
    if (runtime === undefined || login === undefined) return { error: notLoggedIn(), login: needs };
    try {
      if (await runtime.organizations.isVisible(login.open(), id)) return undefined;
      const canPick = wantsPage(req) && (await canBePicked(runtime, login, id));
      return { error: notAccessible(id), login: canPick ? { ...needs, organization: id } : undefined };
    } catch (error) {
      if (error instanceof PolarLoginRequiredError) return { error, login: needs };
      throw error;
    }
  }
}

/** True if the user limited the login to other organizations, and that login did not request this one. */
async function canBePicked({ organizations }: PolarRuntime, login: SessionLogin, id: string) {
  if (login.askedOrganization === id) return false;
  const limits = await organizations.limitsOf(login.open());
  // A public client cannot introspect, so it does not know the limits.
  return limits === undefined || (limits.length > 0 && !limits.includes(id));
}

function invalidId(found: Found): PolarOrganizationError {
  const isMissing = found === undefined || found === null;
  return new PolarOrganizationError(
    'invalid_organization_id',
    isMissing ? 'This request has no organization id.' : 'The organization id of this request is not a UUID.',
  );
}

function notAccessible(organizationId: string): PolarOrganizationError {
  return new PolarOrganizationError(
    'organization_not_accessible',
    'Your login with Polar has no access to this organization: you did not share it with this app, you are not a member, or it requires single sign-on.',
    { organizationId },
  );
}
