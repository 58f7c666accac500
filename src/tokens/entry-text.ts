import { isLoginId } from '../storage/login-keys.js';
import {
  type OpenEntry,
  type SealedEntry,
  type SessionEntry,
  scopesOf,
  type Waiting,
} from './session-entry.js';
import { parseLoginFacts } from './token-record.js';
import { parseStoredTokens } from './token-set.js';

// One text, since express-session goes through everything in a session three times for each request: a text costs a third of an
// object of the same content. Form-encoded, since quotes would be escaped in the JSON of the session.
const versions: readonly string[] = ['1', '2'];

/** The login of an entry, at a glance; undefined where the text is none. */
export function loginIdIn(text: string): string | undefined {
  return /^v=[12]&loginId=([0-9a-f]{32})&/.exec(text)?.[1];
}

/** The text of an entry, as it is put into a session. */
export function entryText(entry: SessionEntry): string {
  const { askedOrganization, askedScopes, attempt, clientID, loginId, mintedAt, server, user, v, waiting } =
    entry;
  const fields = {
    v,
    loginId,
    user,
    clientID,
    server,
    mintedAt,
    scopes: scopesOf(entry).join(' '),
    askedScopes: askedScopes.join(' '),
    askedOrganization,
    attempt,
    ...(waiting && {
      waitingFor: waiting.cookieHash,
      isLeftToApp: waiting.isLeftToApp,
      returnTo: waiting.returnTo,
    }),
    ...(entry.v === 1 ? secretFields(entry) : { sealed: entry.sealed }),
  };
  const text = new URLSearchParams();
  for (const [name, value] of Object.entries(fields)) if (value !== undefined) text.set(name, String(value));
  return text.toString();
}

function secretFields({ nonce, recordKey, subject, tokens }: OpenEntry) {
  const { accessToken, expiresAt, refreshToken } = tokens;
  return { subject, nonce, recordKey, accessToken, refreshToken, expiresAt };
}

/** The entry of a text that came out of a session, or undefined where it is none: tampered with, or of another version. */
export function parseEntryText(text: unknown): SessionEntry | undefined {
  if (typeof text !== 'string' || loginIdIn(text) === undefined) return undefined;
  const fields = Object.fromEntries(new URLSearchParams(text)) as Readonly<
    Record<string, string | undefined>
  >;
  const outside = parseOutside(fields);
  if (outside === undefined || !versions.includes(String(fields['v']))) return undefined;
  return fields['v'] === '1' ? parseOpen(fields, outside) : parseSealed(fields, outside);
}

type Fields = Readonly<Record<string, string | undefined>>;
type Outside = Omit<SealedEntry, 'v' | 'sealed'>;

function parseOutside(fields: Fields): Outside | undefined {
  const { askedOrganization, attempt, clientID, loginId, server, user } = fields;
  const [mintedAt, scopes, askedScopes] = [
    numberIn(fields['mintedAt']),
    listIn(fields['scopes']),
    listIn(fields['askedScopes']),
  ];
  if (!isLoginId(loginId) || !user || !clientID || !server) return undefined;
  if (mintedAt === undefined || scopes === undefined || askedScopes === undefined) return undefined;
  if (attempt === '' || askedOrganization === '') return undefined;
  const waiting = waitingIn(fields);
  return {
    loginId,
    user,
    clientID,
    server,
    mintedAt,
    scopes,
    askedScopes,
    ...(askedOrganization !== undefined && { askedOrganization }),
    ...(attempt !== undefined && { attempt }),
    ...(waiting !== undefined && { waiting }),
  };
}

function parseOpen(fields: Fields, { scopes, ...outside }: Outside): OpenEntry | undefined {
  const { accessToken, recordKey, refreshToken } = fields;
  const hasExpiry = fields['expiresAt'] !== undefined;
  const expiresAt = numberIn(fields['expiresAt']);
  if (hasExpiry && expiresAt === undefined) return undefined;
  const tokens = parseStoredTokens({ accessToken, refreshToken, expiresAt, scopes });
  const facts = parseLoginFacts(fields);
  if (tokens === undefined || facts === undefined || !isKey(recordKey)) return undefined;
  return { v: 1, ...outside, ...facts, recordKey, tokens };
}

function parseSealed({ sealed }: Fields, outside: Outside): SealedEntry | undefined {
  return sealed ? { v: 2, ...outside, sealed } : undefined;
}

function waitingIn({ isLeftToApp, returnTo, waitingFor }: Fields): Waiting | undefined {
  if (!waitingFor) return undefined;
  return {
    cookieHash: waitingFor,
    isLeftToApp: isLeftToApp === 'true',
    ...(returnTo !== undefined && { returnTo }),
  };
}

const numberIn = (text: string | undefined): number | undefined =>
  text !== undefined && /^\d+(\.\d+)?$/.test(text) ? Number(text) : undefined;
const listIn = (text: string | undefined): string[] | undefined => text?.split(' ').filter(Boolean);
const isKey = (value: unknown): value is string =>
  typeof value === 'string' && /^[\w-]+$/.test(value) && Buffer.from(value, 'base64url').length === 32;
