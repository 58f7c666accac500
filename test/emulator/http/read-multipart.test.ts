import { describe, expect, it } from '@jest/globals';
import { LocalPolar } from '../support/local-polar';

const polar = new LocalPolar();

const part = (name: string, value: string, more = '') =>
  `--B\r\nContent-Disposition: form-data; name="${name}"${more}\r\n\r\n${value}\r\n`;

/** A refresh request without the named field. */
const fields = (without = '') => {
  const { clientID, clientSecret = '' } = polar.client;
  const all = {
    client_id: clientID,
    client_secret: clientSecret,
    grant_type: 'refresh_token',
    refresh_token: 'x',
  };
  return Object.entries(all)
    .map(([name, value]) => (name === without ? '' : part(name, value)))
    .join('');
};

async function send(body: string, type = 'multipart/form-data; boundary=B', path = 'token'): Promise<string> {
  const headers = { 'content-type': type };
  const bytes = Buffer.from(body, 'latin1');
  const reply = await polar.send(`/v1/oauth2/${path}`, { method: 'POST', body: bytes, headers });
  return `${reply.status} ${reply.json['detail'] ?? reply.json['error'] ?? reply.text}`;
}

const READ = '400 invalid_grant';
const CRASH = '500 Internal Server Error';
const END = '--B--\r\n';

describe('a multipart body', () => {
  it('is read as a form', async () => {
    const { refreshToken } = await polar.login();
    const form = new FormData();
    const { clientID, clientSecret = '' } = polar.client;
    const all = { client_id: clientID, client_secret: clientSecret, grant_type: 'refresh_token' };
    for (const [name, value] of Object.entries(all)) form.set(name, value);
    form.set('refresh_token', refreshToken);
    form.set('other', new Blob(['x'.repeat(2_000_000)]), 'x.txt');
    expect((await polar.send('/v1/oauth2/token', { method: 'POST', body: form })).status).toBe(200);
  });

  it.each([
    ['an epilogue', () => `${fields()}${END}hello`],
    ['leading line breaks', () => `\r\n\r\n${fields()}${END}`],
    ['no line break at the end', () => `${fields()}--B--`],
    [
      'its delimiter in a value',
      () => `${fields('refresh_token')}${part('refresh_token', 'a\r\n--Bx\r\n--B-')}${END}`,
    ],
    [
      'a name without quotes',
      () => `${fields()}--B\r\nContent-Disposition: form-data; name=a\r\n\r\nx\r\n${END}`,
    ],
    [
      'a header in capitals',
      () => `${fields()}--B\r\nCONTENT-DISPOSITION:form-data;NAME="a"\r\n\r\nx\r\n${END}`,
    ],
    ['1000 fields', () => `${fields()}${part('a', 'b').repeat(996)}${END}`],
    [
      '8 headers',
      () => `${fields()}--B\r\n${'a: b\r\n'.repeat(7)}content-disposition: x; name=a\r\n\r\nx\r\n${END}`,
    ],
    ['a field of 1 MiB', () => `${fields()}${part('a', 'x'.repeat(1024 * 1024))}${END}`],
  ])('with %s is read', async (_, body) => {
    expect(await send(body())).toBe(READ);
  });

  it.each([
    ['multipart/form-data; boundary="B"', READ],
    ['MULTIPART/FORM-DATA; boundary=B', '400 unsupported_grant_type'],
    ['multipart/mixed; boundary=B', '400 unsupported_grant_type'],
    ['multipart/form-data', '400 Missing boundary in multipart.'],
    ['multipart/form-data; boundary*=B', '400 Missing boundary in multipart.'],
    ['MULTIPART/FORM-DATA', '400 Missing boundary in multipart.'],
    [`multipart/form-data; boundary=${'B'.repeat(257)}`, CRASH],
    ['multipart/form-data; boundary=', CRASH],
    ['multipart/form-data; boundary=other', CRASH],
    ['multipart/form-data; boundary=A; charset=x; boundary=B', READ],
  ])('of type %s gets %s', async (type, result) => {
    expect(await send(fields() + END, type)).toBe(result);
  });

  it.each(['revoke', 'introspect'])('is parsed by %s before anything else', async (path) => {
    expect(await send('', 'multipart/form-data', path)).toBe('400 Missing boundary in multipart.');
    expect(await send('nonsense', undefined, path)).toBe(CRASH);
  });

  it('is not read when no form is expected', async () => {
    expect(await send('nonsense', undefined, 'userinfo')).toBe('401 Unauthorized');
  });
});

