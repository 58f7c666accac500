import { checkedChoice, refuseUnknownNames } from '../checks.js';
import { clearState } from '../create-state.js';
import { ENDPOINTS } from '../faults.js';
import { CONSENTS, DEFAULT_CALLBACK_URL } from '../options.js';
import type { EmulatorState } from '../state.js';
import { checkFault } from './checked-fault.js';
import { changeClient, registerClient } from './client-controls.js';
import type { PolarEmulator } from './polar-emulator.js';
import { enforceSSO, issueTokens, liveTokens, revokeTokens } from './token-controls.js';
import { visitAuthorizePage } from './visit-authorize-page.js';

/** Creates the controls of a running emulator. */
export function createControls(state: EmulatorState, stop: () => Promise<void>): PolarEmulator {
  const { settings, clock, directory, keys, faults, log, signedIn, webSessions } = state;
  const url = settings.baseURL;
  const start = { consent: settings.consent, user: signedIn.email };
  const server = { webURL: url, apiURL: url, issuer: settings.issuer };
  let closed: Promise<void> | undefined;
  return {
    url,
    webURL: url,
    apiURL: url,
    issuer: settings.issuer,
    server,
    get consent() {
      return settings.consent;
    },
    set consent(consent) {
      settings.consent = checkedChoice('consent', consent, CONSENTS);
    },
    get user() {
      return signedIn.email;
    },
    set user(email) {
      signedIn.set(email);
    },
    get defaultAPIVersion() {
      return state.apiVersions.current;
    },
    set defaultAPIVersion(version) {
      state.apiVersions.current = version;
    },
    requests: log.entries,
    strategyOptions(callbackURL = DEFAULT_CALLBACK_URL, metadata = {}) {
      const client = registerClient({ ...metadata, redirectURIs: [callbackURL] }, state);
      const { clientID, clientSecret, redirectURIs } = client;
      return { clientID, clientSecret, callbackURL: redirectURIs[0] ?? callbackURL, server, now: clock.now };
    },
    authorize: (authorizeURL, visit = {}) => visitAuthorizePage(authorizeURL, visit, state),
    registerClient: (metadata) => registerClient(metadata, state),
    updateClient: (clientID, changes) => changeClient(clientID, changes, state),
    issueTokens: (request) => issueTokens(request, state),
    createSession: (email) => webSessions.create(directory.byEmail(email)),
    liveTokens: () => liveTokens(state),
    now: clock.now,
    advanceTime(seconds) {
      clock.advance(seconds);
      state.backend.passTime(seconds * 1000);
    },
    rotateKeys(options = {}) {
      refuseUnknownNames('rotateKeys', options, { keepOld: true });
      keys.rotate(options.keepOld ?? false);
    },
    revokeAll: (email) => revokeTokens(email, state),
    retireAPIVersion: (version) => state.apiVersions.retire(version),
    enforceSSO: (organization, isEnforced = true) => enforceSSO(organization, isEnforced, state),
    settled: () => state.backend.settled(),
    fail(endpoint, fault, times = 1) {
      checkFault(endpoint, fault, times);
      faults.plan(endpoint, fault, times);
    },
    heal(endpoint) {
      if (endpoint !== undefined) checkedChoice('heal: the endpoint', endpoint, ENDPOINTS);
      faults.clear(endpoint);
    },
    reset() {
      clearState(state);
      settings.consent = start.consent;
      signedIn.set(start.user);
    },
    close() {
      closed ??= stop();
      return closed;
    },
  };
}
