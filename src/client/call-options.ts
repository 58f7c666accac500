import { PolarConfigurationError } from '../errors.js';

/** Limits for one call. */
export interface CallOptions {
  /** Ends the call early; its reason is thrown as it is. */
  readonly signal?: AbortSignal | undefined;
  /**
   * Milliseconds for the request, body included. With `server: { discoveryURL }` the first call waits for the metadata
   * too, for as long again at most.
   * @default the `timeoutMs` of the client
   */
  readonly timeoutMs?: number | undefined;
}

/**
 * The limits and nothing else of what a caller gave: whatever else it holds must not become part of the request.
 *
 * @throws PolarConfigurationError `invalid_option` for a time-out that is none; a timer would take it for "at once"
 */
export function limitsOf({ signal, timeoutMs }: CallOptions = {}): CallOptions {
  if (timeoutMs !== undefined && !(timeoutMs > 0 && timeoutMs <= 2 ** 31 - 1)) {
    throw new PolarConfigurationError(
      'invalid_option',
      'timeoutMs must be a number of milliseconds above 0. Nothing was sent.',
    );
  }
  return { signal, timeoutMs };
}
