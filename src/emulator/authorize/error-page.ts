import { browserErrorAnswer } from '../http/answers.js';
import type { Answer } from '../http/message.js';
import { type Html, html } from '../pages/html.js';
import { page } from '../pages/page.js';

/** What is wrong: an OAuth error, or one of the API. */
export interface ShownError {
  readonly error?: string;
  readonly error_description?: string;
  readonly detail?: string;
  /** The `state` of the request; not shown. */
  readonly state?: string;
}

/**
 * An error that is not sent back to the app. Polar's API returns it as JSON, as recorded; Polar's web app turns that into a
 * page, which is what browsers get here.
 */
export function shownErrorAnswer(status: number, body: ShownError, whatToDo?: string): Answer {
  return {
    ...browserErrorAnswer(status, body),
    forBrowsers: () => ({ ...errorPage(body, whatToDo), status }),
  };
}

function errorPage({ error, error_description, detail }: ShownError, whatToDo = adviceFor(error)): Answer {
  const what = error_description ?? detail ?? error ?? '';
  return page(
    'An error occurred',
    html`<div class="mark" aria-hidden="true"></div>
<h1>An error occurred</h1>
<p class="lead" role="alert">${what}</p>
${error === undefined ? '' : html`<p class="hint">Error code: <code>${error}</code></p>`}
<p class="hint">${whatToDo}</p>`,
  );
}

/** Advice for the developer: only an app with a mistake sends the browser here. */
function adviceFor(error = ''): string | Html {
  return ADVICE.get(error) ?? 'The app sent an authorization request that Polar does not accept.';
}

const ADVICE = new Map<string, Html>([
  [
    'invalid_client',
    html`The app’s client id is not registered at this local Polar, which forgets its clients when it stops. Start it with <code>--write-env</code> and a fixed <code>--port</code>, which keep the client, and start the app again with the file that <code>--write-env</code> wrote.`,
  ],
  [
    'invalid_request',
    html`The app sent an authorization request that Polar does not accept. The redirect URI must match one that is registered for the client, character for character. To register another one here, restart the local Polar with <code>--redirect-uri</code>, once for each; in a test, pass it to <code>strategyOptions</code>.`,
  ],
]);
