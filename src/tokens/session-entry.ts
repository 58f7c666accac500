import { randomBytes } from 'node:crypto';
import { newSealingKey, type Sealer } from '../sealing/sealer.js';
import { type LoginFacts, parseLoginFacts } from './token-record.js';
import { parseStoredTokens, type TokenSet } from './token-set.js';

/**
 * What a session holds of a login, written once, at login. Opaque to the app. The tokens in it are those of the
 * login; newer ones are in the login's token record.
 */
export interface OpenEntry extends LoginFacts {
  readonly v: 1;
  /** Random name of the login: 32 lower-case hexadecimal characters, as ids of stored rows are. */
  readonly loginId: string;
  /** Opens the login's token record; only the session holds it. */
  readonly recordKey: string;
  readonly tokens: TokenSet;
  /** When Polar issued the tokens, in milliseconds since the epoch. */
  readonly issuedAt: number;
  /** What was asked for: a scope that is here and was not granted will not be granted next time either. */
  readonly askedScopes: readonly string[];
  /** Id of the organization that a guard needed: where the person has picked another one, they are not asked again. */
  readonly askedOrganization?: string | undefined;
  /** Identity of the Passport user to whom the tokens belong, as a hash. */
  readonly user: string;
  /** Id of the login attempt that it came from. */
  readonly attempt?: string | undefined;
  /** There while the app has yet to log that user in. */
  readonly waiting?: Waiting | undefined;
}

/** How a login waits for the app to log its user in. */
export interface Waiting {
  /** Hash of the cookie of the login attempt: only the browser that has it may be logged in by this. */
  readonly cookieHash: string;
  /** True where the app may have kept the tokens itself: they are not revoked if it never logs that user in. */
  readonly isLeftToApp: boolean;
  readonly returnTo?: string | undefined;
}

/** The same with all that is secret sealed with the app's keys; the rest decides whether it is worth opening. */
export interface SealedEntry extends Omit<OpenEntry, 'v' | keyof EntrySecrets> {
  readonly v: 2;
  readonly scopes: readonly string[];
  readonly sealed: string;
}

/** What of an entry is sealed. */
type EntrySecrets = Pick<OpenEntry, 'subject' | 'nonce' | 'recordKey' | 'tokens'>;

/** What of an entry is not sealed. */
export type EntryOutside = Omit<SealedEntry, 'v' | 'sealed'>;

/** What is found in a session. */
export type SessionEntry = OpenEntry | SealedEntry;

/** The parts of a login that are known before somebody is logged in to the app. */
export type NewLogin = Omit<OpenEntry, 'v' | 'user' | 'waiting'>;

/** A login that has just happened, with a name and a key of its own. */
export function newLogin(login: Omit<NewLogin, 'loginId' | 'recordKey'>): NewLogin {
  const { idToken: _verifiedAlready, ...tokens } = login.tokens;
  return {
    ...login,
    // A copy: a verify callback may do to its own what it likes.
    tokens: { ...tokens, scopes: [...tokens.scopes] },
    loginId: randomBytes(16).toString('hex'),
    recordKey: newSealingKey(),
  };
}

/** The entry for a login, bound to the identity of the Passport user. */
export function newSessionEntry(login: NewLogin, user: string): OpenEntry {
  return { ...login, v: 1, user };
}

/** The entry as it is put into the session: sealed where the app has keys. */
export function sealSessionEntry(entry: OpenEntry, sealer: Sealer | undefined): SessionEntry {
  if (sealer === undefined) return entry;
  const { subject, nonce, recordKey, tokens, ...outside } = entry;
  const { scopes, ...secretTokens } = tokens;
  const secrets = { subject, nonce, recordKey, tokens: secretTokens };
  return { ...outside, v: 2, scopes, sealed: sealer.seal(secrets, purpose(entry)) };
}

/** Opens an entry; undefined where the key is missing or something was changed. */
export function openSessionEntry(entry: SessionEntry, sealer: Sealer | undefined): OpenEntry | undefined {
  if (entry.v === 1) return entry;
  const { sealed, v: _sealed, ...outside } = entry;
  return openEntry(outside, sealer?.unseal(sealed, purpose(entry)));
}

/** Puts an entry together from its parts; undefined where a secret is missing or malformed. */
export function openEntry({ scopes, ...outside }: EntryOutside, secrets: unknown): OpenEntry | undefined {
  const { subject, nonce, recordKey, tokens } = (secrets ?? {}) as Readonly<Record<string, unknown>>;
  const facts = parseLoginFacts({ ...outside, subject, nonce });
  const parsed = parseStoredTokens({ ...(tokens as object | undefined), scopes });
  if (facts === undefined || parsed === undefined || !isKey(recordKey)) return undefined;
  return { v: 1, ...outside, ...facts, recordKey, tokens: parsed };
}

const isKey = (value: unknown): value is string =>
  typeof value === 'string' && /^[\w-]+$/.test(value) && Buffer.from(value, 'base64url').length === 32;

/** Scopes of the tokens of the login. */
export function scopesOf(entry: SessionEntry): readonly string[] {
  return entry.v === 1 ? entry.tokens.scopes : entry.scopes;
}

// Names all that stands outside, so that the sealed part cannot be put into the session of somebody else.
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
