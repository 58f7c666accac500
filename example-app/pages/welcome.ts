import { codeSample } from './code-sample.js';
import type { Site } from './home-page.js';
import { type Html, html } from './html.js';

/** The page for visitors who are not logged in. */
export function welcome({ polarName, isDemo }: Site): Html {
  return html`<div class="hero">
<div class="pitch">
<h1>Log in with Polar.<br><em>Stay logged in.</em></h1>
<p class="lead">Sign in with your Polar account. This app then calls the Polar API for you, with an access token that is renewed whenever it has expired.</p>
<p class="actions"><a class="button primary big" href="/auth/polar">Log in with Polar</a></p>
<ul class="ways">
<li><a href="/auth/polar?sub_type=organization">Log in for one organization only</a></li>
<li><a href="/auth/polar?prompt=login">Use another account</a></li>
</ul>
<p class="server">${
    isDemo
      ? html`Logs you in at a local stand-in for Polar, <strong>${polarName}</strong>. No account needed: its users are made up.`
      : html`Logs you in at <strong>${polarName}</strong>.`
  }</p>
</div>
${codeSample}
</div>`;
}
