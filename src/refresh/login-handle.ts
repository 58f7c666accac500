import type { LoginFacts, SealedRecordPlace, TokenRecord } from '../tokens/token-record.js';

/**
 * A login whose tokens are to be kept alive: what its session entry or a first look at its record says, and where
 * newer tokens are.
 */
export interface LoginHandle extends SealedRecordPlace, TokenRecord {
  readonly facts: LoginFacts;
  /** True when there is a record even of the tokens that came at login. */
  readonly isRecordedFromStart: boolean;
}
