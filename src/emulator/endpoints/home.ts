import type { Answer, EmulatorRequest } from '../http/message.js';
import { html } from '../pages/html.js';
import { page } from '../pages/page.js';
import type { EmulatorState } from '../state.js';

/** `GET /`: a page for developers who open the printed URL. */
export function home(_request: EmulatorRequest, { directory, settings, signedIn }: EmulatorState): Answer {
  return page(
    'A local Polar',
    html`<div class="mark" aria-hidden="true"></div>
<h1>A local Polar is running here</h1>
<p class="lead">Point your app at ${settings.baseURL} and press its login button.</p>
<h2>Accounts</h2>
<ul>${directory.users.map(
      ({ name, email }) =>
        html`<li>${name}${email === signedIn.email ? ' (signed in)' : ''} <code>${email}</code></li>`,
    )}</ul>`,
  );
}
