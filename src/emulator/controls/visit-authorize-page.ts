import { checkedList, type Names, refuseUnknownNames } from '../checks.js';
import type { Answer, EmulatorRequest } from '../http/message.js';
import { parseURL } from '../parse-url.js';
import { handle } from '../server/handle.js';
import type { EmulatorState } from '../state.js';
import { USER_PARAMETER } from '../users/signed-in-user.js';
import { parseUUID } from '../uuid.js';
import type { PolarEmulatorVisit } from './polar-emulator.js';

const VISIT_NAMES: Names<PolarEmulatorVisit> = { user: true, organizations: true, deny: true };

/** Acts as the user on the authorize page, and returns where Polar redirects the browser. */
export async function visitAuthorizePage(
  address: string | URL | undefined,
  visit: PolarEmulatorVisit,
  state: EmulatorState,
): Promise<string> {
  refuseUnknownNames('authorize', visit, VISIT_NAMES);
  const { user, organizations = [], deny = false } = visit;
  const url = authorizeURL(address, state);
  const person = user ?? state.signedIn.email;
  if (person !== '') url.searchParams.set(USER_PARAMETER, state.directory.byEmail(person).email);
  for (const organization of checkedList('organizations', organizations)) {
    const id = parseUUID(organization) ?? state.directory.organization(organization).id;
    url.searchParams.append('organizations', id);
  }
  const request = requestFor(url);
  const consent = deny ? 'deny' : 'auto';
  const transaction = await state.backend.accept();
  const answer = await handle(request, { ...state, transaction, settings: { ...state.settings, consent } });
  await transaction.respond();
  state.log.add(request, 'authorize', undefined, state.clock.now()).status = answer.status;
  if (person === '' && answer.status === 401) {
    throw new Error('No user is signed in at this local Polar. Pass `user` to authorize.');
  }
  return callbackPath(answer);
}

function authorizeURL(address: string | URL | undefined, { settings }: EmulatorState): URL {
  const expected = `${settings.baseURL}/oauth2/authorize`;
  const text = String(address ?? '');
  const url = parseURL(text);
  if (url !== undefined) {
    if (url.origin + url.pathname === expected) return url;
    throw new Error(
      `The app redirects to ${url.origin}${url.pathname}, not to this local Polar at ${expected}. Give its strategy the emulator's \`server\`.`,
    );
  }
  throw new TypeError(
    `authorize needs the \`location\` header of the app's redirect to Polar, not "${text}". Check that the app responded with a redirect.`,
  );
}

function requestFor(url: URL): EmulatorRequest {
  return {
    method: 'GET',
    path: url.pathname,
    query: url.searchParams,
    queryString: url.search.slice(1),
    headers: {},
    clientAddress: '127.0.0.1',
    body: Buffer.alloc(0),
    form: new URLSearchParams(),
    files: [],
  };
}

function callbackPath({ status, headers, body }: Answer): string {
  const { location } = headers;
  if (typeof location !== 'string') {
    throw new Error(`Polar did not redirect this login back to the app, but returned ${status}: ${body}`);
  }
  const { pathname, search } = new URL(location);
  return pathname + search;
}
