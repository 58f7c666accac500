/** Limits for one call. */
export interface CallOptions {
  /** Ends the call early; its reason is thrown as it is. */
  readonly signal?: AbortSignal | undefined;
  /** Milliseconds for the whole call. @default the `timeoutMs` of the client */
  readonly timeoutMs?: number | undefined;
}
