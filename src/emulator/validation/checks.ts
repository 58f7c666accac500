import { normalizeRedirectURI } from '../clients/redirect-uri.js';
import { parseURL } from '../parse-url.js';
import type { Problem } from './complaint.js';
import { urlProblem } from './url-problem.js';

/** Checks a value of a JSON body: returns it, perhaps normalized, or its problem. */
export type Check = (value: unknown) => { readonly value: string } | Problem;

/** Any text that Polar's database takes. */
export const text: Check = (value) => {
  if (typeof value !== 'string') return { type: 'string_type', msg: 'Input should be a valid string' };
  if (!isWholeText(value)) return { type: 'string_unicode', msg: 'Input should be a valid string' };
  return value.includes('\0') ? HAS_NUL : { value };
};

/** False if the text has a lone surrogate. */
function isWholeText(text: string): boolean {
  return !/\p{Surrogate}/u.test(text);
}

const HAS_NUL: Problem = {
  type: 'value_error',
  msg: 'Value error, This value contains invalid characters',
  ctx: { error: {} },
};

/**
 * One of a few texts.
 *
 * @param type - what the framework calls the problem, which depends on how the choices are declared
 */
export function oneOf(choices: readonly string[], type: 'literal_error' | 'enum' = 'literal_error'): Check {
  const quoted = choices.map((choice) => `'${choice}'`);
  const last = quoted.pop() ?? '';
  const expected = quoted.length === 0 ? last : `${quoted.join(', ')} or ${last}`;
  return (value) =>
    typeof value === 'string' && choices.includes(value)
      ? { value }
      : { type, msg: `Input should be ${expected}`, ctx: { expected } };
}

/** A redirect URI of a client. */
export const redirectURI: Check = (value) => {
  if (typeof value !== 'string') return NOT_A_TEXT;
  const url = normalizeRedirectURI(value);
  if (url === 'not-a-url') return notAURL(value);
  if (url !== 'https-required') return { value: url.href };
  return { type: 'value_error', msg: 'Value error, An HTTPS URL is required.', ctx: { error: {} } };
};

/** The address of a page or picture. */
export const webURL: Check = (value) => {
  if (typeof value !== 'string') return NOT_A_TEXT;
  if (value.length > MAX_URL_LENGTH) return TOO_LONG;
  const url = parseURL(value);
  if (url === undefined) return notAURL(value);
  if (url.protocol === 'https:' || url.protocol === 'http:') return { value: url.href };
  const schemes = "'http' or 'https'";
  return { type: 'url_scheme', msg: `URL scheme should be ${schemes}`, ctx: { expected_schemes: schemes } };
};

const NOT_A_TEXT: Problem = { type: 'url_type', msg: 'URL input should be a string or URL' };

const MAX_URL_LENGTH = 2083;

const TOO_LONG: Problem = {
  type: 'url_too_long',
  msg: `URL should have at most ${MAX_URL_LENGTH} characters`,
  ctx: { max_length: MAX_URL_LENGTH },
};

function notAURL(value: string): Problem {
  const error = urlProblem(value);
  return { type: 'url_parsing', msg: `Input should be a valid URL, ${error}`, ctx: { error } };
}
