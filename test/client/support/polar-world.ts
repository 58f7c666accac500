/** An emulator for each test of a file, and clients of every kind for it. */
import { createHash, randomUUID } from 'node:crypto';
import { inspect } from 'node:util';
import { afterEach, beforeEach, expect } from '@jest/globals';
import { type PolarClientOptions, PolarOAuthClient, PolarRegistrationClient } from 'passport-polar-sh';
import { type PolarEmulator, type PolarEmulatorClient, startPolarEmulator } from 'passport-polar-sh/emulator';

/** When the clients of the tests send their requests, by their own clock. */
export const SENT_AT = Date.parse('2026-08-22T10:00:00Z');
export const CALLBACK = 'http://localhost:4000/auth/polar/callback';
export const SCOPE = ['openid', 'email', 'profile', 'organizations:read'];
export const VERIFIER = 'a-verifier-that-is-long-enough-for-rfc-7636-0123456789';
export const CHALLENGE = createHash('sha256').update(VERIFIER).digest('base64url');
export const ADA = '11111111-1111-4111-8111-111111111111';
export const ACME = '22222220-2222-4222-8222-222222222222';

/** A request before it is sent, which a test can turn into one that no public method sends. */
export interface SentRequest {
  method: string;
  readonly headers: Headers;
  readonly form: URLSearchParams;
}

export class PolarWorld {
  emulator!: PolarEmulator;
  /** The app's own client; sends its secret in the form. */
  own!: PolarEmulatorClient;
  /** The client of another app. */
  other!: PolarEmulatorClient;
  /** A public client, without a secret. */
  open!: PolarEmulatorClient;
  /** A client that sends its secret in a header. */
  basic!: PolarEmulatorClient;
  registrations!: PolarRegistrationClient;
  /** The nonce of the newest login. */
  nonce = '';

  constructor() {
    beforeEach(async () => {
      this.emulator = await startPolarEmulator({ consent: 'auto' });
      const metadata = { redirectURIs: [CALLBACK], scope: SCOPE.join(' ') };
      const register = (more: object = {}) => this.emulator.registerClient({ ...metadata, ...more });
      this.own = register();
      this.other = register();
      this.open = register({ tokenEndpointAuthMethod: 'none' });
      this.basic = register({ tokenEndpointAuthMethod: 'client_secret_basic' });
      this.registrations = new PolarRegistrationClient({ server: this.emulator.server });
    });
    afterEach(() => this.emulator.close());
  }

  /** A client of the package for a registered one. */
  as(
    { clientID, clientSecret, tokenEndpointAuthMethod }: PolarEmulatorClient,
    more: Partial<PolarClientOptions> = {},
  ): PolarOAuthClient {
    const { server } = this.emulator;
    return new PolarOAuthClient({
      clientID,
      clientSecret,
      tokenEndpointAuthMethod,
      server,
      now: () => SENT_AT,
      ...more,
    });
  }

  /** A client whose requests a test changes before they are sent. */
  bending(client: PolarEmulatorClient, bend: (request: SentRequest) => void): PolarOAuthClient {
    return this.as(client, {
      fetch: (url, init) => {
        const request: SentRequest = {
          method: init.method ?? 'GET',
          headers: new Headers(init.headers),
          form: new URLSearchParams(init.body instanceof URLSearchParams ? init.body : undefined),
        };
        bend(request);
        const { method, headers, form } = request;
        return fetch(url, {
          ...init,
          method,
          headers,
          ...(method === 'POST' ? { body: form } : { body: null }),
        });
      },
    });
  }

  /** A client with the right id and a wrong secret. */
  withWrongSecret(client: PolarEmulatorClient): PolarOAuthClient {
    return this.as(client, { clientSecret: 'polar_cs_a-secret-of-somebody-else' });
  }

  /** The code of a login as the browser brings it back. */
  async code(client = this.own, more: Parameters<PolarOAuthClient['authorizationURL']>[0] | object = {}) {
    this.nonce = randomUUID();
    const url = await this.as(client).authorizationURL({
      redirectURI: CALLBACK,
      scope: ['openid', 'email'],
      state: 'st-1',
      nonce: this.nonce,
      codeChallenge: CHALLENGE,
      ...more,
    });
    const { headers } = await fetch(url, { redirect: 'manual' });
    return new URL(headers.get('location') ?? '').searchParams.get('code') ?? '';
  }

  /** The argument of exchangeCode for the code of a new login. */
  async grant(client = this.own) {
    return { code: await this.code(client), redirectURI: CALLBACK, codeVerifier: VERIFIER };
  }

  /** Tokens without a login. */
  tokens(client = this.own, more: object = {}): { accessToken: string; refreshToken: string } {
    const { clientID } = client;
    const request = { clientID, user: this.emulator.user, scope: 'openid email', ...more };
    const { accessToken, refreshToken = '' } = this.emulator.issueTokens(request);
    return { accessToken, refreshToken };
  }

  /** A session of Polar's web app, for a client that may exchange one. */
  session(client: PolarEmulatorClient = this.own): string {
    this.emulator.updateClient(client.clientID, {
      grantTypes: ['authorization_code', 'refresh_token', 'web'],
    });
    return this.emulator.createSession(this.emulator.user);
  }

  /** All values that must stay hidden: those that the emulator knows, and those that were sent to it. */
  secrets(): string[] {
    const { own, other, basic, open, emulator } = this;
    const clients = [own, other, basic, open].flatMap((one) => [
      one.clientSecret ?? '',
      one.registrationAccessToken,
    ]);
    const tokens = emulator.liveTokens().flatMap((one) => [one.accessToken, one.refreshToken ?? '']);
    const fields = ['code', 'code_verifier', 'client_secret', 'refresh_token', 'token', 'session_token'];
    const sent = emulator.requests.flatMap(({ form, headers }) => [
      ...fields.map((name) => form[name] ?? ''),
      (headers.authorization ?? '').replace(/^\w+ /, ''),
    ]);
    return [...new Set([...clients, ...tokens, ...sent])].filter((secret) => secret.length > 5);
  }

  /** Fails if any representation of an error shows a secret. */
  expectNoSecretIn(error: unknown): void {
    const { message, stack } = error as Error;
    const shown = [message, stack, inspect(error, { depth: 9, showHidden: true }), JSON.stringify(error)];
    const secrets = this.secrets();
    expect(secrets.length).toBeGreaterThan(3);
    for (const secret of secrets) for (const text of shown) expect(text).not.toContain(secret);
  }
}

/** The error that a promise rejects with. */
export async function failureOf(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    (value) => new Error(`expected a rejection, got ${inspect(value)}`),
    (reason: unknown) => reason,
  );
}
