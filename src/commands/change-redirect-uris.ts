import type { ClientMetadata, ClientRegistration } from '../client/client-metadata.js';
import type { PolarRegistrationClient, RegistrationAccess } from '../client/registrations.js';
import { normalizeRedirectURI } from '../emulator/clients/redirect-uri.js';
import { PolarTransientError } from '../errors.js';

/** A change to the redirect URIs of a client; `uri` is in Polar's spelling. */
export interface RedirectURIChange {
  readonly action: 'add' | 'remove';
  readonly uri: string;
}

/** What {@link changeRedirectURIs} works with. */
export interface RedirectURIWork {
  readonly registrations: Pick<PolarRegistrationClient, 'readRegistration' | 'updateRegistration'>;
  readonly access: RegistrationAccess;
  /** Resolves once other processes that read the list before this write have finished theirs. */
  pause(): Promise<void>;
}

/** Maximum number of writes while other processes keep overwriting the change. */
export const MAX_WRITES = 10;

/**
 * Changes the redirect URIs of a client, and nothing else in its registration.
 *
 * Polar replaces the whole list (RFC 7592 section 2.2) and has no precondition for it: if two processes read the list at the
 * same time, the second write drops the change of the first. So this function reads the list again a moment after each write,
 * and writes again if the change is gone.
 *
 * @returns false if there was nothing to change
 * @throws Error that says what to do if the change would leave no URI, or cannot be made without changing more
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
        throw new Error(
          `Polar accepted the change, but its response lists ${urisOf(after)}. Check the client at Polar.`,
        );
    } catch (error) {
      // Polar responds with a 500 to some of several concurrent writes, after they have waited for half a minute.
      if (!(error instanceof PolarTransientError && error.code === 'server_error')) throw error;
      busy = error;
    }
    await work.pause();
    before = await registrations.readRegistration(access);
    if (isDone(change, before)) return true;
  }
  if (busy !== undefined) throw busy;
  throw new Error(
    `Other processes changed this client at the same time and overwrote the change ${MAX_WRITES} times. Run the command again.`,
  );
}

/** Returns a redirect URI in Polar's spelling, for comparison. */
function spelledAsAtPolar(uri: string): string {
  const url = normalizeRedirectURI(uri);
  return typeof url === 'string' ? uri : url.href;
}

function isDone({ action, uri }: RedirectURIChange, { redirectURIs }: ClientRegistration): boolean {
  return redirectURIs.map(spelledAsAtPolar).includes(uri) === (action === 'add');
}

/** Fields that Polar resets to a default if an update omits them. */
const REPLACED = ['client_name', 'scope', 'token_endpoint_auth_method', 'grant_types', 'response_types'];

/** Fields of a response that are not metadata, so an update must not include them (RFC 7592 section 2.2). */
const NOT_METADATA = [
  'client_id',
  'client_secret',
  'client_id_issued_at',
  'client_secret_expires_at',
  'registration_access_token',
  'registration_client_uri',
];

/** Applies the change to the metadata of a registration, and keeps fields that are unknown to this package. */
function metadataWith({ action, uri }: RedirectURIChange, registration: ClientRegistration): ClientMetadata {
  const { clientName = '', raw, redirectURIs: old } = registration;
  const missing = REPLACED.filter((field) => raw[field] === undefined || raw[field] === null);
  if (missing.length > 0) {
    throw new Error(
      `Polar's response lacks the client's ${missing.join(', ')}, which the change would reset. Change the redirect URIs in Polar's dashboard.`,
    );
  }
  const redirectURIs =
    action === 'add' ? [...old, uri] : old.filter((each) => spelledAsAtPolar(each) !== uri);
  if (redirectURIs.length === 0) {
    throw new Error(`${uri} is the client's last redirect URI, and logins need one. Add another one first.`);
  }
  const extra = Object.fromEntries(Object.entries(raw).filter(([name]) => !NOT_METADATA.includes(name)));
  return { clientName, redirectURIs, extra };
}

/** @throws Error that names the other fields that changed, without their values */
function refuseSideEffects({ raw: before }: ClientRegistration, { raw: after }: ClientRegistration): void {
  const names = [...new Set([...Object.keys(before), ...Object.keys(after)])];
  const changed = names.filter(
    (name) => name !== 'redirect_uris' && JSON.stringify(before[name]) !== JSON.stringify(after[name]),
  );
  if (changed.length === 0) return;
  throw new Error(
    `The redirect URIs changed, but so did the client's ${changed.join(', ')}. Check the client at Polar.`,
  );
}

const urisOf = ({ redirectURIs }: ClientRegistration): string => redirectURIs.join(' and ');
