import type { PolarOrganizations, PolarProfile } from 'passport-polar-sh';
import type { PublicError } from '../errors.js';
import type { Notice } from '../notices.js';
import type { Organization } from '../polar-lists.js';
import type { TimelineEntry } from '../timeline.js';
import type { ShownToken, TokenChange } from '../token-change.js';
import { accessToken, person } from './account.js';
import { codeSample } from './code-sample.js';
import { type Html, html } from './html.js';
import { layout } from './layout.js';
import { noticeWords } from './notice.js';
import { organizationsSection } from './organizations-section.js';
import { stepUpSection } from './products-page.js';
import { pastTimeline, timelineSection } from './timeline-section.js';
import { welcome } from './welcome.js';

/** What the pages say about this app. */
export interface Site {
  readonly baseURL: string;
  readonly polarName: string;
  readonly isDemo: boolean;
}

/** The logged-in user. */
export interface LoggedIn {
  readonly user: PolarProfile;
  /** Absent if there is a problem with them. */
  readonly tokens?: {
    readonly scopes: readonly string[];
    readonly token: ShownToken;
    readonly change: TokenChange | undefined;
  };
  readonly problem?: PublicError;
}

/** The result of an API call. */
export type OrganizationsShown =
  | { readonly list: readonly Organization[]; readonly tookMs: number }
  | { readonly problem: PublicError };

/** What the home page shows. */
export interface HomePage extends Site {
  readonly nonce: string;
  /** The address in the browser's address bar. */
  readonly visitedAt: string;
  readonly notice: Notice | undefined;
  readonly login: LoggedIn | undefined;
  readonly organizations: OrganizationsShown | undefined;
  /** The organizations that the login reaches. */
  readonly reach: PolarOrganizations | undefined;
  readonly timeline: readonly TimelineEntry[];
}

/** The page with the login button, or with the logged-in user. */
export function homePage(page: HomePage): string {
  const { login, nonce, timeline } = page;
  const notice = noticeWords(page.notice, login !== undefined, timeline);
  const change = login?.tokens?.change;
  const news = notice?.title ?? (change && 'New access token');
  return layout({
    title: [news, login?.user.displayName, 'Log in with Polar'].filter(Boolean).join(' · '),
    nonce,
    aside:
      login &&
      html`<form method="post" action="/logout"><button class="button" type="submit" data-progress="Logging out…">Log out</button></form>`,
    content: html`${notice && html`<p class="message" role="status">${notice.content}</p>`}
${login === undefined && pastTimeline(timeline)}${wrongAddress(page)}
${login === undefined ? welcome(page) : account(page, login)}`,
  });
}

function account(page: HomePage, login: LoggedIn): Html {
  const { organizations, timeline } = page;
  const { tokens } = login;
  return html`<div class="dashboard">
${person(login.user, page)}
${accessToken(login)}
${timelineSection(timeline)}
${tokens && stepUpSection(tokens.scopes)}
</div>
${organizations && organizationsSection(organizations)}
<div class="source"><h2>The code that this page runs on</h2>${codeSample}</div>`;
}

function wrongAddress({ baseURL, visitedAt }: HomePage): Html {
  return html`${visitedAt !== baseURL && html`<p class="message">Logins return to <a href="${baseURL}/">${baseURL}</a>, but you opened this app at ${visitedAt}.</p>`}`;
}
