import { crashRefusal, oauthErrorBody, redirectAnswer } from '../http/answers.js';
import type { Answer } from '../http/message.js';
import { shownErrorAnswer } from './error-page.js';

/** An authorization request that leads to no code. */
export class AuthorizeError extends Error {
  readonly error: string;
  readonly description: string | undefined;
  /** Where to send the error; if undefined, the browser shows it. */
  readonly redirectURI: string | undefined;

  constructor(error: string, description?: string, redirectURI?: string) {
    super(description ?? error);
    this.name = 'AuthorizeError';
    this.error = error;
    this.description = description;
    this.redirectURI = redirectURI;
  }

  /** The same error, sent to the app. */
  redirectingTo(redirectURI: string): AuthorizeError {
    return new AuthorizeError(this.error, this.description, redirectURI);
  }

  /** @param state - the request's `state`, or `undefined` to leave it out */
  toAnswer(state: string | undefined): Answer {
    if (!isPrintable(this.description)) return crashRefusal().answer;
    const body = { ...oauthErrorBody(this.error, this.description), ...(state ? { state } : {}) };
    if (this.redirectURI === undefined) return shownErrorAnswer(400, body);
    return redirectAnswer(withParameters(this.redirectURI, body));
  }
}

/** RFC 6749 section 4.1.2.1. Polar's server fails on descriptions that quote any other character of the request. */
function isPrintable(description = ''): boolean {
  return !/[^ !#-[\]-~]/.test(description);
}

/** Adds parameters to a URI, after those it has, which come out encoded in the same way. */
export function withParameters(uri: string, parameters: Readonly<Record<string, string>>): string {
  const [, base = '', query = '', fragment = ''] = /^([^?#]*)\??([^#]*)#?(.*)$/s.exec(uri) ?? [];
  const all = [...new URLSearchParams(query), ...Object.entries(parameters)];
  const encoded = all.map(([name, value]) => `${formEncode(name)}=${formEncode(value)}`).join('&');
  return `${base}?${encoded}${fragment && `#${fragment}`}`;
}

/** Form encoding as Python does it, which is how Polar builds its redirects. */
function formEncode(text: string): string {
  return encodeURIComponent(text)
    .replace(/[!'()*]/g, (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`)
    .replaceAll('%20', '+');
}
