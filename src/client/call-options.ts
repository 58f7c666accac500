import { invalidOption } from '../errors.js';
import { checkObject, wrong } from '../options/option-checks.js';

/**
 * Limits for one call.
 *
 * @group OAuth client
 */
export interface CallOptions {
  /** Aborts the call; its reason is thrown as it is. @default none */
  readonly signal?: AbortSignal | undefined;
  /**
   * Milliseconds for the request, above 0, including the body. With `server: { discoveryURL }`, the first call also waits for
   * the metadata, for at most as long again.
   * @default the `timeoutMs` of the client
   */
  readonly timeoutMs?: number | undefined;
}

/**
 * Returns only the limits from the caller's options: other properties must not become part of the request.
 *
 * @throws PolarConfigurationError `invalid_option` for an invalid time-out, which a timer would treat as immediate, and for anything but
 *   a signal
 */
export function limitsOf(options: CallOptions = {}): CallOptions {
  checkObject(options, 'The options of a call');
  const { signal, timeoutMs } = options;
  if (timeoutMs !== undefined && !(timeoutMs > 0 && timeoutMs <= 2 ** 31 - 1)) {
    throw invalidOption('timeoutMs must be a number of milliseconds above 0. Nothing was sent.');
  }
  const isSignal = (signal ?? undefined) === undefined || typeof signal?.throwIfAborted === 'function';
  if (!isSignal) throw wrong('signal', 'an AbortSignal', signal);
  return { signal, timeoutMs };
}
