import type { IncomingHttpHeaders } from 'node:http';

/** A request, fully read and parsed. */
export interface EmulatorRequest {
  readonly method: string;
  /** As it came while it is on its way to its route, which sees it percent-decoded. */
  readonly path: string;
  readonly query: URLSearchParams;
  /** The query as received, without the question mark. */
  readonly queryString: string;
  readonly headers: IncomingHttpHeaders;
  /** IP address of the client, by which Polar counts requests. */
  readonly clientAddress: string;
  /** The body as received; empty if it is larger than Polar accepts. */
  readonly body: Buffer;
  /** Fields of a form body, URL-encoded or multipart; empty for any other body, and for a form that is broken. */
  readonly form: URLSearchParams;
  /** Names of the fields of a multipart body that are files. */
  readonly files: readonly string[];
  /** The refusal of a broken form, for endpoints that read forms. */
  readonly formRefusal?: Refusal;
}

/** A response to send. */
export interface Answer {
  readonly status: number;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string | readonly string[]>>;
  readonly body: string;
  /** True if it is sent before Polar's layers that add headers to every response. */
  readonly isBare?: boolean;
  /** Replaces the response for a browser that opens a page. */
  readonly forBrowsers?: () => Answer;
}

/** A response to throw, which ends the handling of a request. */
export class Refusal extends Error {
  readonly answer: Answer;

  constructor(answer: Answer) {
    super(`Refused with status ${answer.status}`);
    this.name = 'Refusal';
    this.answer = answer;
  }
}

/** The last value of a parameter, which Polar's server mostly reads if one is repeated. */
export function lastValue(parameters: URLSearchParams, name: string): string | undefined {
  return parameters.getAll(name).at(-1);
}

/** The first value of a parameter, which Polar's OAuth server reads. */
export function firstValue(parameters: URLSearchParams, name: string): string | undefined {
  return parameters.get(name) ?? undefined;
}

/** A parameter that Polar's OAuth server reads from the query or, if it is not there, from the form. */
export function firstParameter({ query, form }: EmulatorRequest, name: string): string | undefined {
  return firstValue(query, name) ?? firstValue(form, name);
}
