/** Keeps a return-to address inside the app: an open redirect after login is a phisher's favourite. */
import { parseURL } from './parse-url.js';

// Longer ones are nobody's page and would only fill the session.
const maxLength = 2048;

/**
 * The address if it is a path of this very origin, else undefined.
 *
 * A browser strips tabs and newlines, reads `\` as `/` and takes `//host` for another site, so anything that a
 * URL parser does not hand back as a plain path on a made-up origin is refused.
 *
 * @example
 * ```ts
 * safeReturnTo('/reports?week=3');    // '/reports?week=3'
 * safeReturnTo('//evil.example');     // undefined
 * ```
 */
export function safeReturnTo(value: unknown): string | undefined {
  if (typeof value !== 'string' || value.length > maxLength) return undefined;
  if (!value.startsWith('/') || hasForbiddenCharacter(value)) return undefined;
  const decoded = decodedPath(value);
  if (decoded === undefined || /^\/[/\s]/.test(decoded) || hasForbiddenCharacter(decoded)) return undefined;
  // The decoded path too, for whoever decodes before redirecting.
  return staysOnSite(value) && staysOnSite(decoded) ? value : undefined;
}

/** `loginPath` with the address to come back to, for the login route to read. */
export function withReturnTo(loginPath: string, returnTo: string | undefined): string {
  const safe = safeReturnTo(returnTo);
  if (safe === undefined) return loginPath;
  return `${loginPath}${loginPath.includes('?') ? '&' : '?'}return_to=${encodeURIComponent(safe)}`;
}

function staysOnSite(address: string): boolean {
  const base = 'http://return-to.invalid';
  const url = parseURL(address, base);
  // Dot segments may uncover a second slash: /.//evil.example parses to //evil.example.
  return url?.origin === base && !url.pathname.startsWith('//');
}

// Half a surrogate pair is no character: encodeURIComponent throws at it.
function hasForbiddenCharacter(value: string): boolean {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
  return /[\\\u0000-\u001f\u007f\p{Surrogate}]/u.test(value);
}

function decodedPath(value: string): string | undefined {
  try {
    return decodeURIComponent(value.split(/[?#]/, 1)[0] ?? '');
  } catch {
    return undefined;
  }
}
