/** Formats a wrong value for an error message: recognizable, but without a misplaced secret. */

const maxLength = 80;

/**
 * Formats a wrong option value for an error message. Strings are quoted and shortened; credentials and the query of a URL, and
 * everything that looks like a secret, are masked.
 *
 * @example
 * ```ts
 * shownValue(undefined);                    // undefined
 * shownValue('localhost:4100');             // 'localhost:4100'
 * shownValue('https://me:pw@a.example/b');  // 'https://…@a.example/b'
 * ```
 */
export function shownValue(value: unknown): string {
  if (typeof value === 'function') return 'a function';
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object' && value !== null)
    return value instanceof URL ? 'a URL object (give its href)' : 'an object';
  if (typeof value !== 'string') return String(value);
  const masked = value
    .replace(/^([a-z][a-z\d+.-]*:\/\/)?.*@/is, '$1…@')
    .replace(/[?#].*$/s, (rest) => (rest.length > 1 ? `${rest[0]}…` : rest))
    .replace(/\b(polar_)(?!ci_)[\w-]+/gi, '$1…')
    .replace(/[\w+/=~-]{16,}/g, (run) => (run.split('/').some(looksRandom) || isBase64(run) ? '…' : run))
    .replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Surrogate}]/gu, '�');
  return `'${masked.length > maxLength ? `${masked.slice(0, maxLength)}…` : masked}'`;
}

// Keys and passwords are long and mix digits with letters; words in a URL seldom do.
const looksRandom = (word: string): boolean =>
  word.length >= 16 && /\d/.test(word) && /[a-z]/i.test(word) && !isName(word);

/** `oauth2-polar-callback`, `my-app-staging-2`: words and small numbers. */
const isName = (word: string): boolean =>
  word.split(/[-_]/).every((part) => /^([a-z]+\d?|\d{1,2})$/.test(part));

// URLs have no `+` or `=` before the query.
const isBase64 = (run: string): boolean =>
  /[+=]/.test(run) || (run.length >= 24 && [/\d/, /[a-z]/, /[A-Z]/].every((kind) => kind.test(run)));
