/** Texts on which a regular expression could backtrack for each character. */
import { runInNewContext } from 'node:vm';
import { expect, it } from '@jest/globals';
import { normalizeRedirectURI } from '../../src/emulator/clients/redirect-uri';
import { isWebAddress } from '../../src/emulator/clients/web-address';
import { createState } from '../../src/emulator/create-state';
import { uuidProblem } from '../../src/emulator/endpoints/uuid-problem';
import { percentDecode } from '../../src/emulator/http/decode-text';
import { parseParameters } from '../../src/emulator/http/header-parameters';
import { type EmulatorRequest, Refusal } from '../../src/emulator/http/message';
import { readForm } from '../../src/emulator/http/read-form';
import { splitScope } from '../../src/emulator/scopes';
import { handle } from '../../src/emulator/server/handle';
import { parseUUID } from '../../src/emulator/uuid';
import { jsonProblem, TooDeep } from '../../src/emulator/validation/json-problem';
import { urlProblem } from '../../src/emulator/validation/url-problem';

const MANY = 1_000_000;

/** Linear work takes milliseconds here; quadratic work would take minutes. */
function withinSeconds<Result>(work: () => Result): Result {
  return runInNewContext('work()', { work }, { timeout: 10_000 }) as Result;
}

const EMPTY: EmulatorRequest = {
  method: 'GET',
  path: '/',
  query: new URLSearchParams(),
  queryString: '',
  headers: {},
  clientAddress: '127.0.0.1',
  body: Buffer.alloc(0),
  form: new URLSearchParams(),
  files: [],
};

it.each([
  ['slashes', '/'.repeat(MANY), 404],
  ['slashes before the end', `/${'/'.repeat(MANY)}x`, 404],
  ['slashes before a slash', `${'/'.repeat(MANY)}x/`, 404],
  ['slashes after a route', `/v1/organizations${'/'.repeat(MANY)}`, 404],
  ['slashes after a page', `/v1/oauth2/userinfo${'/'.repeat(MANY)}`, 307],
  ['one long segment', `/v1/organizations/${'x'.repeat(MANY)}/`, 307],
])('a path of %s is routed in linear time', async (_, path, status) => {
  const answer = await withinSeconds(() => handle({ ...EMPTY, path }, createState({})));
  expect(answer.status).toBe(status);
});

const run = (text: string) => text.repeat(MANY);

it.each([
  ['{', run('{')],
  ['{ before a letter', `${run('{')}x`],
  ['} after a letter', `x${run('}')}`],
  ['{} around a letter', `${run('{')}x${run('}')}x`],
  ['-', run('-')],
  ['urn:', run('urn:')],
  ['digits', run('0')],
  ['percent signs', run('%')],
  ['percent signs and digits', run('%4')],
  ['spaces', run(' ')],
  ['spaces and a letter', `${run(' ')}x`],
  ['dots', run('.')],
  ['digits and dots', run('1.')],
  ['letters after a colon', `a:${run('a')}`],
  ['an address of slashes', `https:${run('/')}`],
  ['an address of digits', `https://${run('1')}x/`],
  ['an address of 0x', `https://${run('.0x1')}g/`],
  ['an address of brackets', `https://${run('[')}`],
  ['an address of @', `https://${run('@')}`],
  ['an address of #', `https://a/${run('#')}`],
  ['quotes', run('"')],
  ['quotes and semicolons', run(';"')],
  ['parameters without an end', run('; a="')],
  ['escaped quotes', run('\\"')],
  ['commas', run(',')],
])('a text of %s is parsed in linear time', (_, text) => {
  const looks = [
    parseUUID,
    uuidProblem,
    percentDecode,
    splitScope,
    parseParameters,
    urlProblem,
    normalizeRedirectURI,
  ];
  for (const look of looks) expect(() => withinSeconds(() => look(text))).not.toThrow();
  for (const look of [isWebAddress, jsonProblem]) withinSeconds(() => ending(() => look(text)));
});

/** A refusal is acceptable too. */
function ending(look: () => unknown): void {
  try {
    look();
  } catch (error) {
    expect([error]).toEqual([expect.any(error instanceof Refusal ? Refusal : TooDeep)]);
  }
}

it.each(['[', '{"a":', '[{"a":[', '[[],'])('JSON of %s is given up before it fills the stack', (text) => {
  expect(() => withinSeconds(() => jsonProblem(run(text)))).toThrow(TooDeep);
});

it.each(['[],', '"\\"', '"a":', '{},', ' '])('JSON of %s is parsed in linear time', (text) => {
  expect(withinSeconds(() => jsonProblem(`[${run(text)}`))).toBeDefined();
});

it.each([
  ['delimiters', run('\r\n--B')],
  ['almost delimiters', run('\r\n--')],
  ['hyphens', run('-')],
  ['line breaks', run('\r\n')],
  ['headers', `--B\r\n${run('a: b\r\n')}`],
  ['a header', `--B\r\n${run('a')}`],
  ['ampersands', run('&')],
  ['equals signs', run('=')],
])('a form of %s is parsed in linear time', (_, text) => {
  for (const type of ['multipart/form-data; boundary=B', 'application/x-www-form-urlencoded']) {
    const body = Buffer.from(`--B\r\ncontent-disposition: form-data; name=a\r\n\r\n${text}`);
    for (const each of [body, Buffer.from(text)]) {
      expect(withinSeconds(() => readForm(type, each)).files).toEqual([]);
    }
  }
});
