import { createHash, createPublicKey, type JsonWebKey, verify } from 'node:crypto';
import { expect } from '@jest/globals';
import type { PolarEmulator } from 'passport-polar-sh/emulator';
import { type Bindings, expectJSON, expectText, fillIn, placeholdersIn } from './wire-template';

/** One recorded request with Polar's response. */
export interface WireCase {
  readonly name: string;
  readonly request: {
    /** GET when absent. */
    readonly method?: string;
    readonly path: string;
    readonly form?: Readonly<Record<string, string>> | readonly (readonly [name: string, value: string])[];
    /** Sent without its length. */
    readonly chunked?: boolean;
    readonly json?: unknown;
    readonly headers?: Readonly<Record<string, string>>;
  };
  readonly response: {
    readonly status: number;
    readonly headers: Readonly<Record<string, string>>;
    readonly body: unknown;
    readonly isErrorPage?: boolean;
    readonly id_token?: { readonly header: unknown; readonly claims: Readonly<Record<string, unknown>> };
  };
}

const COMPARED_HEADERS = ['content-type', 'cache-control', 'pragma', 'www-authenticate', 'polar-version'];
const VERIFIER = 'a-verifier-that-is-long-enough-for-rfc-7636-0123456789';
const REDIRECT_URI = 'http://localhost:4000/auth/polar/callback';

/** Nonces of codes that no recorded request obtained. */
const NONCES: Readonly<Record<string, string>> = { '<code:20>': 'n12', '<code:21>': 'n13' };

/** Sends recorded requests to an emulator and compares the responses. */
export class WireReplay {
  readonly #emulator: PolarEmulator;
  readonly #bindings: Bindings;

