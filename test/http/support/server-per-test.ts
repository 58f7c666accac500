import { inspect } from 'node:util';
import { afterEach, beforeEach, expect } from '@jest/globals';
import { PolarError } from '../../../src/errors.js';
import { createHttp, type Fetch, type HttpRequest } from '../../../src/http/http.js';
import { type MisbehavingServer, startMisbehavingServer } from '../../support/misbehaving-server.js';

export const plainFetch: Fetch = (input, init) => fetch(input, init);
/** Never times out, not even on a slow machine. */
export const patient = createHttp({ fetch: plainFetch, timeoutMs: 10_000 });
export const hasty = createHttp({ fetch: plainFetch, timeoutMs: 60 });

/** A server that misbehaves, started anew for each test of a file. */
export class ServerPerTest {
  #server!: MisbehavingServer;

  constructor() {
    beforeEach(async () => {
      this.#server = await startMisbehavingServer();
    });
    afterEach(() => this.#server.close());
  }

  get url(): string {
    return this.#server.url;
  }

  get requests(): MisbehavingServer['requests'] {
    return this.#server.requests;
  }

  behave(...behaviours: Parameters<MisbehavingServer['behave']>): void {
    this.#server.behave(...behaviours);
  }

  /** A GET request to the server. */
  get(rest: Partial<HttpRequest> = {}): HttpRequest {
    return { method: 'GET', url: `${this.url}/path`, ...rest };
  }
}

/** The error with which a call fails. */
export async function failure(promise: Promise<unknown>): Promise<PolarError> {
  const error = await promise.then(
    (value) => new Error(`expected an error, got ${inspect(value)}`),
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(PolarError);
  return error as PolarError;
}

/** Everything that a log could show of an error. */
export const everythingOf = (error: unknown): string =>
  `${inspect(error, { depth: 9, showHidden: true })}\n${JSON.stringify(error)}\n${String((error as Error).stack)}`;
