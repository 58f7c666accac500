import type { PolarOrganizations, PolarProfile } from 'passport-polar-sh';
import type { PublicError } from '../errors.js';
import { expiry } from './expiry.js';
import type { LoggedIn, Site } from './home-page.js';
import { type Html, html } from './html.js';
import { moment } from './moment.js';
import { tokenChange } from './token-change.js';

/** Who is logged in, and for which organizations. */
export function person(
  { displayName, emails, id }: PolarProfile,
  { polarName, reach }: Site & { readonly reach: PolarOrganizations | undefined },
): Html {
  const email = emails?.[0];
  return html`<section class="card person" aria-labelledby="who">
<div class="identity"><div class="avatar" aria-hidden="true">${[...displayName][0]?.toUpperCase()}</div>
<div class="who">
<p class="eyebrow">Logged in as</p>
<h1 id="who">${displayName}</h1>
${
  email !== undefined &&
  html`<p class="email">${email.value !== displayName && html`${email.value} `}${
    email.verified
      ? html`<span class="badge good">verified</span>`
      : html`<span class="badge warn">not verified</span>`
  }</p>`
}
</div></div>
<dl class="facts">${
    reach !== undefined &&
    html`<div><dt>Organizations</dt><dd>${reached(reach)} <a href="/auth/polar?sub_type=organization">Change organization</a></dd></div>`
  }<div><dt>Polar id</dt><dd><code>${id}</code></dd></div><div><dt>Logged in at</dt><dd>${polarName}</dd></div></dl>
<p class="actions"><a class="button" href="/auth/polar?prompt=login">Use another account</a></p>
</section>`;
}

function reached({ organizations, isLimited }: PolarOrganizations): Html {
  if (isLimited === false) return html`All of your organizations.`;
  const names = organizations.map(({ name }) => name).join(', ') || 'none';
  return isLimited ? html`Limited to <strong>${names}</strong>.` : html`${names}.`;
}

/** The access token, or what is wrong with it. */
export function accessToken({ tokens, problem }: LoggedIn): Html {
  return tokens === undefined ? trouble(problem) : tokenCard(tokens);
}

function tokenCard({ scopes, token, change }: NonNullable<LoggedIn['tokens']>): Html {
  return html`<section class="card" aria-labelledby="token">
<div class="call"><h2 id="token">Access token</h2>
<p><code>…${token.ending}</code>${token.issuedAt !== undefined && html` issued at ${moment(token.issuedAt, 'clock')}`}</p></div>
${expiry(token.expiresAt, Date.now())}
${change && tokenChange(change)}
<h3>Scopes</h3>
<ul class="chips">${scopes.map((scope) => html`<li>${scope}</li>`)}</ul>
<div class="actions">
<a class="button primary" href="/?show=organizations#organizations">Call the API</a>
<form method="post" action="/refresh"><button class="button" type="submit" data-progress="Refreshing…">Refresh now</button></form>
</div>
</section>`;
}

function trouble(problem: PublicError | undefined): Html {
  if (problem?.status === 401) {
    return html`<section class="card" aria-labelledby="token">
<h2 id="token">Your login with Polar has ended</h2>
<p class="quiet">${problem.message}</p>
<p class="actions"><a class="button primary" href="/auth/polar">Log in again</a></p>
</section>`;
  }
  return html`<section class="card" aria-labelledby="token">
<h2 id="token">No access token at the moment</h2>
<p class="quiet">${problem?.message}</p>
<p class="quiet">You are still logged in, and nothing is lost.</p>
<p class="actions"><a class="button primary" href="/">Try again</a></p>
</section>`;
}
