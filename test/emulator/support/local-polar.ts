import { createHash } from 'node:crypto';
import { request as httpRequest, type IncomingHttpHeaders } from 'node:http';
import { connect } from 'node:net';
import { text as textOf } from 'node:stream/consumers';
import { afterEach, beforeEach } from '@jest/globals';
import {
  type PolarEmulator,
  type PolarEmulatorClient,
  type PolarEmulatorClientMetadata,
  type PolarEmulatorOptions,
  startPolarEmulator,
} from 'passport-polar-sh/emulator';

export const CALLBACK = 'http://localhost:4000/auth/polar/callback';
export const SCOPE = 'openid email organizations:read';
export const VERIFIER = 'verifier-of-at-least-43-characters-for-rfc7636-x';
export const CHALLENGE = createHash('sha256').update(VERIFIER).digest('base64url');
export const ACME = '22222220-2222-4222-8222-222222222222';
export const ENGINES = '22222221-2222-4222-8222-222222222222';

type Fields = Readonly<Record<string, string | undefined>>;

/** What tests read of a response. */
export interface Reply {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  /** The body as JSON; empty if it is not JSON. */
  readonly json: Readonly<Record<string, unknown>>;
  /** Parameters of the `location` header. */
  readonly location: URLSearchParams;
}

export interface BareReply {
  readonly statusCode: number | undefined;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** A fresh emulator for each test of a file, with shortcuts for requests to it. */
export class LocalPolar {
  emulator!: PolarEmulator;
  /** A confidential client. */
  client!: PolarEmulatorClient;

  constructor(options: PolarEmulatorOptions = { consent: 'auto' }) {
    beforeEach(async () => {
      this.emulator = await startPolarEmulator(options);
      this.client = this.register();
    });
    afterEach(() => this.emulator.close());
  }

  register(metadata: Partial<PolarEmulatorClientMetadata> = {}): PolarEmulatorClient {
    return this.emulator.registerClient({ redirectURIs: [CALLBACK], scope: SCOPE, ...metadata });
  }

  async send(path: string, init: RequestInit = {}): Promise<Reply> {
    const answer = await fetch(new URL(path, this.emulator.url), { redirect: 'manual', ...init });
    const text = await answer.text();
    const location = answer.headers.get('location');
    return {
      status: answer.status,
      headers: answer.headers,
      text,
      json: parse(text),
      location: location === null ? new URLSearchParams() : new URL(location).searchParams,
    };
  }

  /** Sends a request with headers that `fetch` would not send, and its body without its length. */
  bare(
    path: string,
    method: string,
    headers: Readonly<Record<string, string>> = {},
    body?: string,
  ): Promise<BareReply> {
    return new Promise((resolve, reject) => {
      const request = httpRequest(new URL(path, this.emulator.url), { method, headers }, (response) => {
        const { statusCode, headers: received } = response;
        textOf(response).then((body) => resolve({ statusCode, headers: received, body }), reject);
      });
      request.on('error', reject);
      if (body !== undefined) request.write(body);
      request.end();
    });
  }

  /** Sends bytes and resolves with what comes back until the connection ends. */
  raw(bytes: string): Promise<string> {
    return new Promise((resolve, reject) => {
      const socket = connect(Number(new URL(this.emulator.url).port), '127.0.0.1');
      let received = '';
      socket.setEncoding('latin1').on('data', (chunk) => {
        received += String(chunk);
      });
      socket.on('close', () => resolve(received));
      socket.on('error', reject);
      socket.write(bytes, 'latin1');
    });
  }

  post(path: string, fields: Fields, headers: Record<string, string> = {}): Promise<Reply> {
    return this.send(path, { method: 'POST', body: parameters(fields), headers });
  }

  get(path: string, accessToken?: string): Promise<Reply> {
    return this.send(path, accessToken === undefined ? {} : { headers: bearer(accessToken) });
  }

  /** Address of an authorization request; `undefined` leaves a parameter out. */
  authorizePath(changes: Fields = {}): string {
    const query = parameters({
      response_type: 'code',
      client_id: this.client.clientID,
      redirect_uri: CALLBACK,
      scope: 'openid email',
      state: 'st-1',
      ...changes,
    });
    return `/oauth2/authorize?${query}`;
  }

  authorize(changes: Fields = {}): Promise<Reply> {
    return this.send(this.authorizePath(changes));
  }

  /** The code of a successful login. */
  async code(changes: Fields = {}): Promise<string> {
    return (await this.authorize(changes)).location.get('code') ?? '';
  }

  /** A token request of the client; `undefined` leaves a field out. */
  token(fields: Fields): Promise<Reply> {
    const { clientID, clientSecret } = this.client;
    return this.post('/v1/oauth2/token', { client_id: clientID, client_secret: clientSecret, ...fields });
  }

  exchange(code: string, changes: Fields = {}): Promise<Reply> {
    return this.token({ grant_type: 'authorization_code', code, redirect_uri: CALLBACK, ...changes });
  }

  refresh(refreshToken: string, changes: Fields = {}): Promise<Reply> {
    return this.token({ grant_type: 'refresh_token', refresh_token: refreshToken, ...changes });
  }

  /** Logs in and returns the tokens. */
  async login(changes: Fields = {}): Promise<Tokens> {
    const { json } = await this.exchange(await this.code(changes));
    return {
      accessToken: String(json['access_token']),
      refreshToken: String(json['refresh_token']),
      idToken: String(json['id_token']),
      scope: String(json['scope']),
    };
  }

  /** Issues an access token without a login: Ada's, unless the changes say otherwise. */
  issue(changes: Partial<Parameters<PolarEmulator['issueTokens']>[0]> = {}): string {
    const { clientID } = this.client;
    return this.emulator.issueTokens({ clientID, user: 'ada@example.com', ...changes }).accessToken;
  }

  userinfo(accessToken: string): Promise<Reply> {
    return this.get('/v1/oauth2/userinfo', accessToken);
  }

  async introspect(token: string): Promise<Reply['json']> {
    const { clientID, clientSecret } = this.client;
    const fields = { token, client_id: clientID, client_secret: clientSecret };
    return (await this.post('/v1/oauth2/introspect', fields)).json;
  }
}

interface Tokens {
  readonly accessToken: string;
  readonly refreshToken: string;
  readonly idToken: string;
  readonly scope: string;
}

/** The slugs of the organizations that a reply lists. */
export function slugs({ json }: Pick<Reply, 'json'>): string[] {
  return (json['items'] as { slug: string }[]).map(({ slug }) => slug);
}

export function bearer(token: string): Record<string, string> {
  return { authorization: `Bearer ${token}` };
}

export function basic(clientID: string, secret: string): Record<string, string> {
  return { authorization: `Basic ${Buffer.from(`${clientID}:${secret}`).toString('base64')}` };
}

function parameters(fields: Fields): URLSearchParams {
  const result = new URLSearchParams();
  for (const [name, value] of Object.entries(fields)) {
    if (value !== undefined) result.append(name, value);
  }
  return result;
}

function parse(text: string): Record<string, unknown> {
  try {
    return JSON.parse(text) as Record<string, unknown>;
  } catch {
    return {};
  }
}
