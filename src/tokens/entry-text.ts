import { isLoginId } from '../storage/login-keys.js';
import {
  type EntryOutside,
  type OpenEntry,
  openEntry,
  type SessionEntry,
  scopesOf,
  type Waiting,
} from './session-entry.js';

// One text, since express-session goes through everything in a session three times for each request: a text costs a third of an
// object of the same content. Form-encoded, since quotes would be escaped in the JSON of the session.

/** The login of an entry, at a glance; undefined where the text is none. */
export function loginIdIn(text: string): string | undefined {
  return /^v=[12]&loginId=([0-9a-f]{32})&/.exec(text)?.[1];
}

/** The text of an entry, as it is put into a session. */
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

/** The entry of a text that came out of a session, or undefined where it is none: tampered with, or of another version. */
export function parseEntryText(text: unknown): SessionEntry | undefined {
  if (typeof text !== 'string' || loginIdIn(text) === undefined) return undefined;
  const list = [...new URLSearchParams(text)];
  const fields: Fields = Object.fromEntries(list);
  // The second of two could say something else than the first, by which an entry is found again.
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

/** Any finite number, spelled as {@link entryText} spells it. */
const numberIn = (text: string | undefined): number | undefined => {
  const number = Number(text);
  return Number.isFinite(number) && String(number) === text ? number : undefined;
};
const listIn = (text: string | undefined): string[] | undefined => text?.split(' ').filter(Boolean);
