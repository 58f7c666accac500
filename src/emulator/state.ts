import type { Clock } from './clock.js';
import type { Faults } from './faults.js';
import type { APIVersions } from './http/api-version.js';
import type { SigningKeys } from './id-token/signing-keys.js';
import type { PolarEmulatorConsent } from './options.js';
import type { RateLimits } from './realistic/rate-limits.js';
import type { Realism } from './realistic/realism.js';
import type { Backend, Transaction } from './realistic/transaction.js';
import type { RequestLog } from './request-log.js';
import type { Clients } from './stores/clients.js';
import type { Codes } from './stores/codes.js';
import type { ConsentForms } from './stores/consent-forms.js';
import type { RememberedGrants } from './stores/remembered-grants.js';
import type { Tokens } from './stores/tokens.js';
import type { WebSessions } from './stores/web-sessions.js';
import type { Directory } from './users/directory.js';
import type { SignedInUser } from './users/signed-in-user.js';

/** The whole state of one emulator. Endpoints are functions of a request and this state. */
export interface EmulatorState {
  readonly settings: EmulatorSettings;
  readonly clock: Clock;
  readonly apiVersions: APIVersions;
  readonly keys: SigningKeys;
  readonly directory: Directory;
  readonly signedIn: SignedInUser;
  readonly clients: Clients;
  readonly codes: Codes;
  readonly tokens: Tokens;
  readonly grants: RememberedGrants;
  readonly consentForms: ConsentForms;
  readonly webSessions: WebSessions;
  readonly faults: Faults;
  readonly log: RequestLog;
  backend: Backend;
  /** Transaction of the current request; outside of requests, changes take effect at once. */
  readonly transaction: Transaction;
  readonly rateLimits: RateLimits;
}

/** Options, resolved. */
export interface EmulatorSettings {
  readonly port: number;
  readonly host: string;
  readonly issuer: string;
  /** Undefined without the option `realistic`. */
  readonly realism: Realism | undefined;
  readonly loginAccessTokenSeconds: number;
  readonly refreshedAccessTokenSeconds: number;
  /** Known once the server listens. */
  baseURL: string;
  consent: PolarEmulatorConsent;
}
