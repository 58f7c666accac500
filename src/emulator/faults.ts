/** The requests that a fault applies to. `consent` posts count as `authorize`, everything else under `/v1/` as `api`. */
export type PolarEmulatorEndpoint =
  | 'authorize'
  | 'token'
  | 'userinfo'
  | 'revoke'
  | 'introspect'
  | 'register'
  | 'jwks'
  | 'discovery'
  | 'api';

export const ENDPOINTS: readonly PolarEmulatorEndpoint[] = [
  'authorize',
  'token',
  'userinfo',
  'revoke',
  'introspect',
  'register',
  'jwks',
  'discovery',
  'api',
];

/**
 * What goes wrong with a request.
 *
 * The request has **no effect**, and something else responds instead of Polar:
 * - `{ status }`: that status, with an empty body or the given `body` (a string as it is, anything else as JSON).
 *   429 and 503 carry `retry-after: 60` unless `retryAfterSeconds` is set.
 * - `'hang'`: no response at all; the connection stays open.
 * - `'reset-before'`: the connection is reset.
 * - `'garbage'`: 200 with the content type of JSON, but a body that is not JSON.
 * - `'html'`: 200 with an HTML page, as from a captive portal.
 * - `'huge-body'`: 200 with 10 MiB of valid JSON.
 *
 * The request **takes effect**, but the response fails or is late:
 * - `'reset-after'`: the connection is reset instead of a response, as when a refresh response is lost.
 * - `'hang-after'`: the response never comes.
 * - `'half-body'`: the connection breaks in the middle of the body.
 * - `{ delayMs }`: the response comes that many milliseconds late.
 * - `{ slowBodyMs }`: the headers come at once, the body piece by piece over that many milliseconds.
 */
export type PolarEmulatorFault =
  | PolarEmulatorStatusFault
  | {
      /** Milliseconds that the response is late. */
      readonly delayMs: number;
    }
  | {
      /** Milliseconds from the headers to the end of the body. */
      readonly slowBodyMs: number;
    }
  | NamedFault;

/** @inline */
type NamedFault = (typeof NAMED_FAULTS)[number];

export const NAMED_FAULTS = [
  'hang',
  'reset-before',
  'garbage',
  'html',
  'huge-body',
  'reset-after',
  'hang-after',
  'half-body',
] as const;

/** A fault that responds with a given status. */
export interface PolarEmulatorStatusFault {
  /** HTTP status of the response. */
  readonly status: number;
  /** The header `retry-after`, in seconds. @default 60 for 429 and 503, else none */
  readonly retryAfterSeconds?: number | undefined;
  /** A string is sent as it is, anything else as JSON. @default an empty body */
  readonly body?: unknown;
  /** Extra headers, which override the usual ones. @default none */
  readonly headers?: Readonly<Record<string, string>> | undefined;
}

interface PlannedFault {
  readonly fault: PolarEmulatorFault;
  timesLeft: number;
}

/** The faults still to come, per endpoint, in the order they were planned. */
export class Faults {
  readonly #planned = new Map<string, PlannedFault[]>();

  /** Plans a fault for the next `times` requests to the endpoint, after the faults planned earlier. */
  plan(endpoint: PolarEmulatorEndpoint, fault: PolarEmulatorFault, times: number): void {
    const queue = this.#planned.get(endpoint) ?? [];
    queue.push({ fault, timesLeft: times });
    this.#planned.set(endpoint, queue);
  }

  /** The fault for this request, if one is planned; uses it up. */
  take(endpoint: string): PolarEmulatorFault | undefined {
    const queue = this.#planned.get(endpoint);
    const next = queue?.[0];
    if (queue === undefined || next === undefined) return undefined;
    next.timesLeft -= 1;
    if (next.timesLeft <= 0) queue.shift();
    return next.fault;
  }

  /** Cancels the planned faults of one endpoint, or of all. */
  clear(endpoint?: PolarEmulatorEndpoint): void {
    if (endpoint === undefined) this.#planned.clear();
    else this.#planned.delete(endpoint);
  }
}