  constructor(emulator: PolarEmulator) {
    this.#emulator = emulator;
    const challenge = createHash('sha256').update(VERIFIER).digest('base64url');
    this.#bindings = new Map([
      ['<S256>', challenge],
      ['<code_verifier>', VERIFIER],
    ]);
  }

  /** The current value of a placeholder. */
  bound(placeholder: string): string {
    return fillIn(placeholder, this.#bindings);
  }

  /** Sets the value of a placeholder, for states to which no recorded request leads. */
  bind(placeholder: string, value: string): void {
    this.#bindings.set(placeholder, value);
  }

  /** Obtains the codes that the case uses and no recorded request obtained. */
  async obtainCodes({ request }: WireCase): Promise<void> {
    const form = new Map(formEntries(request.form));
    const code = form.get('code') ?? '';
    const clientID = form.get('client_id') ?? '';
    for (const placeholder of placeholdersIn(code)) {
      if (this.#bindings.has(placeholder)) continue;
      const query = new URLSearchParams({
        response_type: 'code',
        client_id: this.bound(clientID),
        redirect_uri: REDIRECT_URI,
        scope: 'openid email',
        code_challenge: this.bound('<S256>'),
        code_challenge_method: 'S256',
        nonce: NONCES[placeholder] ?? `nonce of ${placeholder}`,
      });
      const { headers } = await fetch(`${this.#emulator.url}/oauth2/authorize?${query}`, {
        redirect: 'manual',
      });
      this.bind(placeholder, new URL(headers.get('location') ?? '').searchParams.get('code') ?? '');
    }
  }

  /** Sends the request of a case and compares the response with the recorded one. */
  async replay(wireCase: WireCase, verifier = VERIFIER): Promise<void> {
    this.bind('<code_verifier>', verifier);
    const answer = await this.#send(wireCase.request);
    const { status, headers, body, id_token: idToken, isErrorPage = false } = wireCase.response;
    expect(answer.status).toBe(status);
    // Error pages belong to Polar's web app; the recording has the response of the API behind them.
    const compared = isErrorPage ? ['polar-version'] : [...COMPARED_HEADERS, 'allow', 'content-length'];
    for (const name of compared) {
      const expected = headers[name] ?? null;
      if (expected === null && !COMPARED_HEADERS.includes(name)) continue;
      expect([name, answer.headers.get(name)]).toEqual([name, expected]);
    }
    if (headers['location'] !== undefined) {
      expectText(answer.headers.get('location'), headers['location'], this.#bindings);
    }
    const text = await answer.text();
    if (typeof body === 'string') {
      expect(text).toBe(body);
      return;
    }
    const json: unknown = JSON.parse(text);
    expectJSON(json, this.#withAddress(body), this.#bindings);
    if (idToken !== undefined) await this.#expectIdToken(json as TokenBody, idToken);
  }

  async #send({
    method = 'GET',
    path,
    form,
    json,
    headers,
    chunked,
  }: WireCase['request']): Promise<Response> {
    const init: RequestInit = { method, redirect: 'manual', headers: this.#headers(headers ?? {}) };
    if (form !== undefined) {
      const fields = new URLSearchParams();
      for (const [name, value] of formEntries(form)) fields.append(name, fillIn(value, this.#bindings));
      init.body = fields;
    }
    if (chunked === true) {
      init.headers = { ...init.headers, 'content-type': 'application/x-www-form-urlencoded' };
      Object.assign(init, { body: new Blob([String(init.body)]).stream(), duplex: 'half' });
    }
    if (json !== undefined) {
      init.body = JSON.stringify(json);
      init.headers = { ...init.headers, 'content-type': 'application/json' };
    }
    return fetch(this.#emulator.url + fillIn(path, this.#bindings), init);
  }

  #headers(recorded: Readonly<Record<string, string>>): Record<string, string> {
    return Object.fromEntries(
      Object.entries(recorded).map(([name, value]) => [
        name,
        fillIn(value, this.#bindings).replace(/base64\((.*)\)/, (_, credentials: string) =>
          Buffer.from(credentials).toString('base64'),
        ),
      ]),
    );
  }

  #withAddress(body: unknown): unknown {
    return JSON.parse(JSON.stringify(body).replaceAll('{api}', this.#emulator.url));
  }

  async #expectIdToken(
    body: TokenBody,
    recorded: NonNullable<WireCase['response']['id_token']>,
  ): Promise<void> {
    const [header = '', payload = '', signature = ''] = body.id_token.split('.');
    expect(decode(header)).toEqual(recorded.header);
    expect(Object.keys(decode(header))).toEqual(Object.keys(recorded.header as object));
    // The recording leaves out claims that are null.
    const claims = Object.fromEntries(Object.entries(decode(payload)).filter(([, value]) => value !== null));
    expect(Object.keys(claims)).toEqual(Object.keys(recorded.claims));
    const now = this.#emulator.now() / 1000;
    const iat = Number(claims['iat']);
    expect(Math.abs(now - iat)).toBeLessThan(5);
    expect(Math.abs(now - Number(claims['auth_time']))).toBeLessThan(5);
    const hash = createHash('sha256').update(body.access_token).digest();
    expect(claims).toEqual({
      ...(JSON.parse(fillInKnown(JSON.stringify(recorded.claims), this.#bindings)) as object),
      iat,
      exp: iat + 3600,
      auth_time: claims['auth_time'],
      at_hash: hash.subarray(0, 16).toString('base64url'),
    });
    const jwks = (await (await fetch(`${this.#emulator.url}/.well-known/jwks.json`)).json()) as {
      keys: [JsonWebKey];
    };
    const key = createPublicKey({ key: jwks.keys[0], format: 'jwk' });
    const signed = Buffer.from(`${header}.${payload}`);
    expect(verify('sha256', signed, key, Buffer.from(signature, 'base64url'))).toBe(true);
  }
}

function formEntries(form: WireCase['request']['form'] = {}): readonly (readonly [string, string])[] {
  return isList(form) ? form : Object.entries(form);
}

function isList<Item>(value: object | readonly Item[]): value is readonly Item[] {
  return Array.isArray(value);
}

interface TokenBody {
  readonly access_token: string;
  readonly id_token: string;
}

function decode(part: string): Record<string, unknown> {
  return JSON.parse(Buffer.from(part, 'base64url').toString()) as Record<string, unknown>;
}

/** Fills in the known placeholders and leaves the others, the times, as they are. */
function fillInKnown(text: string, bindings: Bindings): string {
  return text.replaceAll(/<[^<>]+>/g, (placeholder) => bindings.get(placeholder) ?? placeholder);
}
