import type { ShownToken, TokenChange } from '../token-change.js';
import { inWords } from './expiry.js';
import { type Html, html } from './html.js';
import { moment } from './moment.js';

const tenDays = '10 days';
const oneHour = '1 hour';

/** What a refresh has changed: once, on the first page after it. */
export function tokenChange({ before, after }: TokenChange): Html {
  const [oldLifetime, newLifetime] = [lifetimeOf(before), lifetimeOf(after)];
  return html`<div class="change">
<p role="status"><strong>You have a new access token.</strong> The previous one no longer works.${
    oldLifetime === tenDays &&
    newLifetime === oneHour &&
    ' The new one lives shorter by Polar’s rule: ten days after a login, one hour after a refresh.'
  }</p>
<dl>
<div><dt>Old token</dt><dd>${tokenFacts(before, oldLifetime)}</dd></div>
<div><dt>New token</dt><dd>${tokenFacts(after, newLifetime)}</dd></div>
</dl>
</div>`;
}

function tokenFacts({ ending, issuedAt }: ShownToken, lifetime: string | undefined): Html {
  return html`<code>…${ending}</code>
${lifetime !== undefined && html`<strong>${lifetime}</strong>`} <span class="quiet">${
    issuedAt === undefined ? 'issued in another process' : html`issued at ${moment(issuedAt, 'clock')}`
  }</span>`;
}

/** To the minute: the app learns of a token some milliseconds after Polar issued it. */
function lifetimeOf({ issuedAt, expiresAt }: ShownToken): string | undefined {
  if (issuedAt === undefined || expiresAt === undefined) return undefined;
  return inWords(Math.round((expiresAt - issuedAt) / 60_000) * 60);
}
