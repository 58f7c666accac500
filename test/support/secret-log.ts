import { inspect } from 'node:util';
import type { RequestHandler } from 'express';

// Shorter values, such as a code that a test made up, may occur anywhere by chance.
const minLength = 12;
const secretNames =
  /^(state|code|nonce|code_verifier|code_challenge|client_secret|(access|refresh|id)_?token|token|recordkey|sealed)$/i;

/** Collects every token, secret, code, state and cookie value that passes by. */
export class SecretLog {
  readonly #secrets = new Set<string>();

  /** All values so far. */
  get values(): ReadonlySet<string> {
    return this.#secrets;
  }

  add(value: unknown): void {
    if (typeof value !== 'string' || value.length < minLength) return;
    for (const each of [value, decoded(value), encodeURIComponent(value)]) this.#secrets.add(each);
  }

  /** Adds the secrets among the fields of a form, query or JSON text. */
  addFields(fields: Iterable<readonly [string, unknown]>): void {
    for (const [name, value] of fields) if (secretNames.test(name)) this.add(value);
  }

  addSession(stored: unknown): void {
    const entries = Object.values(JSON.parse(String(stored)) as Record<string, unknown>);
    for (const entry of entries)
      if (typeof entry === 'string' && /^v=[12]&/.test(entry)) this.addFields(new URLSearchParams(entry));
  }

  /** A `fetch` that notes what is sent to Polar and what it responds. */
  readonly fetch: typeof fetch = async (input, init) => {
    const { authorization = '' } = Object.fromEntries(new Headers(init?.headers));
    this.add(authorization.replace(/^\w+ /, ''));
    if (authorization.startsWith('Basic ')) this.add(atob(authorization.slice(6)));
    this.addFields(new URLSearchParams(String(init?.body ?? '')));
    const response = await fetch(input, init);
    const body = await response
      .clone()
      .json()
      .catch(() => ({}));
    this.addFields(Object.entries(body ?? {}));
    return response;
  };

  /** Notes what browsers send and receive. */
  readonly middleware: RequestHandler = (req, res, next) => {
    this.#addCookies(String(req.headers.cookie ?? '').split(/; */));
    this.addFields(new URL(req.originalUrl, 'http://localhost').searchParams);
    const writeHead = res.writeHead.bind(res) as (...args: unknown[]) => typeof res;
    res.writeHead = ((...args: unknown[]) => {
      this.#addCookies(
        [res.getHeader('set-cookie') ?? []].flat().map((line) => String(line).split(';')[0] ?? ''),
      );
      this.addFields(new URL(String(res.getHeader('location') ?? '/'), 'http://localhost').searchParams);
      return writeHead(...args);
    }) as typeof res.writeHead;
    next();
  };

  #addCookies(cookies: readonly string[]): void {
    for (const cookie of cookies) {
      const value = cookie.slice(cookie.indexOf('=') + 1);
      this.add(value);
      // express-session: `s:<session id>.<signature>`.
      for (const part of decoded(value).replace(/^s:/, '').split('.')) this.add(part);
    }
  }

  /** The secrets that a value contains, wherever: in hidden properties, causes and stacks, too. */
  foundIn(value: unknown): string[] {
    const text = inspect(value, {
      depth: Number.POSITIVE_INFINITY,
      showHidden: true,
      maxStringLength: null,
      maxArrayLength: null,
      breakLength: Number.POSITIVE_INFINITY,
    });
    return [...this.#secrets].filter((secret) => text.includes(secret));
  }
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
