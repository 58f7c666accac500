import type { Request } from 'express';
import { type Introspection, organizationsOf } from '../client/introspection.js';
import { callVerify } from '../request/app-callbacks.js';
import {
  type BearerRequirements,
  type PolarBearerUser,
  type PolarBearerVerify,
  type ResolvedBearerOptions,
  routeRequirements,
} from './bearer-options.js';
import { bearerToken } from './bearer-token.js';
import { type Attributes, challengeOf } from './www-authenticate.js';

/** The status and challenge of a response (RFC 6750 section 3). */
export interface BearerRefusal {
  readonly status: 400 | 401 | 403;
  readonly challenge: string;
}

/** The outcome of a check: the user, or why there is none. */
export type BearerOutcome = { readonly user: Express.User; readonly info: unknown } | BearerRefusal;

/** Checks the access token of a request. Rejects with the error for `next`. */
export type BearerCheck = (req: Request, requirements: BearerRequirements) => Promise<BearerOutcome>;

/** Dependencies of a {@link BearerCheck}. */
export interface BearerCheckParts {
  readonly options: ResolvedBearerOptions;
  readonly clientID: string;
  readonly introspect: (token: string) => Promise<Introspection>;
  readonly verify: PolarBearerVerify | undefined;
}

/** Creates the check of one strategy. */
export function bearerCheck({ options, clientID, introspect, verify }: BearerCheckParts): BearerCheck {
  const { now, realm, timeoutMs, tokenPrefix } = options;
  const challenge = (attributes: Attributes): string => challengeOf({ realm, ...attributes });
  const invalid = (description: string): BearerOutcome => ({
    status: 401,
    challenge: challenge({ error: 'invalid_token', error_description: description }),
  });
  const insufficient = (description: string, scope: readonly string[]): BearerOutcome => ({
    status: 403,
    challenge: challenge({ error: 'insufficient_scope', error_description: description, scope }),
  });

  const isOurs = (token: Introspection): boolean => {
    if (!token.active || token.subject === undefined || token.clientID !== clientID) return false;
    if (/refresh/i.test(token.tokenType ?? '')) return false;
    return token.expiresAt === undefined || now() < token.expiresAt;
  };

  const accept = async (accessToken: string, introspection: Introspection, req: Request) => {
    const user = userOf(introspection);
    const info = { scope: user.scopes.join(' '), organizations: user.organizations };
    if (verify === undefined) return { user: user as unknown as Express.User, info };
    const call = verify as (...args: unknown[]) => unknown;
    const verified = await callVerify(call, {
      args: [{ accessToken, introspection, req }],
      timeoutMs,
    });
    return verified.user
      ? { user: verified.user, info: { ...info, ...detailsIn(verified.info) } }
      : invalid(reasonIn(verified.info) ?? 'The access token was rejected');
  };

  return async (req, requirements) => {
    const needed = routeRequirements(options.requirements, requirements);
    const found = bearerToken(req);
    if ('problem' in found) {
      return found.problem === 'none'
        ? { status: 401, challenge: challenge({ scope: needed.scope }) }
        : {
            status: 400,
            challenge: challenge({ error: found.problem, error_description: found.description }),
          };
    }
    // Polar reports refresh tokens as active too, but they must never be used as access tokens.
    if (found.token.startsWith('polar_rt_')) return invalid('This is a refresh token, not an access token');
    // Tokens that Polar cannot have issued are not introspected: each request counts against the rate limit of logins.
    if (!found.token.startsWith(tokenPrefix)) return invalid(notOurs);
    const introspection = await introspect(found.token);
    if (!isOurs(introspection)) return invalid(notOurs);
    const { scopes, organizations } = userOf(introspection);
    if (!needed.scope.every((scope) => scopes.includes(scope)))
      return insufficient('The access token lacks a required scope', needed.scope);
    if (!needed.organizations.every((id) => organizations.includes(id)))
      return insufficient('The access token is not limited to this organization', needed.scope);
    return accept(found.token, introspection, req);
  };
}

const notOurs = 'The access token is expired, revoked or not issued to this app';

/** What a verify callback has passed to `done`, for `req.authInfo`. */
function detailsIn(info: unknown): object {
  return typeof info === 'object' && info !== null ? info : {};
}

/** Why a verify callback has rejected a token, if that fits into a challenge (RFC 6750 section 3). */
function reasonIn(info: unknown): string | undefined {
  const reason = (detailsIn(info) as { message?: unknown }).message ?? info;
  return typeof reason === 'string' && /^[\x20\x21\x23-\x5b\x5d-\x7e]+$/.test(reason) ? reason : undefined;
}

function userOf(introspection: Introspection): PolarBearerUser {
  return {
    provider: 'polar',
    id: introspection.subject ?? '',
    subType: introspection.subType ?? 'user',
    scopes: introspection.scopes ?? [],
    organizations: organizationsOf(introspection),
  };
}
