import {
  checkedChoice,
  checkedInteger,
  checkedNumber,
  checkedText,
  type Names,
  refuseUnknownNames,
} from './checks.js';
import { Clock } from './clock.js';
import { Faults } from './faults.js';
import { APIVersions } from './http/api-version.js';
import { SigningKeys } from './id-token/signing-keys.js';
import { CONSENTS, type PolarEmulatorLifetimes, type PolarEmulatorOptions } from './options.js';
import { LateBackend } from './realistic/late-backend.js';
import { RateLimits } from './realistic/rate-limits.js';
import { type Realism, resolveRealism } from './realistic/realism.js';
import { AT_ONCE, type Backend, TIDY_BACKEND } from './realistic/transaction.js';
import { RequestLog } from './request-log.js';
import type { EmulatorState } from './state.js';
import { Clients } from './stores/clients.js';
import { Codes } from './stores/codes.js';
import { ConsentForms } from './stores/consent-forms.js';
import { RememberedGrants } from './stores/remembered-grants.js';
import { Tokens } from './stores/tokens.js';
import { WebSessions } from './stores/web-sessions.js';
import { Directory } from './users/directory.js';
import { SignedInUser } from './users/signed-in-user.js';

/**
 * Creates the state of a new emulator: options resolved, nothing issued.
 *
 * @throws TypeError if an option is invalid
 */
export function createState(options: PolarEmulatorOptions): EmulatorState {
  refuseUnknownNames('startPolarEmulator', options, OPTION_NAMES);
  const { lifetimes = {} } = options;
  refuseUnknownNames('startPolarEmulator: `lifetimes`', lifetimes, LIFETIME_NAMES);
  const seconds = (name: keyof PolarEmulatorLifetimes, fallback: number) =>
    checkedNumber(`lifetimes.${name}`, lifetimes[name] ?? fallback, 0);
  const clock = new Clock();
  const directory = new Directory(options.users);
  const realism = resolveRealism(options.realistic ?? false);
  return {
    settings: {
      port: checkedInteger('port', options.port ?? 0, 0, 65_535),
      host: checkedText('host', options.host ?? '127.0.0.1'),
      realism,
      issuer: checkedText('issuer', options.issuer ?? 'https://polar.sh'),
      loginAccessTokenSeconds: seconds('loginAccessTokenSeconds', 864_000),
      refreshedAccessTokenSeconds: seconds('refreshedAccessTokenSeconds', 3600),
      baseURL: '',
      consent: checkedChoice('consent', options.consent ?? 'ask', CONSENTS),
    },
    clock,
    apiVersions: new APIVersions(options.defaultAPIVersion, options.retiredAPIVersions),
    keys: new SigningKeys(),
    directory,
    signedIn: new SignedInUser(directory, options.user),
    clients: new Clients(clock),
    codes: new Codes(clock, seconds('authorizationCodeSeconds', 300)),
    tokens: new Tokens(clock),
    grants: new RememberedGrants(),
    consentForms: new ConsentForms(),
    webSessions: new WebSessions(clock),
    faults: new Faults(),
    log: new RequestLog(),
    backend: startBackend(realism),
    transaction: AT_ONCE,
    rateLimits: new RateLimits(clock, realism?.requestsPerMinute),
  };
}

/** Clears everything but the clients. */
export function clearState(state: EmulatorState): void {
  const { codes, tokens, grants, consentForms, webSessions, faults, log, rateLimits } = state;
  for (const store of [codes, tokens, grants, consentForms, webSessions, faults, log, rateLimits])
    store.clear();
  for (const each of [state.keys, state.clock, state.directory, state.apiVersions]) each.reset();
  state.backend.stop();
  state.backend = startBackend(state.settings.realism);
}

function startBackend(realism: Realism | undefined): Backend {
  return realism === undefined ? TIDY_BACKEND : new LateBackend(realism);
}

const OPTION_NAMES: Names<PolarEmulatorOptions> = {
  port: true,
  host: true,
  consent: true,
  users: true,
  user: true,
  issuer: true,
  lifetimes: true,
  clients: true,
  defaultAPIVersion: true,
  retiredAPIVersions: true,
  realistic: true,
};

const LIFETIME_NAMES: Names<PolarEmulatorLifetimes> = {
  authorizationCodeSeconds: true,
  loginAccessTokenSeconds: true,
  refreshedAccessTokenSeconds: true,
};
