import type { NextFunction, Request, RequestHandler, Response } from 'express';
import type { PolarRuntime } from '../composition.js';
import { PolarLoginRequiredError, PolarOrganizationError } from '../errors.js';
import { guardOrganizations, parseOrganizationId } from '../requestable-organization.js';
import { nameScopes } from '../requestable-scopes.js';
import type { SessionLogin } from '../session-login.js';
import { guard, lacksScopes, type Refusal, unlessLoggedIn } from './guard.js';
import { type LoginPathOptions, loginPathOf, wantsPage } from './login-path.js';
import { notLoggedIn } from './not-logged-in.js';
import { runtimeOfRequest } from './request-runtime.js';

type Found = string | readonly string[] | null | undefined;

/** Finds the id of the organization that a request is about. */
export type OrganizationOf = (req: Request) => Found | Promise<Found>;

const readScope = 'organizations:read';
// Polar is content with either.
const readScopes = [readScope, 'organizations:write'];
const needs = { scopes: [readScope] };

/**
 * Lets only people through whose login with Polar reaches an organization (`GET /v1/organizations/{id}`, cached for 30 seconds,
 * a "no" for 5). Where they have limited the login to others, pages are sent to Polar to pick one again, and come back to where
 * they were; whoever picks another one gets an error with status 403, as do people who are not members and all requests that
 * are no pages. Whoever is not logged in is treated as by {@link requireLogin}, whoever lacks the scope `organizations:read` as
 * by {@link requireScope}.
 *
 * What is no UUID, in upper or lower case, is an error with status 404, for which Polar is not asked. So is nothing at all.
 *
 * Needs {@link polarTokens} on the route.
 *
 * @param organizationOf finds the id, at each request on which somebody is logged in; may be asynchronous
 * @throws TypeError when it is no function, or `loginPath` is missing
 *
 * @example
 * ```ts
 * app.get('/orgs/:org', requireOrganization((req) => req.params.org, { loginPath: '/auth/polar' }), showOrganization);
 * ```
 */
export function requireOrganization(
  organizationOf: OrganizationOf,
  options: LoginPathOptions,
): RequestHandler {
  if (typeof organizationOf !== 'function')
    throw new TypeError(
      'requireOrganization needs a function that finds the id of the organization: (req) => req.params.org',
    );
  const loginPath = loginPathOf(options, 'requireOrganization((req) => req.params.org, ');
  nameScopes([readScope]);
  guardOrganizations();

  return function requireOrganization(req: Request, res: Response, next: NextFunction): void {
    guard(req, res, next, loginPath, refusalOf);
  };

  async function refusalOf(req: Request): Promise<Refusal | undefined> {
    const anonymous = await unlessLoggedIn(req, needs);
    if (anonymous !== undefined) return anonymous;
    const found = await organizationOf(req);
    const id = parseOrganizationId(found);
    if (id === undefined) return { error: invalidId(found) };
    if (!readScopes.some((scope) => req.polar.scopes.includes(scope)))
      return lacksScopes(req, needs.scopes, needs);
    const runtime = runtimeOfRequest(req);
    const login = runtime?.loginOfUser(req);
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

/** True where the person has limited the login to other organizations, and was not asked for this one when they did. */
async function canBePicked({ organizations }: PolarRuntime, login: SessionLogin, id: string) {
  if (login.askedOrganization === id) return false;
  const limits = await organizations.limitsOf(login.open());
  // A public client cannot know.
  return limits === undefined || (limits.length > 0 && !limits.includes(id));
}

function invalidId(found: Found): PolarOrganizationError {
  const isMissing = found === undefined || found === null;
  return new PolarOrganizationError(
    'invalid_organization_id',
    isMissing
      ? 'This request names no organization.'
      : 'This is no id of an organization, which would be a UUID.',
  );
}

function notAccessible(organizationId: string): PolarOrganizationError {
  return new PolarOrganizationError(
    'organization_not_accessible',
    'Your login with Polar does not reach this organization: you shared only others with this app, you are not a member, or it asks for single sign-on.',
    { organizationId },
  );
}
