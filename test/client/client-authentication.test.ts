import { describe, expect, it } from '@jest/globals';
import { authenticate, type ClientCredentials } from '../../src/client/client-authentication.js';

const client = (more: Partial<ClientCredentials>): ClientCredentials => ({
  clientID: 'polar_ci_1',
  clientSecret: 'polar_cs_1',
  method: 'client_secret_post',
  ...more,
});

const form = { grant_type: 'refresh_token' };

describe('the authentication of a client', () => {
  it('sends id and secret in the form with client_secret_post', () => {
    expect(authenticate(client({}), form)).toEqual({
      form: { grant_type: 'refresh_token', client_id: 'polar_ci_1', client_secret: 'polar_cs_1' },
      headers: {},
    });
  });

  it('sends id and secret in the header with client_secret_basic', () => {
    const sent = authenticate(client({ method: 'client_secret_basic' }), form);
    expect(sent).toEqual({
      form,
      headers: { authorization: `Basic ${Buffer.from('polar_ci_1:polar_cs_1').toString('base64')}` },
    });
  });

  it('sends only the id of a public client', () => {
    expect(authenticate(client({ method: 'none', clientSecret: undefined }), form)).toEqual({
      form: { grant_type: 'refresh_token', client_id: 'polar_ci_1' },
      headers: {},
    });
  });

  it('sends no secret with the method none, even if there is one', () => {
    expect(JSON.stringify(authenticate(client({ method: 'none' }), form))).not.toMatch(
      /client_secret|polar_cs/,
    );
  });

  it('lets no field of the form replace the client', () => {
    const sent = authenticate(client({}), { client_id: 'other', client_secret: 'other' });
    expect(sent.form).toEqual({ client_id: 'polar_ci_1', client_secret: 'polar_cs_1' });
    const others = { client_id: 'other', client_secret: 'other' };
    expect(authenticate(client({ method: 'client_secret_basic' }), others).form).toEqual({});
    const nameless = client({ method: 'none', clientSecret: undefined });
    expect(authenticate(nameless, others).form).toEqual({ client_id: 'polar_ci_1' });
  });

  it('does not change the form that it is given', () => {
    authenticate(client({}), Object.freeze({ ...form }));
  });
});

describe('client_secret_basic (RFC 6749 section 2.3.1)', () => {
  it.each([
    ['plain', 'plain'],
    [':', '%3A'],
    ['&', '%26'],
    ['%', '%25'],
    ['+', '%2B'],
    ['=', '%3D'],
    [' ', '+'],
    ['ü', '%C3%BC'],
    ['€', '%E2%82%AC'],
    ['😀', '%F0%9F%98%80'],
    ['/?#"\'', '%2F%3F%23%22%27'],
    ['a:b&c%d+e=f g', 'a%3Ab%26c%25d%2Be%3Df+g'],
  ])('form-encodes %s as %s first', (value, encoded) => {
    const basicOf = (more: Partial<ClientCredentials>): string => {
      const { authorization } = authenticate(client({ method: 'client_secret_basic', ...more }), {})
        .headers as { authorization: string };
      expect(authorization).toMatch(/^Basic [A-Za-z0-9+/]+=*$/);
      return Buffer.from(authorization.slice('Basic '.length), 'base64').toString();
    };
    expect(basicOf({ clientID: value })).toBe(`${encoded}:polar_cs_1`);
    expect(basicOf({ clientSecret: value })).toBe(`polar_ci_1:${encoded}`);
    // Servers (Authlib among them) split it at the first colon, then decode each half.
    const [id = '', secret = ''] = basicOf({ clientID: value, clientSecret: value }).split(':');
    const decode = (text: string): string | null => new URLSearchParams(`x=${text}`).get('x');
    expect([decode(id), decode(secret)]).toEqual([value, value]);
  });
});
