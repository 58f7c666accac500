/**
 * A small OpenID provider for conformance tests. It is strict with the client, and misbehaves only as told. It shares no
 * code with the package.
 */
import { createHash, randomBytes, randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { answersJSON, type Behaviour, type ReceivedRequest } from '../../support/misbehaving-server.js';
import { type Claims, halfHash, type Signer, signedWith } from './id-token.js';
import { honestKeys, type ProviderKey } from './keys.js';

/** The endpoints of the provider, as a trace names them. */
export type Endpoint = 'discovery' | 'authorize' | 'token' | 'jwks' | 'userinfo' | 'revoke';

type Json = Readonly<Record<string, unknown>>;

/** The ways in which the provider deviates from correct behaviour. */
export interface Misbehaviour {
  /** Changes the metadata, such as `iss`. */
  readonly metadata?: (honest: Json) => Json;
  /** Changes the response of the authorize page in place. */
  readonly authorizationResponse?: (answer: URLSearchParams) => void;
  readonly tokenResponse?: (honest: Json) => Json;
  readonly claims?: (honest: Claims) => Claims;
  readonly sign?: Signer;
  readonly userinfo?: (honest: Json) => Json;
  /** Published instead of the initial keys. */
  readonly keys?: readonly ProviderKey[];
  /** The key to sign with, of those published. @default the first */
  readonly signingKey?: ProviderKey;
  /** Accepts a code any number of times, like a server whose processes do not see each other's writes at once. */
  readonly takesCodesAgain?: boolean;
  /** Runs right before an id_token is signed. */
  readonly beforeSigning?: () => void;
  /** Whole responses that replace the provider's own. */
  readonly answers?: Partial<Record<Endpoint, Behaviour>>;
}

/** How to start the provider. */
export interface ProviderOptions {
  readonly clientID?: string;
  readonly clientSecret?: string;
  readonly authMethod?: 'client_secret_post' | 'client_secret_basic';
  /** What follows the origin in the issuer, such as `/`. @default '' */
  readonly issuerPath?: string;
  /** Sent in token responses if given. */
  readonly expiresIn?: number;
  /** RFC 9207: `iss` is announced, and sent with every response of the authorize page. */
  readonly sendsIssuer?: boolean;
  /** RFC 7009: tokens can be revoked. */
  readonly revokes?: boolean;
  readonly clock?: Clock;
}

/** A clock that tests advance, for provider and client alike. */
export class Clock {
  #aheadMs = 0;
  readonly now = (): number => Date.now() + this.#aheadMs;

  advance(seconds: number): void {
    this.#aheadMs += seconds * 1000;
  }
}

interface Grant {
  readonly query: URLSearchParams;
  readonly scope: string;
  readonly nonce: string | null;
}

const paths: Record<string, Endpoint> = {
  '/.well-known/openid-configuration': 'discovery',
  '/authorize': 'authorize',
  '/token': 'token',
  '/userinfo': 'userinfo',
  '/revoke': 'revoke',
  // The paths that the package appends to a webURL and an apiURL.
  '/oauth2/authorize': 'authorize',
  '/v1/oauth2/token': 'token',
  '/.well-known/jwks.json': 'jwks',
  '/v1/oauth2/userinfo': 'userinfo',
};

/** The running provider. */
export class Provider {
  readonly origin: string;
  readonly issuer: string;
  readonly clientID: string;
  readonly clientSecret: string;
  readonly subject = randomUUID();
  readonly clock: Clock;
  /** Registered redirect URIs. */
  readonly redirectURIs: string[] = [];
  /** Mistakes of the client. */
  readonly complaints: string[] = [];
  /** Values that must not appear in any error: codes, tokens, the client's secret and credentials derived from it. */
  readonly secrets = new Set<string>();
  /** All requests, oldest first. */
  readonly requests: (ReceivedRequest & { readonly endpoint: Endpoint | undefined })[] = [];
  /** Access tokens that were issued, oldest first. */
  readonly accessTokens: string[] = [];
  /** Refresh tokens that were issued with them. */
  readonly refreshTokens: string[] = [];
  /** Tokens that a client has revoked. */
  readonly revoked = new Set<string>();
  readonly #options: ProviderOptions;
  readonly #jwksPath = `/jwks-${randomBytes(6).toString('hex')}`;
  readonly #codes = new Map<string, Grant>();
  readonly #accessTokens = new Map<string, Grant>();
  readonly #refreshTokens = new Map<string, Grant>();
  readonly #stop: () => Promise<void>;
  #misbehaviour: Misbehaviour = {};
  #keys = honestKeys();
  #calls: Endpoint[] = [];

  /** @internal use {@link startProvider} */
  constructor(origin: string, options: ProviderOptions, stop: () => Promise<void>) {
    this.origin = origin;
    this.issuer = `${origin}${options.issuerPath ?? ''}`;
    this.clientID = options.clientID ?? 'client-of-the-tests';
    this.clientSecret = options.clientSecret ?? 'secret-of-the-client-of-the-tests';
    this.clock = options.clock ?? new Clock();
    this.#options = options;
    this.#stop = stop;
    this.secrets.add(this.clientSecret);
  }

  get discoveryURL(): string {
    return `${this.origin}/.well-known/openid-configuration`;
  }

  /** The endpoints that were called since the last time, in order. */
  takeCalls(): Endpoint[] {
    return this.#calls.splice(0);
  }

  /** From now on it misbehaves like this, and is otherwise correct. */
  misbehave(misbehaviour: Misbehaviour): void {
    this.#misbehaviour = misbehaviour;
    if (misbehaviour.keys !== undefined) this.#keys = misbehaviour.keys;
  }

  /** Publishes other keys, and signs with the first of them. */
  replaceKeys(keys: readonly ProviderKey[] = honestKeys(1)): void {
    this.#keys = keys;
  }

  close(): Promise<void> {
    return this.#stop();
  }

  /** @internal */
  async answer(request: ReceivedRequest, res: ServerResponse): Promise<void> {
    const { pathname, searchParams } = new URL(request.url, this.origin);
    const endpoint = pathname === this.#jwksPath ? 'jwks' : paths[pathname];
    this.requests.push({ ...request, endpoint });
    if (endpoint === undefined || (endpoint === 'revoke' && !this.#options.revokes))
      return answersJSON({ error: 'not_found' }, 404)(res, request);
    this.#calls.push(endpoint);
    const answer = this.#misbehaviour.answers?.[endpoint];
    if (answer !== undefined) {
      this.#noteProofs(request);
      return answer(res, request);
    }
    const behaviour = {
      discovery: () => answersJSON(this.#metadata()),
      authorize: () => this.#authorize(searchParams),
      token: () => this.#token(request),
      jwks: () => answersJSON({ keys: this.#keys.map(({ jwk }) => jwk) }),
      userinfo: () => this.#userinfo(request),
      revoke: () => this.#revoke(request),
    }[endpoint]();
    (await behaviour)(res, request);
  }

  #metadata(): Json {
    const honest: Json = {
      issuer: this.issuer,
      authorization_endpoint: `${this.origin}/authorize`,
      token_endpoint: `${this.origin}/token`,
      jwks_uri: `${this.origin}${this.#jwksPath}`,
      userinfo_endpoint: `${this.origin}/userinfo`,
      ...(this.#options.revokes && { revocation_endpoint: `${this.origin}/revoke` }),
      response_types_supported: ['code'],
      subject_types_supported: ['public'],
      id_token_signing_alg_values_supported: ['RS256'],
      ...(this.#options.sendsIssuer && { authorization_response_iss_parameter_supported: true }),
    };
    return this.#misbehaviour.metadata?.(honest) ?? honest;
  }

  #authorize(query: URLSearchParams): Behaviour {
    const redirectURI = query.get('redirect_uri') ?? '';
    const complaint = [
      [...query.keys()].length !== new Set(query.keys()).size && 'a parameter came twice',
      query.get('response_type') !== 'code' && 'response_type is not code',
      query.get('client_id') !== this.clientID && 'another client_id',
      !this.redirectURIs.includes(redirectURI) && 'redirect_uri is not registered',
      !query.get('scope')?.split(' ').includes('openid') && 'scope without openid',
      query.has('code_challenge') && query.get('code_challenge_method') !== 'S256' && 'PKCE without S256',
    ].find((found) => found !== false);
    if (complaint !== undefined) return this.#refuse('invalid_request', complaint);
    const code = this.#secret('code');
    this.#codes.set(code, { query, scope: query.get('scope') ?? '', nonce: query.get('nonce') });
    const answer = new URLSearchParams({ code });
    const state = query.get('state');
    if (state !== null) answer.set('state', state);
    if (this.#options.sendsIssuer) answer.set('iss', this.issuer);
    this.#misbehaviour.authorizationResponse?.(answer);
    return (res) => void res.writeHead(302, { location: `${redirectURI}?${answer}` }).end();
  }

  async #token(request: ReceivedRequest): Promise<Behaviour> {
    this.#noteProofs(request);
    const { form } = request;
    const problem = this.#authenticationProblem(request);
    if (problem !== undefined) return this.#refuse('invalid_client', problem, 401);
    if (request.headers['content-type']?.startsWith('application/x-www-form-urlencoded') !== true)
      return this.#refuse('invalid_request', 'the token request is no form');
    if (form['grant_type'] === 'refresh_token') return this.#refresh(form['refresh_token'] ?? '');
    if (form['grant_type'] !== 'authorization_code')
      return this.#refuse('unsupported_grant_type', 'grant_type');

    const code = form['code'] ?? '';
    const grant = this.#codes.get(code);
    // Not complaints, since an attacker may send another user's code.
    if (grant === undefined) return invalidGrant;
    if (form['redirect_uri'] !== grant.query.get('redirect_uri')) return invalidGrant;
    const challenge = grant.query.get('code_challenge');
    if (challenge !== null && challenge !== sha256(form['code_verifier'] ?? '')) return invalidGrant;
    if (!this.#misbehaviour.takesCodesAgain) this.#codes.delete(code);
    return this.#grantTokens(grant);
  }

  async #refresh(refreshToken: string): Promise<Behaviour> {
    const grant = this.#refreshTokens.get(refreshToken);
    if (grant === undefined) return invalidGrant;
    this.#refreshTokens.delete(refreshToken);
    return this.#grantTokens(grant);
  }

  #revoke(request: ReceivedRequest): Behaviour {
    const problem = this.#authenticationProblem(request);
    if (problem !== undefined) return this.#refuse('invalid_client', problem, 401);
    this.revoked.add(request.form['token'] ?? '');
    return answersJSON({});
  }

  async #grantTokens(grant: Grant): Promise<Behaviour> {
    // A refresh token may contain any printable ASCII (RFC 6749 A.17), so it needs form-encoding.
    const accessToken = this.#secret('access');
    const refreshToken = this.#secret('refresh &a+b%20c= ~');
    this.secrets.add(encodeURIComponent(refreshToken));
    this.accessTokens.push(accessToken);
    this.refreshTokens.push(refreshToken);
    this.#accessTokens.set(accessToken, grant);
    this.#refreshTokens.set(refreshToken, grant);
    const honest: Json = {
      token_type: 'Bearer',
      access_token: accessToken,
      refresh_token: refreshToken,
      id_token: await this.#idToken(grant, accessToken),
      ...(this.#options.expiresIn !== undefined && { expires_in: this.#options.expiresIn }),
    };
    return answersJSON(this.#misbehaviour.tokenResponse?.(honest) ?? honest, 200, {
      'cache-control': 'no-store',
    });
  }

  async #idToken({ nonce }: Grant, accessToken: string): Promise<string> {
    this.#misbehaviour.beforeSigning?.();
    const iat = Math.floor(this.clock.now() / 1000);
    const honest: Claims = {
      iss: this.issuer,
      sub: this.subject,
      aud: this.clientID,
      ...(nonce !== null && { nonce }),
      iat,
      exp: iat + 300,
      at_hash: halfHash(accessToken),
    };
    const key = this.#misbehaviour.signingKey ?? (this.#keys[0] as ProviderKey);
    const sign = this.#misbehaviour.sign ?? signedWith();
    const idToken = await sign(this.#misbehaviour.claims?.(honest) ?? honest, key);
    this.secrets.add(idToken);
    return idToken;
  }

  #userinfo({ headers, url, body }: ReceivedRequest): Behaviour {
    const [scheme, accessToken = ''] = (headers.authorization ?? '').split(' ');
    const grant = this.#accessTokens.get(accessToken);
    if (scheme !== 'Bearer' || grant === undefined || `${url}${body}`.includes('access_token'))
      return this.#refuse('invalid_token', 'userinfo without the token in the Bearer header', 401);
    const scope = grant.scope.split(' ');
    const honest: Json = {
      sub: this.subject,
      ...(scope.includes('email') && { email: 'ada@example.com', email_verified: true }),
      ...(scope.includes('profile') && { name: 'Ada Lovelace' }),
    };
    return answersJSON(this.#misbehaviour.userinfo?.(honest) ?? honest);
  }

  #authenticationProblem({ form, headers }: ReceivedRequest): string | undefined {
    const method = this.#options.authMethod ?? 'client_secret_post';
    const used = [
      headers.authorization !== undefined && 'client_secret_basic',
      'client_secret' in form && 'client_secret_post',
    ];
    if (used.filter(Boolean).join() !== method) return `the client proved itself by ${used.filter(Boolean)}`;
    const [id, secret] =
      method === 'client_secret_post'
        ? [form['client_id'], form['client_secret']]
        : Buffer.from(headers.authorization?.replace(/^Basic /, '') ?? '', 'base64')
            .toString()
            .split(':')
            .map(formDecode);
    return id === this.clientID && secret === this.clientSecret ? undefined : 'a wrong client id or secret';
  }

  /** Notes secrets that the client sends and must not show in an error. */
  #noteProofs({ form, headers }: ReceivedRequest): void {
    const proofs = [
      form['code'],
      form['code_verifier'],
      form['refresh_token'],
      headers.authorization?.split(' ')[1],
    ];
    for (const proof of proofs) if (proof) this.secrets.add(proof);
  }

  #secret(kind: string): string {
    const secret = `${kind}-${randomBytes(18).toString('base64url')}`;
    this.secrets.add(secret);
    return secret;
  }

  #refuse(error: string, complaint: string, status = 400): Behaviour {
    this.complaints.push(complaint);
    return answersJSON({ error, error_description: complaint }, status);
  }
}

/** Starts a provider on a free port. */
export async function startProvider(options: ProviderOptions = {}): Promise<Provider> {
  const server = createServer((req, res) => {
    receive(req)
      .then((request) => provider.answer(request, res))
      .catch((error: unknown) => {
        provider.complaints.push(`the provider itself failed: ${error}`);
        res.destroy();
      });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const stop = (): Promise<void> =>
    new Promise((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    });
  const provider = new Provider(`http://127.0.0.1:${(server.address() as AddressInfo).port}`, options, stop);
  return provider;
}

async function receive(req: IncomingMessage): Promise<ReceivedRequest> {
  const chunks: Buffer[] = [];
  for await (const chunk of req) chunks.push(chunk as Buffer);
  const body = Buffer.concat(chunks).toString();
  const form = Object.fromEntries(new URLSearchParams(body));
  return { method: req.method ?? '', url: req.url ?? '', headers: req.headers, body, form };
}

const invalidGrant = answersJSON({ error: 'invalid_grant' }, 400);
const sha256 = (text: string): string => createHash('sha256').update(text).digest('base64url');
const formDecode = (text: string): string => new URLSearchParams(`x=${text}`).get('x') ?? '';
