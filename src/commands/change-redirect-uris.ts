import type { ClientMetadata, ClientRegistration } from '../client/client-metadata.js';
import type { PolarRegistrationClient } from '../client/registration-client.js';
import type { RegistrationAccess } from '../client/registrations.js';
import { normalizeRedirectURI } from '../emulator/clients/redirect-uri.js';
import { PolarTransientError } from '../errors.js';

/** What to do with a redirect URI, which is spelled as Polar keeps it. */
export interface RedirectURIChange {
  readonly action: 'add' | 'remove';
  readonly uri: string;
}

/** What a registration is changed with, and how it is waited for others that do the same. */
export interface RedirectURIWork {
  readonly registrations: Pick<PolarRegistrationClient, 'readRegistration' | 'updateRegistration'>;
  readonly access: RegistrationAccess;
  /** Resolves once the writes of others that have read before ours are over. */
  pause(): Promise<void>;
}

/** How often a change is written that others keep overwriting. */
export const MAX_WRITES = 10;

/**
 * Changes the redirect URIs of a client, and nothing else of its registration.
 *
 * Polar replaces the whole list (RFC 7592 section 2.2) and has no precondition for it: of two who read it at the same
 * time, the second to write drops what the first has added. So the list is read again a moment after each write, and
 * written again where the change is gone.
 *
 * @returns false when there was nothing to change
 * @throws Error that says what to do when the change would leave no URI, or cannot be made without changing more
 */
export async function changeRedirectURIs(change: RedirectURIChange, work: RedirectURIWork): Promise<boolean> {
  const { registrations, access } = work;
  let before = await registrations.readRegistration(access);
  if (isDone(change, before)) return false;
  let busy: PolarTransientError | undefined;
  for (let writes = 0; writes < MAX_WRITES; writes++) {
    busy = undefined;
    try {
      const after = await registrations.updateRegistration(access, metadataWith(change, before));
      refuseSideEffects(before, after);
      if (!isDone(change, after))
        throw new Error(`Polar took the change, and its response does not show it: it has ${urisOf(after)}.`);
    } catch (error) {
      // Of several at the same time, Polar answers some with a 500 once they have waited for half a minute.
      if (!(error instanceof PolarTransientError && error.code === 'server_error')) throw error;
      busy = error;
    }
    await work.pause();
    before = await registrations.readRegistration(access);
    if (isDone(change, before)) return true;
  }
  if (busy !== undefined) throw busy;
  throw new Error(
    `Others are changing this client at the same time, and have undone the change ${MAX_WRITES} times. Run the command again.`,
  );
}

/** A redirect URI as Polar spells it, to compare it with others. */
function spelledAsAtPolar(uri: string): string {
  const url = normalizeRedirectURI(uri);
  return typeof url === 'string' ? uri : url.href;
}

function isDone({ action, uri }: RedirectURIChange, { redirectURIs }: ClientRegistration): boolean {
  return redirectURIs.map(spelledAsAtPolar).includes(uri) === (action === 'add');
}

/** What Polar puts a default in place of when an update leaves it out. */
const REPLACED = ['client_name', 'scope', 'token_endpoint_auth_method', 'grant_types', 'response_types'];

/** What a response says of the client that is not metadata: an update must not have it (RFC 7592 section 2.2). */
const NOT_METADATA = [
  'client_id',
  'client_secret',
  'client_id_issued_at',
  'client_secret_expires_at',
  'registration_access_token',
  'registration_client_uri',
];

/** All that the registration says, also in fields that are newer than this package. */
function metadataWith({ action, uri }: RedirectURIChange, registration: ClientRegistration): ClientMetadata {
  const { clientName = '', raw, redirectURIs: old } = registration;
  const missing = REPLACED.filter((field) => raw[field] === undefined || raw[field] === null);
  if (missing.length > 0) {
    throw new Error(
      `Polar does not say the client's ${missing.join(', ')}, which the change would reset. Change the redirect URIs in Polar's dashboard.`,
    );
  }
  const redirectURIs =
    action === 'add' ? [...old, uri] : old.filter((each) => spelledAsAtPolar(each) !== uri);
  if (redirectURIs.length === 0) {
    throw new Error(
      `${uri} is the client's last redirect URI, and nobody could log in without one. Add another one first.`,
    );
  }
  const extra = Object.fromEntries(Object.entries(raw).filter(([name]) => !NOT_METADATA.includes(name)));
  return { clientName, redirectURIs, extra };
}

/** @throws Error that names what has changed beside the redirect URIs, not what it has become */
function refuseSideEffects({ raw: before }: ClientRegistration, { raw: after }: ClientRegistration): void {
  const names = [...new Set([...Object.keys(before), ...Object.keys(after)])];
  const changed = names.filter(
    (name) => name !== 'redirect_uris' && JSON.stringify(before[name]) !== JSON.stringify(after[name]),
  );
  if (changed.length === 0) return;
  throw new Error(
    `The redirect URIs are changed, and the client's ${changed.join(', ')} with them. Check the client at Polar.`,
  );
}

const urisOf = ({ redirectURIs }: ClientRegistration): string => redirectURIs.join(' and ');
