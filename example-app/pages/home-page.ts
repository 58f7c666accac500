import type { PolarProfile } from 'passport-polar-sh';
import type { PublicError } from '../errors.js';
import type { Organization } from '../organizations.js';
import { codeSample } from './code-sample.js';
import { expiry } from './expiry.js';
import { type Html, html } from './html.js';
import { layout } from './layout.js';

/** The logged-in user. */
export interface LoggedIn {
  readonly user: PolarProfile;
  /** Absent if there is a problem with them. */
  readonly tokens?: { readonly scopes: readonly string[]; readonly expiresAt?: number };
  readonly problem?: PublicError;
}

/** The result of an API call. */
export type OrganizationsShown =
  | { readonly list: readonly Organization[]; readonly tookMs: number }
  | { readonly problem: PublicError };

/** What the home page shows. */
export interface HomePage {
  readonly nonce: string;
  readonly baseURL: string;
  /** The address in the browser's address bar. */
  readonly visitedAt: string;
  readonly polarName: string;
  readonly isDemo: boolean;
  readonly notice: string | undefined;
  readonly login: LoggedIn | undefined;
  readonly organizations: OrganizationsShown | undefined;
  /** Which organizations the login reaches, in words. */
  readonly connectedTo: string | undefined;
}

/** The page with the login button, or with the logged-in user. */
export function homePage(page: HomePage): string {
  const { login, nonce } = page;
  if (login === undefined) {
    return layout({ title: 'Log in with Polar', nonce, content: html`${messages(page)}${welcome(page)}` });
  }
  return layout({
    title: `${login.user.displayName} · Log in with Polar`,
    nonce,
    aside: html`<form method="post" action="/logout"><button class="button quiet" type="submit">Log out</button></form>`,
    content: html`${messages(page)}<div class="account">${person(login.user, page)}
${login.tokens === undefined ? trouble(login.problem) : token(login.tokens)}</div>
${page.organizations !== undefined && organizationsSection(page.organizations)}`,
  });
}

function messages({ notice, baseURL, visitedAt }: HomePage): Html {
  return html`${notice !== undefined && html`<p class="message good" role="status">${notice}</p>`}
${visitedAt !== baseURL && html`<p class="message">Logins return to <a href="${baseURL}/">${baseURL}</a>, but you opened this app at ${visitedAt}.</p>`}`;
}

function welcome({ polarName, isDemo }: HomePage): Html {
  return html`<div class="hero">
<div class="pitch">
<h1>Log in with Polar.<br><em>Stay logged in.</em></h1>
<p class="lead">A small Express app that signs you in with your Polar account, then calls the Polar API for you with an access token that is renewed whenever it has expired.</p>
<p class="actions"><a class="button primary big" href="/auth/polar">Log in with Polar</a>
<a href="/auth/polar?sub_type=organization">Log in for one organization only</a></p>
<p class="server"><span class="dot" aria-hidden="true"></span>${
    isDemo
      ? html`Connected to a local stand-in for Polar at <strong>${polarName}</strong>. No account needed: its users are made up.`
      : html`Connected to Polar at <strong>${polarName}</strong>.`
  }</p>
</div>
${codeSample}
</div>`;
}

function person({ displayName, emails, id }: PolarProfile, { polarName, connectedTo }: HomePage): Html {
  const email = emails?.[0];
  return html`<section class="card person" aria-labelledby="who">
<div class="avatar" aria-hidden="true">${[...displayName][0]?.toUpperCase()}</div>
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
<dl class="facts"><dt>Polar id</dt><dd><code>${id}</code></dd><dt>Logged in at</dt><dd>${polarName}</dd>${
    connectedTo !== undefined &&
    html`<dt>Organizations</dt><dd>${connectedTo}. <a href="/auth/polar?sub_type=organization">Change organization</a></dd>`
  }</dl>
</div>
</section>`;
}

function token({ scopes, expiresAt }: NonNullable<LoggedIn['tokens']>): Html {
  return html`<section class="card" aria-labelledby="token">
<h2 id="token">Access token</h2>
${expiry(expiresAt, Date.now())}
<h3>Scopes</h3>
<ul class="chips">${scopes.map((scope) => html`<li>${scope}</li>`)}</ul>
<div class="actions">
<a class="button primary" href="/?show=organizations#organizations">Call the API</a>
<form method="post" action="/refresh"><button class="button" type="submit">Refresh now</button></form>
</div>
</section>`;
}

function trouble(problem: PublicError | undefined): Html {
  if (problem?.status === 401) {
    return html`<section class="card" aria-labelledby="token">
<h2 id="token">Your login with Polar has ended</h2>
<p>${problem.message}</p>
<p class="actions"><a class="button primary" href="/auth/polar">Log in again</a></p>
</section>`;
  }
  return html`<section class="card" aria-labelledby="token">
<h2 id="token">No access token at the moment</h2>
<p>${problem?.message}</p>
<p>You are still logged in, and nothing is lost.</p>
<p class="actions"><a class="button primary" href="/">Try again</a></p>
</section>`;
}

function organizationsSection(shown: OrganizationsShown): Html {
  const result =
    'problem' in shown
      ? html`<p class="message bad" role="alert">${shown.problem.message}</p>`
      : shown.list.length === 0
        ? html`<p>You have not shared any organization with this app.</p>`
        : html`<ul class="organizations">${shown.list.map(organization)}</ul>`;
  return html`<section class="card" id="organizations" aria-labelledby="organizations-title">
<div class="call"><h2 id="organizations-title">Your organizations</h2>
<p><code>GET /v1/organizations/</code>${'list' in shown && html` <span class="badge good">200</span> ${Math.round(shown.tookMs)} ms`}</p></div>
${result}
${'list' in shown && html`<p class="more"><a href="/organizations">See the response as JSON</a></p>`}
</section>`;
}

function organization({ name, slug }: Organization): Html {
  return html`<li><span class="tile" aria-hidden="true">${[...name][0]?.toUpperCase()}</span><span>${name}<small>${slug}</small></span></li>`;
}
