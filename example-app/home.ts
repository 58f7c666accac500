import type { Request, RequestHandler } from 'express';
import type { PolarProfile } from 'passport-polar-sh';
import { type PublicError, publicError } from './errors.js';
import { callPolar } from './log-in-with-polar.js';
import { takeNotice } from './notices.js';
import { homePage, type LoggedIn, type OrganizationsShown, type Site } from './pages/home-page.js';
import { parseOrganizations } from './polar-lists.js';
import type { Timeline } from './timeline.js';
import { noteToken } from './token-change.js';

/** Sends the home page. */
export function showHome(site: Site, timeline: Timeline): RequestHandler {
  return async function showHome(req, res) {
    const notice = takeNotice(req, res);
    const login = await currentLogin(req, timeline);
    const organizations =
      login?.tokens && req.query['show'] === 'organizations' ? await currentOrganizations(req) : undefined;
    const reach = login?.tokens && (await currentReach(req));
    // Of this login, or of the one that has just ended.
    const loginId = req.polar.loginId ?? (notice?.kind === 'logged-out' ? notice.loginId : undefined);
    res.send(
      homePage({
        ...site,
        nonce: res.locals['nonce'],
        visitedAt: `${req.protocol}://${req.get('host')}`,
        notice,
        login,
        organizations,
        reach,
        timeline: timeline.of(loginId),
      }),
    );
  };
}

/** What the page shows of an error; what it does not show is in the log. */
function problemOf(error: unknown): PublicError {
  const problem = publicError(error);
  if (problem.status >= 500) console.error(error);
  return problem;
}

/** The logged-in user with valid tokens, or with the reason why there are none. */
async function currentLogin(req: Request, timeline: Timeline): Promise<LoggedIn | undefined> {
  // Without a verify callback, the user is the profile.
  const user = req.user as PolarProfile | undefined;
  if (user === undefined) return undefined;
  try {
    const tokens = await req.polar.getTokens();
    return { user, tokens: { scopes: tokens.scopes, ...noteToken(req, tokens, timeline) } };
  } catch (error) {
    return { user, problem: problemOf(error) };
  }
}

/** The organizations that the login reaches; undefined if they are unknown. */
async function currentReach(req: Request) {
  if (!req.polar.scopes.includes('organizations:read')) return undefined;
  try {
    return await req.polar.organizations();
  } catch {
    return undefined;
  }
}

async function currentOrganizations(req: Request): Promise<OrganizationsShown> {
  const startedAt = performance.now();
  try {
    const list = parseOrganizations(await callPolar(req, '/v1/organizations/'));
    return { list, tookMs: performance.now() - startedAt };
  } catch (error) {
    return { problem: problemOf(error) };
  }
}
