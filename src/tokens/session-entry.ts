import { createHash, randomBytes } from 'node:crypto';
import { newSealingKey } from './sealing.js';
import { parseStoredTokens, type TokenSet } from './token-set.js';

/**
 * What a session holds of a login, written once, at login. Opaque to the app. The tokens in it are those of the
 * login; newer ones are in the login's token record.
 */
export interface SessionEntry {
  readonly v: 1;
  /** Random name of the login, for its token record and lock. */
  readonly loginId: string;
  /** Opens the login's token record; only the session holds it. */
  readonly recordKey: string;
  readonly tokens: TokenSet;
  /** Polar's id of the user: a refreshed id_token must mean the same. */
  readonly subject: string;
  /** The nonce of the login: a refreshed id_token that has one must have this. */
  readonly nonce: string;
  /** Fingerprint of the Passport user to whom the tokens belong. */
  readonly user: string;
  /** The client and server that issued the tokens: they are sent nowhere else. */
  readonly clientID: string;
  readonly apiURL: string;
}

/** The parts of a login that are known before somebody is logged in to the app. */
export type NewLogin = Omit<SessionEntry, 'v' | 'loginId' | 'recordKey' | 'user'>;

/** A fresh entry for a login, bound to the serialized Passport user. */
export function newSessionEntry(login: NewLogin, serializedUser: unknown): SessionEntry {
  const { idToken: _verifiedAlready, ...tokens } = login.tokens;
  return {
    ...login,
    v: 1,
    loginId: randomBytes(16).toString('base64url'),
    recordKey: newSealingKey(),
    tokens,
    user: userFingerprint(serializedUser),
  };
}

/** An entry as it came out of a session, or undefined where it is none: tampered with, or of another version. */
export function parseSessionEntry(value: unknown): SessionEntry | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const entry = value as Record<keyof SessionEntry, unknown>;
  const tokens = parseStoredTokens(entry.tokens);
  if (entry.v !== 1 || tokens === undefined) return undefined;
  const { loginId, recordKey, subject, nonce, user, clientID, apiURL } = entry;
  if (!isName(loginId, 16) || !isName(recordKey, 32)) return undefined;
  if (!isText(subject) || !isText(nonce) || !isText(user) || !isText(clientID) || !isText(apiURL))
    return undefined;
  return { v: 1, loginId, recordKey, tokens, subject, nonce, user, clientID, apiURL };
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
const isName = (value: unknown, bytes: number): value is string =>
  typeof value === 'string' && /^[\w-]+$/.test(value) && Buffer.from(value, 'base64url').length === bytes;
