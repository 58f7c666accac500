import type { Notice } from '../notices.js';
import type { TimelineEntry } from '../timeline.js';
import { type Html, html } from './html.js';

/** A notice, in words. */
export interface NoticeWords {
  /** The beginning of the page's title, which screen readers read first. */
  readonly title: string;
  readonly content: Html;
}

/** What to say; undefined if it no longer holds. */
export function noticeWords(
  notice: Notice | undefined,
  isLoggedIn: boolean,
  timeline: readonly TimelineEntry[],
): NoticeWords | undefined {
  switch (notice?.kind) {
    case 'cancelled':
      return {
        title: 'Cancelled',
        content: isLoggedIn
          ? html`You cancelled at Polar. Nothing has changed: you are still logged in.`
          : html`You cancelled the login at Polar. Nothing was shared. <a href="/auth/polar">Try again</a>`,
      };
    case 'still-logged-in':
      return isLoggedIn
        ? {
            title: 'Still logged in',
            content: html`That was the address of an earlier login. You are still logged in.`,
          }
        : undefined;
    case 'logged-out':
      return isLoggedIn
        ? undefined
        : { title: 'Logged out', content: html`You are logged out. ${loggedOut(timeline)}` };
    default:
      return undefined;
  }
}

function loggedOut(timeline: readonly TimelineEntry[]): Html {
  const revocations = timeline.filter(({ event }) => event === 'revocation');
  if (revocations.some(({ errorCode }) => errorCode === undefined))
    return html`The session has ended, and the tokens were revoked at Polar.`;
  if (revocations.length > 0)
    return html`The session has ended, but the tokens could not be revoked at Polar yet.`;
  return html`The session has ended, and the app no longer has your tokens.`;
}
