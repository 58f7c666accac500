import type { EmulatorState } from '../state.js';

/** Where a client manages its own registration (RFC 7592). */
export function registrationURI(clientID: string, { settings }: EmulatorState): string {
  return `${settings.baseURL}/v1/oauth2/register/${clientID}`;
}
