import type { TimelineEntry } from '../timeline.js';
import { type Html, html } from './html.js';
import { moment } from './moment.js';

interface Words {
  readonly what: string;
  readonly detail?: string | undefined;
  readonly isBad?: boolean;
}

/** What each event means to a user of the page. Others are for operators. */
const wordsFor: Readonly<Record<string, (entry: TimelineEntry) => Words>> = {
  'logged-in': () => ({
    what: 'Logged in',
    detail: 'State, PKCE and id_token checked; the tokens stay on the server.',
  }),
  refreshed: () => ({
    what: 'Refreshed the access token',
    detail: 'One request, however many pages needed it.',
  }),
  'refresh-failed': ({ errorCode }) => ({ what: 'Could not refresh', detail: errorCode, isBad: true }),
  'lock-waited': () => ({
    what: 'Waited for another refresh',
    detail: 'Only one process refreshes at a time.',
  }),
  'retried-after-401': () => ({
    what: 'Retried an API request',
    detail: 'Polar had rejected the access token.',
  }),
  revocation: ({ errorCode }) =>
    errorCode === undefined
      ? { what: 'Revoked the tokens at Polar' }
      : { what: 'Could not revoke the tokens', detail: errorCode, isBad: true },
  'logged-out': () => ({ what: 'Ended the session', detail: 'In every process of this app.' }),
  ended: ({ reason }) => ({
    what: 'Ended the login',
    detail: reason === undefined ? undefined : endReasons[reason],
  }),
};

const endReasons: Readonly<Record<string, string>> = {
  logged_out: 'You logged out.',
  replaced: 'You logged in again.',
  refused_by_polar: 'Polar no longer refreshes its tokens.',
  abandoned: 'The response never reached the browser.',
};

const title = 'What the library just did';

/** What the library just did for this login. */
export function timelineSection(entries: readonly TimelineEntry[]): Html {
  return html`<section class="card" aria-labelledby="timeline">
<h2 id="timeline">${title}</h2>
${newestFirst(entries) ?? html`<p class="quiet">Nothing yet in this process of the app.</p>`}
</section>`;
}

/** The same for a login that has ended, folded up. */
export function pastTimeline(entries: readonly TimelineEntry[]): Html | undefined {
  const list = newestFirst(entries);
  return list && html`<details class="past"><summary>${title}</summary>${list}</details>`;
}

function newestFirst(entries: readonly TimelineEntry[]): Html | undefined {
  const shown = entries.flatMap((entry) => {
    const words = wordsFor[entry.event]?.(entry);
    return words === undefined ? [] : [item(entry, words)];
  });
  return shown.length === 0 ? undefined : html`<ol class="timeline" reversed>${shown.reverse()}</ol>`;
}

function item({ event, at, durationMs }: TimelineEntry, { what, detail, isBad = false }: Words): Html {
  return html`<li${isBad && html` class="bad"`}><p><strong>${what}</strong>${detail !== undefined && html` <span class="quiet">${detail}</span>`}</p>
<p class="meta">${moment(at, 'clock')} <code>${event}</code>${durationMs !== undefined && html` <span class="duration">${Math.round(durationMs)} ms</span>`}</p></li>`;
}
