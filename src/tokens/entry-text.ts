import { isLoginId } from '../storage/login-keys.js';
import {
  type EntryOutside,
  type OpenEntry,
  openEntry,
  type SessionEntry,
  scopesOf,
  type Waiting,
} from './session-entry.js';

// A string, because express-session serializes a session three times per request, and a string costs a third of an object with
// the same content. Form-encoded, because JSON would escape quotes.

/** Returns the login id in the text of an entry without parsing the rest; undefined if the text is none. */
export function loginIdIn(text: string): string | undefined {
  return /^v=[12]&loginId=([0-9a-f]{32})&/.exec(text)?.[1];
}

/** Serializes an entry for the session. */
export function entryText(entry: SessionEntry): string {
  const { askedOrganization, askedScopes, attempt, clientID, loginId, issuedAt, server, user, v, waiting } =
    entry;
  const fields = {
    v,
    loginId,
    user,
    clientID,
    server,
    issuedAt,
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

/** Parses an entry from a session; returns undefined if it is none, was tampered with, or has another version. */
export function parseEntryText(text: unknown): SessionEntry | undefined {
  if (typeof text !== 'string' || loginIdIn(text) === undefined) return undefined;
  const list = [...new URLSearchParams(text)];
  const fields: Fields = Object.fromEntries(list);
  // A repeated field could differ from its first value, by which the cache finds an entry.
  if (Object.keys(fields).length !== list.length) return undefined;
  const outside = parseOutside(fields);
  if (outside === undefined) return undefined;
  if (fields['v'] === '1') return parseOpen(fields, outside);
  return fields['sealed'] ? { v: 2, ...outside, sealed: fields['sealed'] } : undefined;
}

type Fields = Readonly<Record<string, string | undefined>>;

function parseOutside(fields: Fields): EntryOutside | undefined {
  const { askedOrganization, attempt, clientID, loginId, server, user } = fields;
  const [issuedAt, scopes, askedScopes] = [
    numberIn(fields['issuedAt']),
    listIn(fields['scopes']),
    listIn(fields['askedScopes']),
  ];
  if (!isLoginId(loginId) || !user || !clientID || !server) return undefined;
  if (issuedAt === undefined || scopes === undefined || askedScopes === undefined) return undefined;
  if (attempt === '' || askedOrganization === '') return undefined;
  const waiting = waitingIn(fields);
  return {
    loginId,
    user,
    clientID,
    server,
    issuedAt,
    scopes,
    askedScopes,
    ...(askedOrganization !== undefined && { askedOrganization }),
    ...(attempt !== undefined && { attempt }),
    ...(waiting !== undefined && { waiting }),
  };
}

function parseOpen(fields: Fields, outside: EntryOutside): OpenEntry | undefined {
  const { accessToken, nonce, recordKey, refreshToken, subject } = fields;
  const expiresAt = numberIn(fields['expiresAt']);
  if (fields['expiresAt'] !== undefined && expiresAt === undefined) return undefined;
  return openEntry(outside, { subject, nonce, recordKey, tokens: { accessToken, refreshToken, expiresAt } });
}

function waitingIn({ isLeftToApp, returnTo, waitingFor }: Fields): Waiting | undefined {
  if (!waitingFor || (isLeftToApp !== 'true' && isLeftToApp !== 'false')) return undefined;
  return {
    cookieHash: waitingFor,
    isLeftToApp: isLeftToApp === 'true',
    ...(returnTo !== undefined && { returnTo }),
  };
}

/** Parses a finite number in the spelling of {@link entryText}. */
const numberIn = (text: string | undefined): number | undefined => {
  const number = Number(text);
  return Number.isFinite(number) && String(number) === text ? number : undefined;
};
const listIn = (text: string | undefined): string[] | undefined => text?.split(' ').filter(Boolean);
