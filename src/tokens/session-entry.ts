import { randomBytes } from 'node:crypto';
import { newSealingKey, type Sealer } from '../sealing/sealer.js';
import { type LoginFacts, parseLoginFacts } from './token-record.js';
import { parseStoredTokens, type TokenSet } from './token-set.js';

/**
 * A login in the session. Written once, at login, and opaque to the app. It holds the tokens of the login; newer ones are in
 * its token record.
 */
export interface OpenEntry extends LoginFacts {
  readonly v: 1;
  /** Random: 32 lower-case hexadecimal characters, like the ids of stored rows. */
  readonly loginId: string;
  /** Key of the login's token record. Only the session has it. */
  readonly recordKey: string;
  readonly tokens: TokenSet;
  /** When Polar issued the tokens, in milliseconds since the epoch. */
  readonly issuedAt: number;
  /** Requested scopes. One that was requested and not granted will not be granted next time either. */
  readonly askedScopes: readonly string[];
  /** Id of the organization that a guard required. A user who picked another one is not asked again. */
  readonly askedOrganization?: string | undefined;
  /** Hash of the identity of the Passport user to whom the tokens belong. */
  readonly user: string;
  /** Id of the login attempt that created the login. */
  readonly attempt?: string | undefined;
  /** Present until the app logs that user in. */
  readonly waiting?: Waiting | undefined;
}

/** A login that waits for the app to log its user in. */
export interface Waiting {
  /** Hash of the cookie of the login attempt. Only the browser with that cookie may be logged in. */
  readonly cookieHash: string;
  /** True if the app may have kept the tokens: they are then not revoked if it never logs the user in. */
  readonly isLeftToApp: boolean;
  readonly returnTo?: string | undefined;
}

/** An entry whose secrets are sealed with the app's keys. The rest tells whether it is worth opening. */
export interface SealedEntry extends Omit<OpenEntry, 'v' | keyof EntrySecrets> {
  readonly v: 2;
  readonly scopes: readonly string[];
  readonly sealed: string;
}

/** The sealed part of an entry. */
type EntrySecrets = Pick<OpenEntry, 'subject' | 'nonce' | 'recordKey' | 'tokens'>;

/** The unsealed part of an entry. */
export type EntryOutside = Omit<SealedEntry, 'v' | 'sealed'>;

/** An entry as found in a session. */
export type SessionEntry = OpenEntry | SealedEntry;

/** A new login, before its user is logged in to the app. */
export type NewLogin = Omit<OpenEntry, 'v' | 'user' | 'waiting'>;

/** Creates a login with a random id and key. */
export function newLogin(login: Omit<NewLogin, 'loginId' | 'recordKey'>): NewLogin {
  const { idToken: _verifiedAlready, ...tokens } = login.tokens;
  return {
    ...login,
    // A copy, because a verify callback may change its own.
    tokens: { ...tokens, scopes: [...tokens.scopes] },
    loginId: randomBytes(16).toString('hex'),
    recordKey: newSealingKey(),
  };
}

/** Creates the entry for a login, bound to the identity of the Passport user. */
export function newSessionEntry(login: NewLogin, user: string): OpenEntry {
  return { ...login, v: 1, user };
}

/** Seals an entry for the session, if the app has keys. */
export function sealSessionEntry(entry: OpenEntry, sealer: Sealer | undefined): SessionEntry {
  if (sealer === undefined) return entry;
  const { subject, nonce, recordKey, tokens, ...outside } = entry;
  const { scopes, ...secretTokens } = tokens;
  const secrets = { subject, nonce, recordKey, tokens: secretTokens };
  return { ...outside, v: 2, scopes, sealed: sealer.seal(secrets, purpose(entry)) };
}

/** Opens an entry; returns undefined if the key is missing or the entry was changed. */
export function openSessionEntry(entry: SessionEntry, sealer: Sealer | undefined): OpenEntry | undefined {
  if (entry.v === 1) return entry;
  const { sealed, v: _sealed, ...outside } = entry;
  return openEntry(outside, sealer?.unseal(sealed, purpose(entry)));
}

/** Assembles an entry from its parts; returns undefined if a secret is missing or malformed. */
export function openEntry({ scopes, ...outside }: EntryOutside, secrets: unknown): OpenEntry | undefined {
  const { subject, nonce, recordKey, tokens } = (secrets ?? {}) as Readonly<Record<string, unknown>>;
  const facts = parseLoginFacts({ ...outside, subject, nonce });
  const parsed = parseStoredTokens({ ...(tokens as object | undefined), scopes });
  if (facts === undefined || parsed === undefined || !isKey(recordKey)) return undefined;
  return { v: 1, ...outside, ...facts, recordKey, tokens: parsed };
}

const isKey = (value: unknown): value is string =>
  typeof value === 'string' && /^[\w-]+$/.test(value) && Buffer.from(value, 'base64url').length === 32;

/** Returns the scopes of the tokens of a login. */
export function scopesOf(entry: SessionEntry): readonly string[] {
  return entry.v === 1 ? entry.tokens.scopes : entry.scopes;
}

// Includes the whole unsealed part, so that the sealed part cannot be moved to another user's session.
function purpose(entry: SessionEntry): string {
  const { askedOrganization, askedScopes, attempt, clientID, loginId, issuedAt, server, user } = entry;
  const scopes = scopesOf(entry);
  const outside = [
    loginId,
    user,
    clientID,
    server,
    scopes,
    askedScopes,
    issuedAt,
    attempt,
    askedOrganization,
  ];
  return `session-entry:${JSON.stringify(outside)}`;
}
