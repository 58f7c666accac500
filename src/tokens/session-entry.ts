import { createHash, randomBytes } from 'node:crypto';
import { newSealingKey } from './sealing.js';
import { type LoginFacts, parseLoginFacts } from './token-record.js';
import { parseStoredTokens, type TokenSet } from './token-set.js';

/**
 * What a session holds of a login, written once, at login. Opaque to the app. The tokens in it are those of the
 * login; newer ones are in the login's token record.
 */
export interface SessionEntry extends LoginFacts {
  readonly v: 1;
  /** Random name of the login, for its token record and lock. */
  readonly loginId: string;
  /** Opens the login's token record; only the session holds it. */
  readonly recordKey: string;
  readonly tokens: TokenSet;
  /** When Polar issued the tokens, in milliseconds since the epoch. */
  readonly mintedAt: number;
  /** What was asked for: a scope that is here and was not granted will not be granted next time either. */
  readonly askedScopes: readonly string[];
  /** Fingerprint of the Passport user to whom the tokens belong. */
  readonly user: string;
}

/** The parts of a login that are known before somebody is logged in to the app. */
export type NewLogin = Omit<SessionEntry, 'v' | 'user'>;

/** A login that has just happened, with a name and a key of its own. */
export function newLogin(login: Omit<NewLogin, 'loginId' | 'recordKey'>): NewLogin {
  const { idToken: _verifiedAlready, ...tokens } = login.tokens;
  return {
    ...login,
    tokens,
    loginId: randomBytes(16).toString('base64url'),
    recordKey: newSealingKey(),
  };
}

/** The entry for a login, bound to the serialized Passport user. */
export function newSessionEntry(login: NewLogin, serializedUser: unknown): SessionEntry {
  return { ...login, v: 1, user: userFingerprint(serializedUser) };
}

/** An entry as it came out of a session, or undefined where it is none: tampered with, or of another version. */
export function parseSessionEntry(value: unknown): SessionEntry | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const entry = value as Record<keyof SessionEntry, unknown>;
  const tokens = parseStoredTokens(entry.tokens);
  const facts = parseLoginFacts(entry);
  if (entry.v !== 1 || tokens === undefined || facts === undefined) return undefined;
  const { loginId, recordKey, mintedAt, user, askedScopes } = entry;
  if (!isName(loginId, 16) || !isName(recordKey, 32) || !isText(user)) return undefined;
  if (typeof mintedAt !== 'number' || !isTexts(askedScopes)) return undefined;
  return { v: 1, loginId, recordKey, tokens, mintedAt, askedScopes, ...facts, user };
}

/** A fingerprint of a serialized user that survives a store which reorders keys. */
export function userFingerprint(serializedUser: unknown): string {
  return createHash('sha256').update(canonicalJSON(serializedUser)).digest('base64url');
}

function canonicalJSON(value: unknown): string {
  const sorted = (_key: string, item: unknown): unknown =>
    typeof item === 'object' && item !== null && !Array.isArray(item)
      ? Object.fromEntries(Object.entries(item).sort(([a], [b]) => (a < b ? -1 : 1)))
      : item;
  return JSON.stringify(value, sorted) ?? 'undefined';
}

const isText = (value: unknown): value is string => typeof value === 'string' && value !== '';
const isTexts = (value: unknown): value is string[] => Array.isArray(value) && value.every(isText);
const isName = (value: unknown, bytes: number): value is string =>
  typeof value === 'string' && /^[\w-]+$/.test(value) && Buffer.from(value, 'base64url').length === bytes;
