import type { Request } from 'express';
import type { TokenSet } from 'passport-polar-sh';
import type { Timeline } from './timeline.js';

/** An access token, as the page shows it: never more of it than this. */
export interface ShownToken {
  /** Its last four characters. */
  readonly ending: string;
  /** Milliseconds since the epoch; undefined if another process of this app received it. */
  readonly issuedAt?: number | undefined;
  readonly expiresAt?: number | undefined;
}

/** A refresh that has happened since the user last saw the page. */
export interface TokenChange {
  readonly before: ShownToken;
  readonly after: ShownToken;
}

declare module 'express-session' {
  interface SessionData {
    /** The access token that the home page showed last, of which login it is, and when the page first showed it. */
    shownToken?: ShownToken & { readonly loginId: string | undefined; readonly since: number };
  }
}

const issuing = new Set(['logged-in', 'refreshed']);

/** Describes the current access token and, if it is not the one that the page showed last, what has changed. */
export function noteToken(
  req: Request,
  tokens: TokenSet,
  timeline: Timeline,
): { readonly token: ShownToken; readonly change: TokenChange | undefined } {
  const { loginId } = req.polar;
  const { shownToken } = req.session;
  const before = shownToken?.loginId === loginId ? shownToken : undefined;
  const ending = tokens.accessToken.slice(-4);
  if (before?.ending === ending) return { token: before, change: undefined };
  const issuedAt = timeline
    .of(loginId)
    // An earlier one issued an earlier token: another process has refreshed since.
    .findLast(({ event, at }) => issuing.has(event) && at >= (before?.since ?? 0))?.at;
  const token = { ending, issuedAt, expiresAt: tokens.expiresAt };
  req.session.shownToken = { ...token, loginId, since: Date.now() };
  return { token, change: before && { before, after: token } };
}
