import type { Answer, EmulatorRequest } from '../http/message.js';
import { type Html, html } from '../pages/html.js';
import { page } from '../pages/page.js';
import { describeScope, intersectScope, splitScope } from '../scopes.js';
import type { EmulatorState } from '../state.js';
import { accessibleOrganizations, type DirectoryOrganization } from '../users/directory.js';
import type { AuthorizeRequest } from './authorize-request.js';
import type { Decision } from './issue-code.js';
import { userLinks } from './user-links.js';

/** The page on which the user decides whether an app may act for them. Works without JavaScript. */
export function consentPage(
  request: EmulatorRequest,
  { client, scope }: AuthorizeRequest,
  { user, isOrganizationRequest }: Decision,
  emulator: EmulatorState,
): Answer {
  const name = client.metadata.client_name;
  const token = emulator.consentForms.show(request.queryString, user.email);
  const scopes = [...new Set(splitScope(intersectScope(scope, client.metadata.scope)))];
  const others = userLinks(request.queryString, emulator.directory, user);
  const picker = organizationPicker(accessibleOrganizations(user), isOrganizationRequest);
  return page(
    `${name} wants to access your Polar account`,
    html`<div class="mark" aria-hidden="true"></div>
<h1>${name} wants to access your Polar account</h1>
<p class="lead">Signed in as <strong>${user.name}</strong> (${user.email})</p>
${others.length === 0 ? '' : html`<details><summary>Not you? Use another account</summary>${others}</details>`}
<form method="post" action="${`/oauth2/consent?${request.queryString}`}">
<input type="hidden" name="consent_form" value="${token}">
<h2>${name} will be able to</h2>
<ul>${scopes.map(scopeItem)}</ul>
${picker}
<div class="actions">
<button type="submit" name="action" value="allow" class="primary">Allow</button>
<button type="submit" name="action" value="deny" formnovalidate>Cancel</button>
</div>
</form>`,
  );
}

function scopeItem(scope: string): Html {
  return html`<li>${describeScope(scope)} <code>${scope}</code></li>`;
}

function organizationPicker(organizations: readonly DirectoryOrganization[], single: boolean): Html {
  if (organizations.length === 0) {
    return single
      ? html`<p class="hint">This login needs an organization, but you do not belong to any.</p>`
      : html``;
  }
  return html`<fieldset>
<legend>${single ? 'Choose an organization' : 'Limit access to organizations'}</legend>
<p class="hint">${single ? 'The app will see only this one.' : 'Choose none to share all of them.'}</p>
${organizations.map((organization) => choice(organization, single, single && organizations.length === 1))}
</fieldset>`;
}

function choice({ id, slug, name }: DirectoryOrganization, single: boolean, isOnlyChoice: boolean): Html {
  const input = single
    ? html`<input type="radio" name="organizations" value="${id}" required`
    : html`<input type="checkbox" name="organizations" value="${id}"`;
  return html`<label class="choice">${input}${isOnlyChoice ? html` checked` : ''}>
<span>${name}<small>${slug}</small></span></label>
`;
}
