import type { IncomingHttpHeaders } from 'node:http';

/** A request, read to its end and taken apart. */
export interface EmulatorRequest {
  readonly method: string;
  /** As it came while it is on its way to its route, which sees it percent-decoded. */
  readonly path: string;
  readonly query: URLSearchParams;
  /** The query as it came, without the question mark. */
  readonly queryString: string;
  readonly headers: IncomingHttpHeaders;
  /** IP address of the client, by which Polar counts requests. */
  readonly clientAddress: string;
  /** As it came; empty when it is larger than Polar takes. */
  readonly body: Buffer;
  /** Fields of a form body, URL-encoded or multipart; empty for any other body, and for a form that is broken. */
  readonly form: URLSearchParams;
  /** Names of the fields of a multipart body that are files. */
  readonly files: readonly string[];
  /** What endpoints that read forms make of one that is broken. */
  readonly formRefusal?: Refusal;
}

/** What is to be sent back. */
export interface Answer {
  readonly status: number;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string | readonly string[]>>;
  readonly body: string;
  /** True for what is sent before Polar's layers that put headers on every answer. */
  readonly isBare?: boolean;
  /** What is sent instead to a browser that opens a page. */
  readonly forBrowsers?: () => Answer;
}

/** An answer that ends the handling of a request from wherever it is thrown. */
export class Refusal extends Error {
  readonly answer: Answer;

  constructor(answer: Answer) {
    super(`Refused with status ${answer.status}`);
    this.name = 'Refusal';
    this.answer = answer;
  }
}

/** The last value of a parameter: what Polar's server mostly reads when one is given more than once. */
export function lastValue(parameters: URLSearchParams, name: string): string | undefined {
  return parameters.getAll(name).at(-1);
}

/** The first value of a parameter: what Polar's OAuth server reads. */
export function firstValue(parameters: URLSearchParams, name: string): string | undefined {
  return parameters.get(name) ?? undefined;
}

/** A parameter of those that Polar's OAuth server reads from the query and the form alike: the query goes first. */
export function firstParameter({ query, form }: EmulatorRequest, name: string): string | undefined {
  return firstValue(query, name) ?? firstValue(form, name);
}
