import { setTimeout as delay } from 'node:timers/promises';
import type { PolarRuntime } from '../composition.js';
import { publish } from '../diagnostics.js';
import { PolarConfigurationError, PolarInsufficientScopeError, PolarResponseError } from '../errors.js';
import { startDeadline } from '../http.js';
import type { LoginHandle } from '../refresh/login-handle.js';
import { BoundedMap } from '../tokens/bounded-map.js';

// Polar commits after it has answered: a token this young may be refused once although it is good.
const justMintedMs = 5000;
const commitLagPauseMs = 500;
// An API that answers 401 to good tokens must not make every request kill them.
const refreshAfter401EveryMs = 60_000;

const lastRefreshAfter401 = new WeakMap<PolarRuntime, BoundedMap<number>>();

/** `req.polar.fetch`: a standard Response from the Polar API, with a valid token and at most one retry. */
export async function fetchFromPolar(
  runtime: PolarRuntime,
  login: LoginHandle,
  input: string | URL | Request,
  init: RequestInit = {},
): Promise<Response> {
  const request = toRequest(runtime, input, init);
  // Checked before anything is sent: a body that is a stream can be sent only once.
  const replayable = request.body === null || isReplayable(init.body);
  const first = await runtime.keeper.validTokens(login);
  const answer = await send(
    runtime,
    replayable ? toRequest(runtime, input, init) : request,
    first.accessToken,
  );
  if (answer.status !== 401 || !replayable) return checked(answer, request);

  const second = await tokenAfter401(runtime, login, first.accessToken);
  if (second === undefined) return answer;
  await answer.body?.cancel();
  publish('request', { event: 'retried-after-401', loginId: login.loginId });
  return checked(await send(runtime, request, second), request);
}

/** The token to try again with; undefined when another attempt would be no use. */
async function tokenAfter401(
  runtime: PolarRuntime,
  login: LoginHandle,
  refused: string,
): Promise<string | undefined> {
  const { keeper } = runtime;
  const { now } = runtime.options;
  const newest = keeper.peek(login);
  if (newest !== undefined && newest.accessToken !== refused) return newest.accessToken;
  if (now() - keeper.refreshedAt(login, refused) < justMintedMs) {
    await delay(commitLagPauseMs);
    return refused;
  }
  const times = lastRefreshAfter401.get(runtime) ?? new BoundedMap<number>(10_000);
  lastRefreshAfter401.set(runtime, times);
  if (now() - (times.get(login.loginId) ?? Number.NEGATIVE_INFINITY) < refreshAfter401EveryMs)
    return undefined;
  times.set(login.loginId, now());
  return (await keeper.replaceTokens(login, refused)).accessToken;
}

function toRequest(runtime: PolarRuntime, input: string | URL | Request, init: RequestInit): Request {
  const { apiURL } = runtime.options.server;
  const api = new URL(apiURL);
  const target = input instanceof Request ? input : resolve(input, apiURL);
  if (new URL(target instanceof Request ? target.url : target).origin !== api.origin) {
    throw new PolarConfigurationError(
      'origin_not_allowed',
      `req.polar.fetch goes to ${api.origin} only: the access token must not reach anybody else. Use the plain fetch for other addresses.`,
    );
  }
  // Whatever the caller says: following a redirect would take the token along.
  return new Request(target instanceof Request ? target.clone() : target, { ...init, redirect: 'manual' });
}

function resolve(input: string | URL, apiURL: string): URL {
  const base = `${apiURL}/`;
  const text = String(input);
  if (!URL.canParse(text, base))
    throw new PolarConfigurationError(
      'origin_not_allowed',
      'req.polar.fetch needs a path such as /v1/organizations/',
    );
  // A path belongs under the API's own, also where that is not the root of its host.
  return text.startsWith('/') && !/^\/[/\\]/.test(text) ? new URL(`${apiURL}${text}`) : new URL(text, base);
}

async function send(runtime: PolarRuntime, request: Request, accessToken: string): Promise<Response> {
  const { fetch, timeoutMs } = runtime.options;
  const headers = new Headers(request.headers);
  headers.set('authorization', `Bearer ${accessToken}`);
  const where = `${request.method} ${new URL(request.url).pathname}`;
  // Until the headers only: how long a body may take is the caller's business.
  const deadline = startDeadline(timeoutMs, request.signal);
  try {
    const body = request.body === null ? undefined : await deadline.race(request.arrayBuffer());
    return await deadline.race(
      fetch(request.url, {
        method: request.method,
        headers,
        redirect: 'manual',
        signal: deadline.signal,
        ...(body !== undefined && { body }),
      }),
    );
  } catch (error) {
    throw deadline.explain(error, where);
  } finally {
    deadline.stop();
  }
}

function checked(answer: Response, request: Request): Response {
  const path = new URL(request.url).pathname;
  if (
    answer.type === 'opaqueredirect' ||
    (answer.status >= 300 && answer.status < 400 && answer.status !== 304)
  ) {
    throw new PolarResponseError(
      'unexpected_redirect',
      `Polar redirects ${path}, and req.polar.fetch follows no redirect. ${path.endsWith('/') ? 'Check the path.' : `Polar's lists end in a slash: try ${path}/`}`,
    );
  }
  const challenge = answer.headers.get('www-authenticate') ?? '';
  if (answer.status === 403 && challenge.includes('insufficient_scope')) {
    const scopes = /\bscope="([^"]*)"/.exec(challenge)?.[1]?.split(' ').filter(Boolean) ?? [];
    throw new PolarInsufficientScopeError(
      `The access token lacks a scope for ${request.method} ${path}: one of ${scopes.join(', ')}. Add it to the strategy's scope and log in again.`,
      scopes,
    );
  }
  return answer;
}

function isReplayable(body: unknown): boolean {
  return (
    typeof body === 'string' ||
    body instanceof URLSearchParams ||
    body instanceof ArrayBuffer ||
    ArrayBuffer.isView(body) ||
    body instanceof Blob ||
    body instanceof FormData
  );
}
