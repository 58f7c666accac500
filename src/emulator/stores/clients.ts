import type { Clock } from '../clock.js';
import type { PolarEmulatorClientMetadata } from '../options.js';
import { randomToken } from '../random-token.js';

/** A client's metadata as it is registered and echoed: the field names and their order are the wire's (RFC 7591). */
export interface RegisteredMetadata {
  readonly redirect_uris: readonly string[];
  readonly token_endpoint_auth_method: string;
  readonly grant_types: readonly string[];
  readonly response_types: readonly string[];
  readonly client_name: string;
  readonly client_uri?: string;
  readonly logo_uri?: string;
  readonly scope: string;
  readonly tos_uri?: string;
  readonly policy_uri?: string;
  /** Only Polar itself can set it: a registration's is checked and not kept. */
  readonly default_sub_type?: 'user' | 'organization';
}

/** A registered client. */
export interface ClientRecord {
  readonly clientID: string;
  /** Public clients have one too, but it is never disclosed. */
  readonly clientSecret: string;
  /** Seconds since the epoch. */
  readonly issuedAt: number;
  readonly registrationAccessToken: string;
  firstParty: boolean;
  metadata: RegisteredMetadata;
}

/** Every client of this emulator. */
export class Clients {
  readonly #clients = new Map<string, ClientRecord>();
  readonly #clock: Clock;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  add(
    metadata: RegisteredMetadata,
    fixed: Partial<Pick<PolarEmulatorClientMetadata, 'clientID' | 'clientSecret' | 'firstParty'>> = {},
  ): ClientRecord {
    const client = {
      clientID: fixed.clientID ?? randomToken('polar_ci_'),
      clientSecret: fixed.clientSecret ?? randomToken('polar_cs_'),
      issuedAt: this.#clock.seconds(),
      registrationAccessToken: randomToken('polar_crt_'),
      firstParty: fixed.firstParty ?? false,
      metadata,
    };
    this.#clients.set(client.clientID, client);
    return client;
  }

  find(clientID: string): ClientRecord | undefined {
    return this.#clients.get(clientID);
  }

  delete(client: ClientRecord): void {
    this.#clients.delete(client.clientID);
  }
}
