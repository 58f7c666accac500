import { Clock } from './clock.js';
import { checkedConsent } from './controls/checked-consent.js';
import { Faults } from './faults.js';
import { SigningKeys } from './id-token/signing-keys.js';
import type { PolarEmulatorOptions } from './options.js';
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

/** A Polar on its first day: options resolved, nothing issued. */
export function createState(options: PolarEmulatorOptions): EmulatorState {
  refuseUnknownOptions(options);
  const { lifetimes } = options;
  const clock = new Clock();
  const directory = new Directory(options.users);
  return {
    settings: {
      issuer: options.issuer ?? 'https://polar.sh',
      loginAccessTokenSeconds: lifetimes?.loginAccessTokenSeconds ?? 864_000,
      refreshedAccessTokenSeconds: lifetimes?.refreshedAccessTokenSeconds ?? 3600,
      commitLagMs: options.commitLagMs ?? 0,
      baseURL: '',
      consent: checkedConsent(options.consent ?? 'ask'),
    },
    clock,
    keys: new SigningKeys(),
    directory,
    signedIn: new SignedInUser(directory, options.user),
    clients: new Clients(clock),
    codes: new Codes(clock, lifetimes?.authorizationCodeSeconds ?? 300),
    tokens: new Tokens(clock),
    grants: new RememberedGrants(),
    consentForms: new ConsentForms(),
    webSessions: new WebSessions(clock),
    faults: new Faults(),
    log: new RequestLog(),
  };
}

/** Forgets everything but the clients. */
export function clearState({
  codes,
  tokens,
  grants,
  consentForms,
  webSessions,
  faults,
  log,
  keys,
  clock,
}: EmulatorState): void {
  for (const store of [codes, tokens, grants, consentForms, webSessions, faults, log]) store.clear();
  for (const each of [keys, clock]) each.reset();
}

const OPTION_NAMES: Readonly<Record<keyof PolarEmulatorOptions, true>> = {
  port: true,
  host: true,
  consent: true,
  users: true,
  user: true,
  issuer: true,
  lifetimes: true,
  clients: true,
  commitLagMs: true,
};

function refuseUnknownOptions(options: PolarEmulatorOptions): void {
  const unknown = Object.keys(options).find((name) => !(name in OPTION_NAMES));
  if (unknown === undefined) return;
  const known = Object.keys(OPTION_NAMES).join(', ');
  throw new TypeError(`startPolarEmulator has no option "${unknown}". Options: ${known}.`);
}
