import type { RecordPlace } from '../tokens/token-record.js';
import type { TokenSet } from '../tokens/token-set.js';

/** A login whose tokens are to be kept alive: what its session entry says, and where its record is. */
export interface LoginHandle extends RecordPlace {
  /** The tokens of the login itself; newer ones are in the record. */
  readonly tokens: TokenSet;
  readonly subject: string;
  readonly nonce: string;
}
