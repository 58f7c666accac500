import { type Answer, type EmulatorRequest, firstValue, lastValue, Refusal } from '../http/message.js';
import type { EmulatorState } from '../state.js';
import { accessibleOrganizations, type DirectoryUser } from '../users/directory.js';
import { AuthorizeError } from './authorize-error.js';
import { type AuthorizeRequest, parseAuthorizeRequest } from './authorize-request.js';
import { consentPage } from './consent-page.js';
import { shownErrorAnswer } from './error-page.js';
import { type Decision, issueCode } from './issue-code.js';
import { isOrganizationRequest, requiredInteraction } from './required-interaction.js';
import { signInPage } from './sign-in-page.js';

const NOBODY = 'No user is signed in at this local Polar. Start it with consent ‘ask’ or with a user.';
const DENIED = 'The resource owner or authorization server denied the request';

/** `GET /oauth2/authorize`: where apps redirect the browser to log the user in. */
export function authorize(request: EmulatorRequest, emulator: EmulatorState): Answer {
  const answer = decide(request, emulator);
  const chosen = emulator.signedIn.chosenIn(request);
  return chosen === undefined ? answer : signedInAs(chosen, answer, emulator);
}

function decide(request: EmulatorRequest, emulator: EmulatorState): Answer {
  const { query } = request;
  const user = emulator.signedIn.of(request);
  const { parsed, wantsOrganization, interaction } = answeringErrors(firstValue(query, 'state'), () => {
    const parsed = parseAuthorizeRequest(query, emulator);
    return {
      parsed,
      wantsOrganization: isOrganizationRequest(query, parsed.client),
      interaction: requiredInteraction(query, parsed, user, emulator),
    };
  });
  const { consent } = emulator.settings;
  const hasJustSignedIn = emulator.signedIn.chosenIn(request) !== undefined;
  if (user === undefined || (interaction === 'sign-in' && !hasJustSignedIn)) {
    if (consent === 'ask') return signInPage(request, parsed, emulator.directory);
    // All that Polar's API says to the web app, which then shows the sign-in page.
    return shownErrorAnswer(401, { detail: 'Unauthorized' }, NOBODY);
  }
  if (consent === 'deny') return deny(parsed);
  const organizations = query.getAll('organizations');
  const decision = { user, organizations, isOrganizationRequest: wantsOrganization };
  if (interaction === 'nothing') {
    return answeringErrors(undefined, () => issueCode(parsed, decision, emulator));
  }
  if (consent === 'auto') {
    const [first] = wantsOrganization && organizations.length === 0 ? accessibleOrganizations(user) : [];
    const chosen = first === undefined ? decision : { ...decision, organizations: [first.id] };
    return allow(parsed, chosen, emulator);
  }
  return consentPage(request, parsed, decision, emulator);
}

/** `POST /oauth2/consent`: the consent page's form, for the request in its query string. */
export function consent(request: EmulatorRequest, emulator: EmulatorState): Answer {
  const { form, query, queryString } = request;
  const shown = emulator.consentForms.find(lastValue(form, 'consent_form') ?? '', queryString);
  const user = emulator.directory.find(shown?.email ?? '');
  if (shown === undefined || user === undefined) {
    const detail = 'This consent form does not belong to this request. Start over.';
    return shownErrorAnswer(400, { detail }, 'Go back to the app and log in again.');
  }
  // Errors from here on leave the state out, as Polar's do.
  shown.answer ??= answeringErrors(undefined, () => parseAndDecide(form, query, user, emulator));
  return signedInAs(user, shown.answer, emulator);
}

function signedInAs(user: DirectoryUser, answer: Answer, emulator: EmulatorState): Answer {
  return { ...answer, headers: { ...answer.headers, 'set-cookie': emulator.signedIn.cookie(user) } };
}

function parseAndDecide(
  form: URLSearchParams,
  query: URLSearchParams,
  user: DirectoryUser,
  emulator: EmulatorState,
): Answer {
  const parsed = parseAuthorizeRequest(query, emulator);
  if (lastValue(form, 'action') !== 'allow') return deny(parsed);
  const decision = {
    user,
    // Organizations that the app named count as picked, whatever the user picks: Polar merges query and form.
    organizations: [...query.getAll('organizations'), ...form.getAll('organizations')],
    isOrganizationRequest: isOrganizationRequest(query, parsed.client),
  };
  return allow(parsed, decision, emulator);
}

function allow(request: AuthorizeRequest, decision: Decision, emulator: EmulatorState): Answer {
  const answer = answeringErrors(undefined, () => issueCode(request, decision, emulator));
  emulator.grants.remember(request.client.clientID, decision.user.id, request.scope);
  return answer;
}

function deny({ redirectURI, state }: AuthorizeRequest): Answer {
  return new AuthorizeError('access_denied', DENIED, redirectURI).toAnswer(state);
}

function answeringErrors<Result>(state: string | undefined, step: () => Result): Result {
  try {
    return step();
  } catch (error) {
    throw error instanceof AuthorizeError ? new Refusal(error.toAnswer(state)) : error;
  }
}
