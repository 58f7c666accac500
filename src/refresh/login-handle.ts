import type { LoginFacts, SealedRecordPlace, TokenRecord } from '../tokens/token-record.js';

/**
 * A login to keep alive: the tokens from its session entry or from a first read of its record, and where newer tokens
 * are kept.
 */
export interface LoginHandle extends SealedRecordPlace, TokenRecord {
  readonly facts: LoginFacts;
  /** True if even the tokens issued at login are recorded. */
  readonly isRecordedFromStart: boolean;
}
