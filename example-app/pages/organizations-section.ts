import type { Organization } from '../polar-lists.js';
import type { OrganizationsShown } from './home-page.js';
import { type Html, html } from './html.js';

/** The response to an API call. */
export function organizationsSection(shown: OrganizationsShown): Html {
  const result =
    'problem' in shown
      ? html`<p class="message bad" role="alert">${shown.problem.message}</p>`
      : shown.list.length === 0
        ? html`<p>You have not shared any organization with this app.</p>`
        : html`<ul class="items">${shown.list.map(organization)}</ul>`;
  return html`<section class="card" id="organizations" aria-labelledby="organizations-title">
<div class="call"><h2 id="organizations-title">Your organizations</h2>
<p><code>GET /v1/organizations/</code>${'list' in shown && html` <span class="badge good">200</span> <span class="duration">${Math.round(shown.tookMs)} ms</span>`}</p></div>
${result}
${'list' in shown && html`<p class="more"><a href="/organizations">See the response as JSON</a></p>`}
</section>`;
}

function organization({ name, slug }: Organization): Html {
  return html`<li><span class="tile" aria-hidden="true">${[...name][0]?.toUpperCase()}</span><span>${name}<small>${slug}</small></span></li>`;
}
