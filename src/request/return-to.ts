/** Keeps return-to addresses inside the app: an open redirect after login helps phishing. */
import { parseURL } from '../text/parse-url.js';

// No page needs a longer one, which would only fill the session and the row of the login attempt.
const maxBytes = 2048;

/**
 * Returns the address if it is a path on the same origin, otherwise undefined.
 *
 * Browsers strip tabs and newlines, read `\` as `/` and resolve `//host` to another site, so the address must parse to a
 * plain path on a made-up origin.
 *
 * @example
 * ```ts
 * safeReturnTo('/reports?week=3');    // '/reports?week=3'
 * safeReturnTo('//evil.example');     // undefined
 * ```
 */
export function safeReturnTo(value: unknown): string | undefined {
  if (typeof value !== 'string' || Buffer.byteLength(value) > maxBytes) return undefined;
  if (!value.startsWith('/') || hasForbiddenCharacter(value)) return undefined;
  const decoded = decodedPath(value);
  if (decoded === undefined || /^\/[/\s]/.test(decoded) || hasForbiddenCharacter(decoded)) return undefined;
  // The decoded path too, for apps that decode before they redirect.
  return staysOnSite(value) && staysOnSite(decoded) ? value : undefined;
}

/** Adds the return-to address to `loginPath`, for the login route to read. */
export function withReturnTo(loginPath: string, returnTo: string | undefined): string {
  const safe = safeReturnTo(returnTo);
  if (safe === undefined) return loginPath;
  return `${loginPath}${loginPath.includes('?') ? '&' : '?'}return_to=${encodeURIComponent(safe)}`;
}

function staysOnSite(address: string): boolean {
  const base = 'http://return-to.invalid';
  const url = parseURL(address, base);
  // Removing dot segments may expose a second slash: /.//evil.example parses to //evil.example.
  return url?.origin === base && !url.pathname.startsWith('//');
}

// encodeURIComponent throws on a lone surrogate.
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
