import { type AddressInfo, createServer } from 'node:net';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { PolarResponseError, PolarTransientError } from '../../src/errors.js';
import { createHttp, type Fetch, parseRetryAfter } from '../../src/http/http.js';
import { freePort } from '../support/free-port.js';
import {
  answersJSON,
  answersText,
  endless,
  type MisbehavingServer,
  neverAnswers,
  redirects,
  resets,
  resetsInTheMiddle,
  startMisbehavingServer,
} from '../support/misbehaving-server.js';
import { everythingOf, failure, patient, ServerPerTest } from './support/server-per-test.js';

const server = new ServerPerTest();
const get = server.get.bind(server);

describe('a request', () => {
  it('resolves with the status, the headers and the parsed body', async () => {
    server.behave(answersJSON({ a: [1, null, 'ü'] }, 201, { 'x-one': '1' }));
    const answer = await patient(get());
    expect(answer).toMatchObject({ status: 201, body: { a: [1, null, 'ü'] } });
    expect(answer.headers.get('x-one')).toBe('1');
    expect(server.requests[0]).toMatchObject({
      method: 'GET',
      url: '/path',
      headers: { accept: 'application/json' },
    });
    expect(server.requests[0]?.headers['content-type']).toBeUndefined();
  });

  it('sends a form with its Content-Length, without which Polar responds 411', async () => {
    const form = { grant_type: 'x y', code: 'ü&=+%' };
    await patient({ ...get(), method: 'POST', form, headers: { authorization: 'Basic eA==' } });
    const [request] = server.requests;
    expect(request?.method).toBe('POST');
    expect(request?.form).toEqual(form);
    expect(request?.headers['content-type']).toMatch(/^application\/x-www-form-urlencoded/);
    expect(request?.headers['content-length']).toBe(String(Buffer.byteLength(request?.body ?? '')));
    expect(request?.headers['transfer-encoding']).toBeUndefined();
    expect(request?.headers.authorization).toBe('Basic eA==');
  });

  it.each([
    'application/json',
    'application/json; charset=utf-8',
    'application/problem+json',
    'APPLICATION/JSON',
  ])('parses a response of type %s as JSON', async (type) => {
    server.behave(answersText('{"a":1}', 200, { 'content-type': type }));
    expect((await patient(get())).body).toEqual({ a: 1 });
  });

  it.each([400, 401, 403, 404, 409])(
    'resolves with the JSON of a %i response, for the caller to judge',
    async (status) => {
      server.behave(answersJSON({ error: 'invalid_grant' }, status));
      expect(await patient(get())).toMatchObject({ status, body: { error: 'invalid_grant' } });
    },
  );

  it.each([
    ['HTML', '<p>no</p>', 'text/html'],
    ['nothing', '', 'application/json'],
    ['broken JSON', '{"error":', 'application/json'],
  ])('resolves without a body when a 404 response contains %s', async (_what, text, type) => {
    server.behave(answersText(text, 404, { 'content-type': type }));
    expect(await patient(get())).toMatchObject({ status: 404, body: undefined });
  });
});

