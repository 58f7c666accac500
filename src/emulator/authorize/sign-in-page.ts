import type { Answer, EmulatorRequest } from '../http/message.js';
import { html } from '../pages/html.js';
import { page } from '../pages/page.js';
import type { Directory } from '../users/directory.js';
import type { AuthorizeRequest } from './authorize-request.js';
import { userLinks } from './user-links.js';

/** The page for `prompt=login`: choosing a user signs in as that user. */
export function signInPage(
  request: EmulatorRequest,
  { client }: AuthorizeRequest,
  directory: Directory,
): Answer {
  return page(
    'Sign in to Polar',
    html`<div class="mark" aria-hidden="true"></div>
<h1>Sign in to Polar</h1>
<p class="lead">to continue to ${client.metadata.client_name}</p>
${userLinks(request, directory)}`,
  );
}
