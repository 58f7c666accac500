import type { IncomingHttpHeaders } from 'node:http';
import type { PolarEmulatorEndpoint, PolarEmulatorFault } from './faults.js';
import { type EmulatorRequest, firstParameter } from './http/message.js';

/** One request to the emulator. */
export interface PolarEmulatorRequest {
  /** HTTP method, in upper case. */
  readonly method: string;
  /** Path without the query. */
  readonly path: string;
  /** The endpoint, for {@link PolarEmulator.fail}; `other` for a path that Polar does not have. */
  readonly endpoint: PolarEmulatorEndpoint | 'other';
  /** Names in lower case. */
  readonly headers: IncomingHttpHeaders;
  /** Parameters of the query. */
  readonly query: Readonly<Record<string, string>>;
  /** Fields of a form body; empty for any other body. */
  readonly form: Readonly<Record<string, string>>;
  /** The body as received. */
  readonly body: string;
  /** `grant_type` of a token request. */
  readonly grantType: string | undefined;
  /** Emulator time of arrival, in milliseconds since the epoch. */
  readonly at: number;
  /** The fault that applied to this request. */
  readonly fault: PolarEmulatorFault | undefined;
  /** Status of the response; `undefined` while there is none, or if a fault prevented it. */
  readonly status: number | undefined;
}

/** A log entry while the emulator is still writing it. */
export type PendingRequest = { -readonly [Key in keyof PolarEmulatorRequest]: PolarEmulatorRequest[Key] };

/** Enough for any test; a server that runs for weeks must not fill the memory. */
const MAX_ENTRIES = 10_000;
const MAX_BODY_CHARACTERS = 100_000_000;

/** The newest requests since the start or the last reset, in the order of arrival. */
export class RequestLog {
  readonly entries: PendingRequest[] = [];
  #bodyCharacters = 0;

  /** Logs a request. The caller fills in its status. */
  add(
    request: EmulatorRequest,
    endpoint: PendingRequest['endpoint'],
    fault: PolarEmulatorFault | undefined,
    at: number,
  ): PendingRequest {
    const { method, path, headers, query, form } = request;
    const entry: PendingRequest = {
      method,
      path,
      endpoint,
      headers,
      query: Object.fromEntries(query),
      form: Object.fromEntries(form),
      body: request.body.toString(),
      grantType: endpoint === 'token' ? firstParameter(request, 'grant_type') : undefined,
      at,
      fault,
      status: undefined,
    };
    this.entries.push(entry);
    this.#bodyCharacters += entry.body.length;
    while (this.entries.length > MAX_ENTRIES || this.#bodyCharacters > MAX_BODY_CHARACTERS) {
      this.#bodyCharacters -= this.entries.shift()?.body.length ?? 0;
    }
    return entry;
  }

  clear(): void {
    this.entries.length = 0;
    this.#bodyCharacters = 0;
  }
}