describe('an unusable response', () => {
  it.each([
    ['HTML', '<html>polar_at_u_hidden</html>', { 'content-type': 'text/html' }],
    ['JSON of type text/plain', '{"a":"polar_at_u_hidden"}', { 'content-type': 'text/plain' }],
    ['JSON without a content type', '{"a":"polar_at_u_hidden"}', {}],
    [
      'json only in a parameter of its content type',
      '{"a":"polar_at_u_hidden"}',
      { 'content-type': 'text/html; a=json' },
    ],
    ['an empty body', '', { 'content-type': 'application/json' }],
    ['truncated JSON', '{"access_token":"polar_at_u_hidden', { 'content-type': 'application/json' }],
    ['text that is not JSON', 'polar_at_u_hidden', { 'content-type': 'application/json' }],
    ['text after the JSON', '{} polar_at_u_hidden', { 'content-type': 'application/json' }],
  ])('with %s is reported as malformed_response and not quoted', async (_what, text, headers) => {
    server.behave(answersText(text, 200, headers as Record<string, string>));
    const error = await failure(patient(get()));
    expect(error).toBeInstanceOf(PolarResponseError);
    expect(error).toMatchObject({ code: 'malformed_response', status: 502 });
    expect(error.message).toContain(`GET ${server.url}/path returned 200`);
    expect(everythingOf(error)).not.toContain('hidden');
  });

  it('with status 204 and no body is reported as malformed_response', async () => {
    server.behave(answersText('', 204));
    expect(await failure(patient(get()))).toMatchObject({ code: 'malformed_response' });
  });

  it.each([300, 301, 302, 303, 307, 308])(
    'that redirects with %i is refused, and its target gets no request',
    async (status) => {
      const target = await startMisbehavingServer();
      try {
        server.behave(redirects(`${target.url}/stolen?token=polar_rt_u_hidden`, status));
        const error = await failure(patient({ ...get(), method: 'POST', form: { client_secret: 's' } }));
        expect(error).toBeInstanceOf(PolarResponseError);
        expect(error.code).toBe('unexpected_redirect');
        expect(everythingOf(error)).not.toContain('hidden');
        expect(target.requests).toEqual([]);
        expect(server.requests).toHaveLength(1);
      } finally {
        await target.close();
      }
    },
  );

  it('that redirects to itself or nowhere is refused after one request', async () => {
    for (const behaviour of [redirects('/path'), answersText('', 302), answersJSON({}, 304)]) {
      server.behave(behaviour);
      expect(await failure(patient(get()))).toMatchObject({ code: 'unexpected_redirect' });
    }
    expect(server.requests).toHaveLength(3);
  });

  it.each([302, 429, 500])(
    'with status %i has its body cancelled, which frees the connection',
    async (status) => {
      let cancelled = false;
      const body = new ReadableStream({
        cancel: () => {
          cancelled = true;
        },
      });
      const http = createHttp({ fetch: async () => new Response(body, { status }), timeoutMs: 10_000 });
      await failure(http(get()));
      expect(cancelled).toBe(true);
    },
  );

  it('that is a browser’s opaque redirect, with status 0, is refused', async () => {
    const opaque = { type: 'opaqueredirect', status: 0, headers: new Headers(), body: null } as Response;
    const http = createHttp({ fetch: async () => opaque, timeoutMs: 10_000 });
    expect(await failure(http(get()))).toMatchObject({ code: 'unexpected_redirect' });
  });
});

describe('a busy server', () => {
  it('that responds 429 is reported as rate_limited, with the seconds to wait', async () => {
    server.behave(answersText('', 429, { 'retry-after': '60' }));
    const error = await failure(patient(get()));
    expect(error).toBeInstanceOf(PolarTransientError);
    expect(error).toMatchObject({ code: 'rate_limited', status: 503, retryAfterSeconds: 60 });
    expect(error.message).toContain('60 s');
  });

  it('that responds 429 without a valid Retry-After is reported without seconds to wait', async () => {
    server.behave(answersText('', 429), answersText('', 429, { 'retry-after': 'soon' }));
    for (let time = 0; time < 2; time++) {
      const error = (await failure(patient(get()))) as PolarTransientError;
      expect(error.code).toBe('rate_limited');
      expect(error.retryAfterSeconds).toBeUndefined();
      expect(error.message).not.toMatch(/ s\./);
    }
  });

  it.each([500, 502, 503, 504, 599])('that responds %i is reported as server_error', async (status) => {
    server.behave(answersText('<p>polar_at_u_hidden</p>', status, { 'retry-after': '7' }));
    const error = await failure(patient(get()));
    expect(error).toBeInstanceOf(PolarTransientError);
    expect(error).toMatchObject({ code: 'server_error', status: 503, retryAfterSeconds: 7 });
    expect(everythingOf(error)).not.toContain('hidden');
  });

  it('that responds 500 with JSON that looks like success is reported as server_error', async () => {
    server.behave(answersJSON({ access_token: 'polar_at_u_hidden' }, 500));
    const error = await failure(patient(get()));
    expect(error.code).toBe('server_error');
    expect(everythingOf(error)).not.toContain('hidden');
  });
});

describe('Retry-After', () => {
  const now = Date.parse('2026-08-22T10:00:00Z');

  beforeEach(() => {
    jest.spyOn(Date, 'now').mockReturnValue(now);
  });
  afterEach(() => {
    jest.restoreAllMocks();
  });

  it.each([
    [null, undefined],
    ['', undefined],
    ['soon', undefined],
    ['0', 0],
    ['60', 60],
    [' 60 ', 60],
    ['999999999', 999_999_999],
    ['99999999999999999999', undefined],
    ['Sat, 22 Aug 2026 10:01:00 GMT', 60],
    ['Sat, 22 Aug 2026 10:00:00 GMT', 0],
    ['Sat, 22 Aug 2026 09:00:00 GMT', 0],
    ['Fri, 31 Dec 1999 23:59:59 GMT', 0],
  ])('of %p means %p seconds', (header, seconds) => {
    expect(parseRetryAfter(header)).toBe(seconds);
  });

  it('is rounded up to whole seconds', () => {
    jest.spyOn(Date, 'now').mockReturnValue(now + 1);
    expect(parseRetryAfter('Sat, 22 Aug 2026 10:01:00 GMT')).toBe(60);
  });
});

