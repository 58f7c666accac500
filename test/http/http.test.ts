import { type AddressInfo, createServer } from 'node:net';
import { inspect } from 'node:util';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { PolarError, PolarResponseError, PolarTransientError } from '../../src/errors.js';
import { startDeadline } from '../../src/http/deadline.js';
import { createHttp, type Fetch, type HttpRequest, parseRetryAfter } from '../../src/http/http.js';
import {
  answersJSON,
  answersText,
  drips,
  endless,
  type MisbehavingServer,
  neverAnswers,
  redirects,
  resets,
  resetsInTheMiddle,
  startMisbehavingServer,
  stopsInTheMiddle,
} from '../support/misbehaving-server.js';

const plainFetch: Fetch = (input, init) => fetch(input, init);
// Long enough never to strike on a slow machine in tests that expect something else.
const patient = createHttp({ fetch: plainFetch, timeoutMs: 10_000 });
const hasty = createHttp({ fetch: plainFetch, timeoutMs: 60 });

let server: MisbehavingServer;

beforeEach(async () => {
  server = await startMisbehavingServer();
});

afterEach(() => server.close());

const get = (rest: Partial<HttpRequest> = {}): HttpRequest => ({
  method: 'GET',
  url: `${server.url}/path`,
  ...rest,
});