describe('a multipart body that crashes Polar’s server', () => {
  it.each([
    ['something before it', `hello\r\n${END}`],
    ['line breaks alone', '--B\n'],
    ['a strange start', '--B\rx'],
    ['half an end', '--B-x'],
    ['no colon', '--B\r\nheader\r\n\r\nx'],
    ['a space in a header', '--B\r\nbad header: x\r\n\r\nx'],
    ['a header without a name', '--B\r\n: x\r\n\r\nx'],
    ['a broken line', '--B\r\na: b\rc: d\r\n\r\nx'],
    ['broken headers', '--B\r\na: b\r\n\rx'],
    ['9 headers', `--B\r\n${'a: b\r\n'.repeat(9)}\r\nx`],
    ['a long header', `--B\r\na: ${'b'.repeat(4222)}\r\n\r\nx`],
    ['an endless header', `--B\r\n${'b'.repeat(4225)}`],
  ])('has %s', async (_, body) => {
    expect(await send(body)).toBe(CRASH);
  });

  it.each(['client_secret', 'refresh_token', 'client_id'])('has a file for %s', async (name) => {
    expect(await send(fields(name) + part(name, 'x', '; filename="f"') + END)).toBe(CRASH);
  });

  it.each(['Ã©', 'é'])('has %s in a token', async (token) => {
    expect(await send(fields('refresh_token') + part('refresh_token', token) + END)).toBe(CRASH);
  });
});

describe('a multipart body that Polar refuses', () => {
  const NAMELESS = '400 The Content-Disposition header field "name" must be provided.';
  it.each([
    ['a part without a name', `--B\r\ncontent-disposition: form-data\r\n\r\nx\r\n${END}`, NAMELESS],
    ['a part without headers', `--B\r\n\r\nx\r\n${END}`, NAMELESS],
    [
      '1001 fields',
      `${part('a', 'b').repeat(1001)}${END}`,
      '400 Too many fields. Maximum number of fields is 1000.',
    ],
    [
      '1001 files',
      `${part('a', 'b', '; filename=f').repeat(1001)}${END}`,
      '400 Too many files. Maximum number of files is 1000.',
    ],
    [
      'a long field',
      part('a', 'x'.repeat(1024 * 1024 + 1)) + END,
      '400 Part exceeded maximum size of 1024KB.',
    ],
  ])('has %s', async (_, body, result) => {
    expect(await send(body)).toBe(result);
  });
});

it.each(['', '\r\n', '--B', '--B\r', '--B-', '--B\r\n', '--B\r\na', '--B\r\na: b', '--B\r\na: b\r\n', END])(
  'a multipart body that ends with %j has no fields',
  async (body) => {
    expect(await send(body)).toBe('400 unsupported_grant_type');
  },
);

describe('a URL-encoded body', () => {
  const form = (body: string, type = 'application/x-www-form-urlencoded') => send(body, type);
  const refresh = () =>
    new URLSearchParams({
      client_id: polar.client.clientID,
      client_secret: polar.client.clientSecret ?? '',
      grant_type: 'refresh_token',
      refresh_token: 'x',
    }).toString();

  it('has at most 1000 fields, of 1 MiB', async () => {
    expect(await form('&a=b'.repeat(996) + '&&'.repeat(1000) + refresh())).toBe(READ);
    const many = '400 Too many fields. Maximum number of fields is 1000.';
    expect(await form(`${'a&'.repeat(997)}${refresh()}`)).toBe(many);
    expect(await form(`${refresh()}&a=${'x'.repeat(1024 * 1024 - 1)}`)).toBe(READ);
    const long = '400 Field exceeded maximum size of 1024KB.';
    expect(await form(`${refresh()}&a=${'x'.repeat(1024 * 1024)}`)).toBe(long);
  });

  it('keeps a leading question mark', async () => {
    expect(await form(`?grant_type=x&${refresh()}`)).toBe(READ);
    expect((await polar.send(`/v1/oauth2/token??grant_type=refresh_token`, { method: 'POST' })).json).toEqual(
      {
        error: 'unsupported_grant_type',
      },
    );
  });

  it('may have a content type in capitals, but then without parameters', async () => {
    expect(await form(refresh(), 'APPLICATION/X-WWW-FORM-URLENCODED')).toBe(READ);
    expect(await form(refresh(), 'application/x-www-form-urlencoded; charset=utf-8')).toBe(READ);
    const type = 'Application/x-www-form-urlencoded; charset=utf-8';
    expect(await form(refresh(), type)).toBe('400 unsupported_grant_type');
  });
});
