import { describe, expect, it } from '@jest/globals';
import { PolarResponseError, PolarTransientError } from '../../src/errors.js';
import { createHttp } from '../../src/http/http.js';
import { answersText, endless } from '../support/misbehaving-server.js';
import { everythingOf, failure, patient, ServerPerTest } from './support/server-per-test.js';

const server = new ServerPerTest();
const get = server.get.bind(server);

describe('a custom fetch', () => {
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
    ['a json() that returns no promise', { ok: true, json: () => found }],
    ['headers and json()', { status: 200, headers, json: async () => found }],
    [
      'headers in a plain object',
      { status: 200, headers: { 'Content-Type': 'application/json' }, text: () => '{"a":1}' },
    ],
    ['no headers', { status: 200, text: async () => '{"a":1}' }],
    ['text that is not a function, and json()', { status: 200, text: '{"a":1}', json: async () => found }],
    ['a string as its body', { status: 200, headers, body: '{"a":1}' }],
    ['a body that is an object, and json()', { status: 200, headers, body: {}, json: async () => found }],
    ['a body stream of strings', { status: 200, headers, body: () => stream('{"a":1}') }],
    ['a body stream of bytes', { status: 200, headers, body: () => stream(Buffer.from('{"a":1}')) }],
  ])('may resolve with a mock that has %s', async (_what, response) => {
    const { body } = response as { body?: unknown };
    const made = () => (typeof body === 'function' ? { ...(response as object), body: body() } : response);
    expect(await http(async () => made())(get())).toMatchObject({ status: 200, body: found });
    expect(await http(made)(get())).toMatchObject({ status: 200, body: found });
  });

  it('may resolve with a refusal that has no body', async () => {
    expect(await http(async () => ({ status: 404 }))(get())).toMatchObject({ status: 404, body: undefined });
  });

  it.each<[string, unknown, RegExp]>([
    ['undefined', undefined, /fetch resolved with undefined instead of a Response\. Check the fetch option/],
    ['null', null, /fetch resolved with null/],
    ['a string', '{"hidden":1}', /fetch resolved with string/],
    ['json() alone', { json: async () => found }, /fetch resolved with an object without a status/],
    ['a parsed body', { hidden: 1 }, /fetch resolved with an object without a status/],
    ['a response without a body', { status: 200 }, /an object without body, text\(\) or json\(\)/],
    [
      'a text property that is not a function',
      { status: 200, text: 'hidden' },
      /an object without body, text\(\) or json\(\)/,
    ],
    [
      'a text() that resolves with an object',
      { status: 200, text: async () => ({}) },
      /an object whose text\(\) returns object/,
    ],
    [
      'a string as its headers',
      { status: 200, headers: 'hidden', text: async () => '' },
      /with unreadable headers/,
    ],
    ['a json() that resolves with undefined', { status: 200, json: async () => undefined }, /is not JSON/],
    [
      'a body that was already read',
      { status: 200, headers, bodyUsed: true, text: async () => '{}' },
      /already read/,
    ],
  ])('that resolves with %s gets an error that says so', async (_what, response, message) => {
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
  ])('that %s the body itself gets an error that suggests a clone', async (_what, read) => {
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
    'may report a busy server without headers or body: %j',
    async (response) => {
      expect(await failure(http(async () => response)(get()))).toBeInstanceOf(PolarTransientError);
    },
  );

  it('that throws synchronously gets an error that says so, without what it quotes', async () => {
    const error = await failure(
      http(() => {
        throw new TypeError('no handler for code=hidden');
      })(get()),
    );
    expect(error).toMatchObject({
      code: 'network_error',
      message: expect.stringContaining('threw instead of returning a promise'),
      cause: expect.objectContaining({ name: 'TypeError' }),
    });
    expect(everythingOf(error)).not.toContain('hidden');
  });
});

describe('the body of a response', () => {
  const limit = 256 * 1024;
  const jsonOf = (bytes: number): string => `"${'a'.repeat(bytes - 2)}"`;

  it('is read up to 256 KiB', async () => {
    server.behave(answersText(jsonOf(limit), 200, { 'content-type': 'application/json' }));
    expect((await patient(get())).body).toHaveLength(limit - 2);
  });

  it('is refused as response_too_large from one byte more than 256 KiB', async () => {
    server.behave(answersText(jsonOf(limit + 1), 200, { 'content-type': 'application/json' }));
    const error = await failure(patient(get()));
    expect(error).toBeInstanceOf(PolarResponseError);
    expect(error).toMatchObject({ code: 'response_too_large', status: 502 });
  });

  it.each([200, 400])(
    'is given up when it is endless (status %i), and the connection is closed',
    async (status) => {
      const behaviour = endless(status);
      server.behave(behaviour);
      expect(await failure(patient(get()))).toMatchObject({ code: 'response_too_large' });
      await behaviour.closed;
      // At most what the kernel buffered in addition to what we read.
      expect(behaviour.sent()).toBeLessThan(64 * 1024 * 1024);
    },
  );

  it('is measured in bytes, not characters', async () => {
    server.behave(answersText(`"${'ü'.repeat(limit / 2)}"`, 200, { 'content-type': 'application/json' }));
    expect(await failure(patient(get()))).toMatchObject({ code: 'response_too_large' });
  });

  it('may have characters that are split between chunks', async () => {
    const bytes = Buffer.from('"ü"');
    server.behave((res) => {
      res.writeHead(200, { 'content-type': 'application/json' });
      res.write(bytes.subarray(0, 2), () => setTimeout(() => res.end(bytes.subarray(2)), 20));
    });
    expect((await patient(get())).body).toBe('ü');
  });

  it('is reported as server_error when it is a huge error page', async () => {
    server.behave(answersText('<p>'.repeat(limit), 502, { 'content-type': 'text/html' }));
    expect(await failure(patient(get()))).toMatchObject({ code: 'server_error' });
  });
});