async function failure(promise: Promise<unknown>): Promise<PolarError> {
  const error = await promise.then(
    (value) => new Error(`expected an error, got ${inspect(value)}`),
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(PolarError);
  return error as PolarError;
}

/** All that a log could show of an error. */
const everythingOf = (error: unknown): string =>
  `${inspect(error, { depth: 9, showHidden: true })}\n${JSON.stringify(error)}\n${String((error as Error).stack)}`;

describe('a request', () => {
  it('hands back status, headers and the parsed body', async () => {
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

  it('posts a form with its length, as Polar answers 411 without one', async () => {
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
  ])('takes %s for JSON', async (type) => {
    server.behave(answersText('{"a":1}', 200, { 'content-type': type }));
    expect((await patient(get())).body).toEqual({ a: 1 });
  });

  it.each([400, 401, 403, 404, 409])(
    'hands back %i with its JSON, for the caller to judge',
    async (status) => {
      server.behave(answersJSON({ error: 'invalid_grant' }, status));
      expect(await patient(get())).toMatchObject({ status, body: { error: 'invalid_grant' } });
    },
  );

  it.each([
    ['HTML', '<p>no</p>', 'text/html'],
    ['nothing', '', 'application/json'],
    ['broken JSON', '{"error":', 'application/json'],
  ])('hands back 404 with %s without a body', async (_what, text, type) => {
    server.behave(answersText(text, 404, { 'content-type': type }));
    expect(await patient(get())).toMatchObject({ status: 404, body: undefined });
  });
});

describe('an answer that makes no sense', () => {
  it.each([
    ['HTML', '<html>polar_at_u_hidden</html>', { 'content-type': 'text/html' }],
    ['JSON that says it is text', '{"a":"polar_at_u_hidden"}', { 'content-type': 'text/plain' }],
    ['JSON without a type', '{"a":"polar_at_u_hidden"}', {}],
    [
      'JSON in a parameter of another type',
      '{"a":"polar_at_u_hidden"}',
      { 'content-type': 'text/html; a=json' },
    ],
    ['an empty body', '', { 'content-type': 'application/json' }],
    ['JSON that breaks off', '{"access_token":"polar_at_u_hidden', { 'content-type': 'application/json' }],
    ['no JSON at all', 'polar_at_u_hidden', { 'content-type': 'application/json' }],
    ['JSON and more', '{} polar_at_u_hidden', { 'content-type': 'application/json' }],
  ])('%s is malformed_response, and its text is not quoted', async (_what, text, headers) => {
    server.behave(answersText(text, 200, headers as Record<string, string>));
    const error = await failure(patient(get()));
    expect(error).toBeInstanceOf(PolarResponseError);
    expect(error).toMatchObject({ code: 'malformed_response', status: 502 });
    expect(error.message).toContain(`GET ${server.url}/path answered 200`);
    expect(everythingOf(error)).not.toContain('hidden');
  });

  it('204 without a body is malformed_response too', async () => {
    server.behave(answersText('', 204));
    expect(await failure(patient(get()))).toMatchObject({ code: 'malformed_response' });
  });

  it.each([300, 301, 302, 303, 307, 308])(
    'a redirect (%i) is refused, and its target never asked',
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

  it('a redirect to itself, or one without an address, is refused after one request', async () => {
    for (const behaviour of [redirects('/path'), answersText('', 302), answersJSON({}, 304)]) {
      server.behave(behaviour);
      expect(await failure(patient(get()))).toMatchObject({ code: 'unexpected_redirect' });
    }
    expect(server.requests).toHaveLength(3);
  });

  it.each([302, 429, 500])(
    'what a %i says is not left unread, which would hold the connection',
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

  it('a browser’s opaque redirect, whose status is 0, is refused', async () => {
    const opaque = { type: 'opaqueredirect', status: 0, headers: new Headers(), body: null } as Response;
    const http = createHttp({ fetch: async () => opaque, timeoutMs: 10_000 });
    expect(await failure(http(get()))).toMatchObject({ code: 'unexpected_redirect' });
  });
});

describe('a fetch of the app’s own', () => {
  const http = (fetch: () => unknown) => createHttp({ fetch: fetch as never, timeoutMs: 10_000 });
  const headers = new Headers({ 'content-type': 'application/json' });
  const found = { a: 1 };
  const stream = (chunk: unknown) =>
    new ReadableStream({
      start(controller) {
        controller.enqueue(chunk);
        controller.close();
      },
    });

  it.each<[string, unknown]>([
    ['status and json()', { status: 200, json: async () => found }],
    ['ok and json()', { ok: true, json: async () => found }],
    ['json() that is no promise', { ok: true, json: () => found }],
    ['headers and json()', { status: 200, headers, json: async () => found }],
    [
      'headers of an object',
      { status: 200, headers: { 'Content-Type': 'application/json' }, text: () => '{"a":1}' },
    ],
    ['no headers', { status: 200, text: async () => '{"a":1}' }],
    ['text that is not a function, and json()', { status: 200, text: '{"a":1}', json: async () => found }],
    ['a body that is a text', { status: 200, headers, body: '{"a":1}' }],
    ['a body that is an object, and json()', { status: 200, headers, body: {}, json: async () => found }],
    ['a body of texts', { status: 200, headers, body: () => stream('{"a":1}') }],
    ['a body of bytes', { status: 200, headers, body: () => stream(Buffer.from('{"a":1}')) }],
  ])('may bring a mock with %s', async (_what, response) => {
    const { body } = response as { body?: unknown };
    const made = () => (typeof body === 'function' ? { ...(response as object), body: body() } : response);
    expect(await http(async () => made())(get())).toMatchObject({ status: 200, body: found });
    expect(await http(made)(get())).toMatchObject({ status: 200, body: found });
  });

  it('may bring a refusal without a body', async () => {
    expect(await http(async () => ({ status: 404 }))(get())).toMatchObject({ status: 404, body: undefined });
  });

  it.each<[string, unknown, RegExp]>([
    ['undefined', undefined, /fetch brought undefined, which is not a Response\. The fetch option/],
    ['null', null, /fetch brought null/],
    ['a text', '{"hidden":1}', /fetch brought string/],
    ['only json()', { json: async () => found }, /fetch brought an object without a status/],
    ['its body, parsed', { hidden: 1 }, /fetch brought an object without a status/],
    ['a response without a body', { status: 200 }, /an object without body, text\(\) and json\(\)/],
    [
      'a text that is no function',
      { status: 200, text: 'hidden' },
      /an object without body, text\(\) and json\(\)/,
    ],
    [
      'text() that brings an object',
      { status: 200, text: async () => ({}) },
      /an object whose text\(\) is object/,
    ],
    [
      'headers that are none',
      { status: 200, headers: 'hidden', text: async () => '' },
      /whose headers cannot be read/,
    ],
    ['json() that brings nothing', { status: 200, json: async () => undefined }, /is not JSON/],
    [
      'a body that was read',
      { status: 200, headers, bodyUsed: true, text: async () => '{}' },
      /read already/,
    ],
  ])('that brings %s is told so', async (_what, response, message) => {
    for (const fetch of [async () => response, () => response]) {
      const error = await failure(http(fetch)(get()));
      expect(error).toMatchObject({ code: 'malformed_response', message: expect.stringMatching(message) });
      expect(error.message).not.toContain('reachable');
      expect(everythingOf(error)).not.toContain('hidden');
    }
  });

  it.each<[string, (response: Response) => unknown]>([
    ['has read', (response) => response.text()],
    ['is reading', (response) => response.body?.getReader()],
  ])('that %s the body itself is told to read a clone', async (_what, read) => {
    const error = await failure(
      http(async () => {
        const response = Response.json(found);
        await read(response);
        return response;
      })(get()),
    );
    expect(error).toMatchObject({
      code: 'malformed_response',
      message: expect.stringContaining('response.clone()'),
    });
  });

  it.each([{ status: 503 }, { status: 429, headers: {} }, { ok: true, status: 503, body: { cancel() {} } }])(
    'may be busy without headers or body: %j',
    async (response) => {
      expect(await failure(http(async () => response)(get()))).toBeInstanceOf(PolarTransientError);
    },
  );

  it('that throws at once is told so, without what it quotes', async () => {
    const error = await failure(
      http(() => {
        throw new TypeError('no handler for code=hidden');
      })(get()),
    );
    expect(error).toMatchObject({
      code: 'network_error',
      message: expect.stringContaining('threw at once instead of returning a promise'),
      cause: expect.objectContaining({ name: 'TypeError' }),
    });
    expect(everythingOf(error)).not.toContain('hidden');
  });
});

describe('the size of an answer', () => {
  const limit = 256 * 1024;
  const jsonOf = (bytes: number): string => `"${'a'.repeat(bytes - 2)}"`;

  it('256 KiB are read', async () => {
    server.behave(answersText(jsonOf(limit), 200, { 'content-type': 'application/json' }));
    expect((await patient(get())).body).toHaveLength(limit - 2);
  });

  it('one byte more is response_too_large', async () => {
    server.behave(answersText(jsonOf(limit + 1), 200, { 'content-type': 'application/json' }));
    const error = await failure(patient(get()));
    expect(error).toBeInstanceOf(PolarResponseError);
    expect(error).toMatchObject({ code: 'response_too_large', status: 502 });
  });

  it.each([200, 400])('an endless answer (%i) is given up, and the connection closed', async (status) => {
    const behaviour = endless(status);
    server.behave(behaviour);
    expect(await failure(patient(get()))).toMatchObject({ code: 'response_too_large' });
    await behaviour.closed;
    // What the kernel buffered beside what we read, at most.
    expect(behaviour.sent()).toBeLessThan(64 * 1024 * 1024);
  });

  it('counts bytes, not characters', async () => {
    server.behave(answersText(`"${'ü'.repeat(limit / 2)}"`, 200, { 'content-type': 'application/json' }));
    expect(await failure(patient(get()))).toMatchObject({ code: 'response_too_large' });
  });

  it('puts characters together that chunks have cut', async () => {
    const bytes = Buffer.from('"ü"');
    server.behave((res) => {
      res.writeHead(200, { 'content-type': 'application/json' });
      res.write(bytes.subarray(0, 2), () => setTimeout(() => res.end(bytes.subarray(2)), 20));
    });
    expect((await patient(get())).body).toBe('ü');
  });

  it('does not let a huge error page pass for anything but a busy server', async () => {
    server.behave(answersText('<p>'.repeat(limit), 502, { 'content-type': 'text/html' }));
    expect(await failure(patient(get()))).toMatchObject({ code: 'server_error' });
  });
});

describe('a busy server', () => {
  it('429 with an empty body is rate_limited, with the seconds to wait', async () => {
    server.behave(answersText('', 429, { 'retry-after': '60' }));
    const error = await failure(patient(get()));
    expect(error).toBeInstanceOf(PolarTransientError);
    expect(error).toMatchObject({ code: 'rate_limited', status: 503, retryAfterSeconds: 60 });
    expect(error.message).toContain('60 s');
  });

  it('429 says nothing of a wait that it was not told', async () => {
    server.behave(answersText('', 429), answersText('', 429, { 'retry-after': 'soon' }));
    for (let time = 0; time < 2; time++) {
      const error = (await failure(patient(get()))) as PolarTransientError;
      expect(error.code).toBe('rate_limited');
      expect(error.retryAfterSeconds).toBeUndefined();
      expect(error.message).not.toMatch(/ s\./);
    }
  });

  it.each([500, 502, 503, 504, 599])('%i is server_error', async (status) => {
    server.behave(answersText('<p>polar_at_u_hidden</p>', status, { 'retry-after': '7' }));
    const error = await failure(patient(get()));
    expect(error).toBeInstanceOf(PolarTransientError);
    expect(error).toMatchObject({ code: 'server_error', status: 503, retryAfterSeconds: 7 });
    expect(everythingOf(error)).not.toContain('hidden');
  });

  it('500 with JSON that looks like success is server_error', async () => {
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
  ])('%p is %p seconds', (header, seconds) => {
    expect(parseRetryAfter(header)).toBe(seconds);
  });

  it('rounds a part of a second up', () => {
    jest.spyOn(Date, 'now').mockReturnValue(now + 1);
    expect(parseRetryAfter('Sat, 22 Aug 2026 10:01:00 GMT')).toBe(60);
  });
});

describe('time', () => {
  it.each([
    ['never answers', neverAnswers],
    ['stops in the middle of the body', stopsInTheMiddle],
    ['drips a body without an end', drips(5)],
    ['drips an error without an end', (res, req) => drips(5)(Object.assign(res, { statusCode: 500 }), req)],
  ] as [string, typeof neverAnswers][])('a server that %s is a timeout', async (_what, behaviour) => {
    server.behave(behaviour);
    const error = await failure(hasty(get()));
    expect(error).toBeInstanceOf(PolarTransientError);
    expect(error).toMatchObject({ code: 'timeout', status: 503 });
    expect(error.message).toContain(`GET ${server.url}/path took longer than 60 ms`);
  });

  it('a call may have its own limit', async () => {
    server.behave(neverAnswers);
    expect((await failure(patient(get({ timeoutMs: 40 })))).message).toContain('took longer than 40 ms');
    server.behave(answersJSON({}));
    expect((await hasty(get({ timeoutMs: 10_000 }))).status).toBe(200);
  });

  it('the connection is closed, so that a slow server is not left with it', async () => {
    const closed = new Promise<void>((resolve) => server.behave((res) => void res.on('close', resolve)));
    await failure(hasty(get()));
    await closed;
  });

  it('a fetch that ignores its signal is left behind', async () => {
    const http = createHttp({ fetch: () => new Promise(() => {}), timeoutMs: 20 });
    expect(await failure(http(get()))).toMatchObject({ code: 'timeout' });
  });

  it('a body that ignores the signal is left behind', async () => {
    const body = new ReadableStream<Uint8Array>({
      start: (controller) => controller.enqueue(Buffer.from('{')),
    });
    const http = createHttp({
      fetch: async () => new Response(body, { headers: { 'content-type': 'application/json' } }),
      timeoutMs: 20,
    });
    expect(await failure(http(get()))).toMatchObject({ code: 'timeout' });
  });

  it('a fetch that fails after the deadline brings nothing down', async () => {
    let fail = (_error: Error): void => {};
    const late = new Promise<Response>((_resolve, reject) => {
      fail = reject;
    });
    await failure(createHttp({ fetch: () => late, timeoutMs: 10 })(get()));
    const unhandled: unknown[] = [];
    const note = (error: unknown): number => unhandled.push(error);
    process.on('unhandledRejection', note);
    fail(new Error('late'));
    await new Promise((resolve) => setTimeout(resolve, 20));
    process.off('unhandledRejection', note);
    expect(unhandled).toEqual([]);
  });

  it('no timer is left, whatever happened', async () => {
    const timers = (): number => process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout').length;
    const http = createHttp({
      fetch: async (url) => {
        if (url === 'fail') throw new Error('no');
        return new Response('{}', { headers: { 'content-type': 'application/json' } });
      },
      timeoutMs: 1_000_000,
    });
    const before = timers();
    await http({ method: 'GET', url: 'https://polar.example/' });
    await failure(http({ method: 'GET', url: 'fail' }));
    await failure(
      http({
        method: 'GET',
        url: 'https://polar.example/',
        signal: AbortSignal.abort(new PolarTransientError('timeout', 'mine')),
      }),
    );
    expect(timers()).toBe(before);
  });
});

describe('the caller’s signal', () => {
  const reason = new Error('the visitor has left');

  it('given up before the start: its reason is thrown', async () => {
    const fetchSpy = jest.fn(plainFetch);
    const http = createHttp({ fetch: fetchSpy, timeoutMs: 10_000 });
    await expect(http(get({ signal: AbortSignal.abort(reason) }))).rejects.toBe(reason);
    expect(fetchSpy).not.toHaveBeenCalled();
  });

  it.each([
    ['before the headers', neverAnswers],
    ['during the body', stopsInTheMiddle],
  ])('given up %s: its reason is thrown', async (_when, behaviour) => {
    const controller = new AbortController();
    server.behave((res, request) => {
      behaviour(res, request);
      setTimeout(() => controller.abort(reason), 20);
    });
    await expect(patient(get({ signal: controller.signal }))).rejects.toBe(reason);
  });

  it('any reason is handed on as it stands', async () => {
    await expect(patient(get({ signal: AbortSignal.abort('a string') }))).rejects.toBe('a string');
    await expect(patient(get({ signal: AbortSignal.abort() }))).rejects.toMatchObject({ name: 'AbortError' });
  });

  it('is told to a fetch that ignores its signal as well', async () => {
    const controller = new AbortController();
    const http = createHttp({ fetch: () => new Promise(() => {}), timeoutMs: 10_000 });
    const asked = http(get({ signal: controller.signal }));
    controller.abort(reason);
    await expect(asked).rejects.toBe(reason);
  });

  it('that was not given up does not hide a time-out', async () => {
    server.behave(neverAnswers);
    const { signal } = new AbortController();
    expect(await failure(hasty(get({ signal })))).toMatchObject({ code: 'timeout' });
  });

  it('keeps no listener, whatever happened', async () => {
    const controller = new AbortController();
    const counts = countListeners(controller.signal);
    server.behave(
      answersJSON({}),
      answersText('', 500),
      resets,
      redirects('/x'),
      answersJSON({}, 400),
      neverAnswers,
    );
    for (let time = 0; time < 6; time++) {
      await createHttp({ fetch: plainFetch, timeoutMs: time === 5 ? 30 : 10_000 })(
        get({ signal: controller.signal }),
      ).catch(() => {});
    }
    expect(counts.added).toBe(6);
    expect(counts.present()).toBe(0);
  });
});

describe('the network', () => {
  it('nobody listening is network_error, with the cause', async () => {
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
  ])('a connection that breaks %s the answer is network_error', async (_when, behaviour) => {
    server.behave(behaviour);
    expect(await failure(patient(get()))).toMatchObject({ code: 'network_error', status: 503 });
  });

  it('a server that does not speak HTTP is network_error', async () => {
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

  it('a fetch that throws at once is network_error', async () => {
    const broken = (() => {
      throw new Error('no');
    }) as Fetch;
    expect(await failure(createHttp({ fetch: broken, timeoutMs: 10_000 })(get()))).toMatchObject({
      code: 'network_error',
    });
  });

  it('an error of ours from an injected fetch is handed on as it is', async () => {
    const mine = new PolarTransientError('rate_limited', 'slow down');
    const http = createHttp({ fetch: () => Promise.reject(mine), timeoutMs: 10_000 });
    await expect(http(get())).rejects.toBe(mine);
  });

  it('the message of a fetch that quotes what was sent is left out, and so is a code that does', async () => {
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

  it('the message of the system is kept', async () => {
    const cause = Object.assign(new Error('getaddrinfo ENOTFOUND api.example'), { code: 'ENOTFOUND' });
    const http = createHttp({ fetch: () => Promise.reject(cause), timeoutMs: 10_000 });
    expect((await failure(http(get()))).cause).toMatchObject({
      message: 'getaddrinfo ENOTFOUND api.example',
      code: 'ENOTFOUND',
    });
  });

  it('a token that is no header value does not come out in the cause', async () => {
    const headers = { authorization: 'Bearer polar_at_u_hidden\n' };
    const error = await failure(patient(get({ headers: { ...headers, 'x-bad': 'hidden\u0000' } })));
    expect(everythingOf(error)).not.toContain('hidden');
  });
});

describe('messages', () => {
  it.each<[string, Parameters<MisbehavingServer['behave']>[0]]>([
    ['a redirect', redirects('/elsewhere')],
    ['HTML', answersText('<p>')],
    ['429', answersText('', 429)],
    ['500', answersText('', 500)],
    ['a reset', resets],
    ['a time-out', neverAnswers],
    ['too much', endless()],
  ])('name the address without its query and fragment: %s', async (_what, behaviour) => {
    server.behave(behaviour);
    const timeoutMs = behaviour === neverAnswers ? 40 : 10_000;
    const error = await failure(
      patient({ method: 'GET', url: `${server.url}/path?token=hidden#hidden`, timeoutMs }),
    );
    expect(error.message).toContain(`${server.url}/path `);
    expect(everythingOf(error)).not.toContain('hidden');
  });
});

describe('a deadline', () => {
  it('aborts its signal with the reason of the outer one', () => {
    const outer = new AbortController();
    const deadline = startDeadline(10_000, outer.signal);
    expect(deadline.signal.aborted).toBe(false);
    outer.abort('why');
    expect(deadline.signal.reason).toBe('why');
    deadline.stop();
  });

  it('is not moved by an outer signal after it was stopped', () => {
    const outer = new AbortController();
    const deadline = startDeadline(10_000, outer.signal);
    deadline.stop();
    outer.abort();
    expect(deadline.signal.aborted).toBe(false);
  });

  it('leaves no listener of a race that is over', async () => {
    const deadline = startDeadline(10_000);
    const counts = countListeners(deadline.signal);
    await deadline.race(Promise.resolve());
    await deadline.race(Promise.reject(new Error('no'))).catch(() => {});
    await new Promise(setImmediate);
    expect(counts.added).toBe(2);
    expect(counts.present()).toBe(0);
    deadline.stop();
  });
});

/** Counts who listens to a signal, by watching what is added and removed. */
function countListeners(signal: AbortSignal): { added: number; present: () => number } {
  const present = new Set<unknown>();
  const counts = { added: 0, present: () => present.size };
  const add = signal.addEventListener.bind(signal);
  const remove = signal.removeEventListener.bind(signal);
  Object.assign(signal, {
    addEventListener: (type: 'abort', listener: () => void, options?: object) => {
      counts.added++;
      present.add(listener);
      add(type, listener, options);
    },
    removeEventListener: (type: 'abort', listener: () => void) => {
      present.delete(listener);
      remove(type, listener);
    },
  });
  return counts;
}

async function freePort(): Promise<number> {
  const probe = createServer();
  await new Promise<void>((resolve) => probe.listen(0, '127.0.0.1', resolve));
  const { port } = probe.address() as AddressInfo;
  await new Promise((resolve) => probe.close(resolve));
  return port;
}