describe('a network failure', () => {
  it('is reported as network_error, with its cause, when nothing listens', async () => {
    const closed = await freePort();
    const error = await failure(
      patient({ method: 'GET', url: `http://127.0.0.1:${closed}/path?token=hidden` }),
    );
    expect(error).toBeInstanceOf(PolarTransientError);
    expect(error).toMatchObject({ code: 'network_error', status: 503 });
    expect(error.cause).toMatchObject({ message: 'fetch failed', cause: { code: 'ECONNREFUSED' } });
    expect(everythingOf(error)).not.toContain('hidden');
  });

  it.each([
    ['before', resets],
    ['in the middle of', resetsInTheMiddle],
  ])('is reported as network_error when the connection breaks %s the response', async (_when, behaviour) => {
    server.behave(behaviour);
    expect(await failure(patient(get()))).toMatchObject({ code: 'network_error', status: 503 });
  });

  it('is reported as network_error when the server does not speak HTTP', async () => {
    const tcp = createServer((socket) =>
      socket.on('error', () => {}).end('SSH-2.0-OpenSSH_9.9\r\n', () => socket.destroySoon()),
    );
    await new Promise<void>((resolve) => tcp.listen(0, '127.0.0.1', resolve));
    const { port } = tcp.address() as AddressInfo;
    expect(await failure(patient({ method: 'GET', url: `http://127.0.0.1:${port}/` }))).toMatchObject({
      code: 'network_error',
    });
    await new Promise((resolve) => tcp.close(resolve));
  });

  it('is reported as network_error when fetch throws synchronously', async () => {
    const broken = (() => {
      throw new Error('no');
    }) as Fetch;
    expect(await failure(createHttp({ fetch: broken, timeoutMs: 10_000 })(get()))).toMatchObject({
      code: 'network_error',
    });
  });

  it('that an injected fetch reports as a PolarError is passed on unchanged', async () => {
    const mine = new PolarTransientError('rate_limited', 'slow down');
    const http = createHttp({ fetch: () => Promise.reject(mine), timeoutMs: 10_000 });
    await expect(http(get())).rejects.toBe(mine);
  });

  it('is reported without the message and code of a fetch that quotes what was sent', async () => {
    const quoting: Fetch = async (url, init) => {
      const text = `POST ${url} failed, body ${init.body}`;
      throw Object.assign(new Error(text, { cause: new Error(text) }), { code: `E${init.body}` });
    };
    const http = createHttp({ fetch: quoting, timeoutMs: 10_000 });
    for (const sent of [{ form: { code: 'hidden' } }, { json: { code: 'hidden' } }]) {
      const error = await failure(http({ method: 'POST', url: server.url, ...sent }));
      expect(error.code).toBe('network_error');
      expect(everythingOf(error)).not.toContain('hidden');
    }
  });

  it('is reported with the system’s message', async () => {
    const cause = Object.assign(new Error('getaddrinfo ENOTFOUND api.example'), { code: 'ENOTFOUND' });
    const http = createHttp({ fetch: () => Promise.reject(cause), timeoutMs: 10_000 });
    expect((await failure(http(get()))).cause).toMatchObject({
      message: 'getaddrinfo ENOTFOUND api.example',
      code: 'ENOTFOUND',
    });
  });

  it('is reported without the token when that is not a valid header value', async () => {
    const headers = { authorization: 'Bearer polar_at_u_hidden\n' };
    const error = await failure(patient(get({ headers: { ...headers, 'x-bad': 'hidden\u0000' } })));
    expect(everythingOf(error)).not.toContain('hidden');
  });
});

describe('an error message', () => {
  it.each<[string, Parameters<MisbehavingServer['behave']>[0]]>([
    ['a redirect', redirects('/elsewhere')],
    ['HTML', answersText('<p>')],
    ['429', answersText('', 429)],
    ['500', answersText('', 500)],
    ['a reset', resets],
    ['a time-out', neverAnswers],
    ['a response that is too large', endless()],
  ])('about %s names the address without its query and fragment', async (_what, behaviour) => {
    server.behave(behaviour);
    const timeoutMs = behaviour === neverAnswers ? 40 : 10_000;
    const error = await failure(
      patient({ method: 'GET', url: `${server.url}/path?token=hidden#hidden`, timeoutMs }),
    );
    expect(error.message).toContain(`${server.url}/path `);
    expect(everythingOf(error)).not.toContain('hidden');
  });
});
