import { sign } from 'node:crypto';
import { inspect } from 'node:util';
import { describe, expect, it } from '@jest/globals';
import { signIdToken } from '../../support/sign-id-token.js';
import { accessToken, attackerKey, goodToken, KeyServer, key, payload } from './key-server.js';

const polar = new KeyServer();

/** Another text with the same bytes: 256 bytes leave four bits of the last character unused. */
function sameBytesOf(token: string): string {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
  const other = token.slice(0, -1) + alphabet[alphabet.indexOf(token.slice(-1)) + 1];
  const bytesOf = (text: string) => Buffer.from(text.split('.')[2] ?? '', 'base64url').toString('hex');
  if (bytesOf(token) !== bytesOf(other)) throw new Error('The texts have different bytes');
  return other;
}

describe('verifyIdToken, for a malformed id_token,', () => {
  const part = (text: string): string => Buffer.from(text).toString('base64url');
  const [head = '', body = '', signature = ''] = signIdToken(key, { payload }).split('.');
  const shapes: [string, unknown][] = [
    ['empty', ''],
    ['a word', 'hidden'],
    ['dots', '..'],
    ['an opaque token', 'polar_at_u_hidden'],
    ['without payload and signature', head],
    ['with no header', `.${body}.${signature}`],
    ['with a header that is not base64url', `!hidden!.${body}.${signature}`],
    ['with a header that is not JSON', `${part('hidden')}.${body}.${signature}`],
    ['with a header that is a list', `${part('["hidden"]')}.${body}.${signature}`],
    ['with a header that is null', `${part('null')}.${body}.${signature}`],
    ['with a header that is text', `${part('"hidden"')}.${body}.${signature}`],
    ['with two parts', `${head}.${body}`],
    ['with four parts', `${head}.${body}.${signature}.hidden`],
    ['with five parts, as JWE', `${head}.${body}.${signature}.hidden.hidden`],
    ['with a signature that is not base64url', `${head}.${body}.!hidden!`],
    [
      'with critical headers that are unknown',
      signIdToken(key, { header: { alg: 'RS256', crit: ['hidden'], hidden: 1 }, payload }),
    ],
    [
      'with an empty list of critical headers',
      signIdToken(key, { header: { alg: 'RS256', crit: [] }, payload }),
    ],
    ['with a payload that is not JSON', signIdToken(key, { payload: 'hidden' })],
    ['with an empty payload', signIdToken(key, { payload: '' })],
    ['with a payload that is truncated', signIdToken(key, { payload: '{"sub":"hidden' })],
    ['with a payload that is text', signIdToken(key, { payload: '"hidden"' })],
    ['with a payload that is a list', signIdToken(key, { payload: ['hidden'] })],
    ['with a payload that is null', signIdToken(key, { payload: 'null' })],
    ['with a payload that is a number', signIdToken(key, { payload: '7' })],
    ['with a payload that is not UTF-8', notUTF8()],
    ['undefined', undefined],
    ['null', null],
    ['a number', 7],
    ['an object', { protected: head, payload: body, signature }],
    ['a list', [head, body, signature]],
    ['bytes', Buffer.from(`${head}.${body}.${signature}`)],
  ];

  function notUTF8(): string {
    const input = `${head}.${Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d]).toString('base64url')}`;
    return `${input}.${sign('RSA-SHA256', Buffer.from(input), key.privateKey).toString('base64url')}`;
  }

  it.each(shapes)('throws id_token_malformed and shows nothing of it (%s)', async (_what, token) => {
    const error = await polar.refusal(token as string);
    expect(error.code).toBe('id_token_malformed');
    const shown = inspect(error, { depth: 9, showHidden: true }) + error.stack;
    for (const secret of ['hidden', head, body, signature]) expect(shown).not.toContain(secret);
  });

  // RFC 7515 section 5.2: no line breaks, whitespace or other additional characters.
  it.each([
    ['with blanks around it', ` ${head}.${body}.${signature} `],
    ['with a trailing line end', `${head}.${body}.${signature}\n`],
    ['with a blank in the signature', `${head}.${body}.${signature.slice(0, 9)} ${signature.slice(9)}`],
    ['with padding', `${head}.${body}.${signature}==`],
    ['with another last character for the same bytes', sameBytesOf(goodToken())],
  ])('throws id_token_malformed (%s)', async (_what, token) => {
    expect((await polar.refusal(token)).code).toBe('id_token_malformed');
  });

  it('refuses a megabyte of text', async () => {
    expect((await polar.refusal('a'.repeat(1_000_000))).code).toBe('id_token_malformed');
    expect((await polar.refusal(`${head}.${'a'.repeat(1_000_000)}.${signature}`)).code).toBe(
      'id_token_signature',
    );
  });

  it('refuses ten megabytes in one part like any other token', async () => {
    const [head = '', body = '', signature = ''] = goodToken().split('.');
    const huge = 'A'.repeat(10_000_000);
    for (const parts of [
      [huge, body, signature],
      [head, huge, signature],
      [head, body, huge],
    ])
      expect((await polar.refusal(parts.join('.'))).code).toMatch(/^id_token_(malformed|signature)$/);
  });
});

describe('an error of verifyIdToken', () => {
  it('shows nothing of the token, whatever was wrong', async () => {
    const tokens = [
      signIdToken(attackerKey, { payload }),
      signIdToken(key, { header: { alg: 'none' }, payload }),
      ...Object.keys(payload)
        .filter((name) => name !== 'email' && name !== 'sub')
        .map((name) => signIdToken(key, { payload: { ...payload, [name]: 'hidden' } })),
    ];
    for (const token of tokens) {
      const error = await polar.refusal(token);
      const shown = inspect(error, { depth: 9, showHidden: true }) + JSON.stringify(error);
      for (const secret of ['hidden', accessToken, ...token.split('.')]) expect(shown).not.toContain(secret);
      expect(error.cause).toBeUndefined();
    }
  });
});
