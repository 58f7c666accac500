import type { Answer, EmulatorRequest } from '../http/message.js';
import { html } from '../pages/html.js';
import { page } from '../pages/page.js';
import type { Directory } from '../users/directory.js';
import type { AuthorizeRequest } from './authorize-request.js';
import { userLinks } from './user-links.js';

/**
 * The page for `prompt=login`, or when nobody is signed in: choosing a user signs in as that user. Polar comes back with
 * another prompt, so that `login` does not loop. Where there was none, it is the text `undefined`, and the consent page
 * follows even after a grant.
 */
export function signInPage(
  request: EmulatorRequest,
  { client }: AuthorizeRequest,
  directory: Directory,
): Answer {
  const query = new URLSearchParams(request.queryString);
  const prompt = query.get('prompt') ?? 'undefined';
  query.set('prompt', prompt === 'login' ? 'consent' : prompt);
  return page(
    'Sign in to Polar',
    html`<div class="mark" aria-hidden="true"></div>
<h1>Sign in to Polar</h1>
<p class="lead">to continue to ${client.metadata.client_name}</p>
${userLinks(query.toString(), directory)}`,
  );
}
