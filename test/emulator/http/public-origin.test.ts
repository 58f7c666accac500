import { describe, expect, it } from '@jest/globals';
import { LocalPolar } from '../support/local-polar';

const polar = new LocalPolar();

type Headers = Readonly<Record<string, string>>;

const discovery = async (headers: Headers) =>
  JSON.parse((await polar.bare('/.well-known/openid-configuration', 'GET', headers)).body) as Record<
    string,
    string
  >;

describe('the addresses of Polar’s endpoints', () => {
  it.each([
    [{ host: 'api.example.com' }, 'http://api.example.com'],
    [{ host: 'API.example.com:8443', 'x-forwarded-proto': 'https' }, 'https://API.example.com:8443'],
    [{ host: '[::1]:99', 'x-forwarded-proto': 'ftp' }, 'http://[::1]:99'],
    [{ host: 'x', 'x-forwarded-proto': 'wss', 'x-forwarded-host': 'evil.example' }, 'https://x'],
  ])('follow the request’s %j', async (headers, origin) => {
    const json = await discovery(headers);
    expect(json['token_endpoint']).toBe(`${origin}/v1/oauth2/token`);
    expect(json['jwks_uri']).toBe(`${origin}/.well-known/jwks.json`);
    expect(json['issuer']).toBe('https://polar.sh');
    expect(json['authorization_endpoint']).toBe(`${polar.emulator.url}/oauth2/authorize`);
    const { registrationClientURI, registrationAccessToken } = polar.client;
    const authorization = `Bearer ${registrationAccessToken}`;
    const { body } = await polar.bare(registrationClientURI, 'GET', { ...headers, authorization });
    expect(JSON.parse(body)).toMatchObject({
      registration_client_uri: `${origin}/v1/oauth2/register/${polar.client.clientID}`,
    });
  });

  it.each(['', 'a b', 'evil.example/path?x', 'x@y', 'éxample.com', 'a:b', '[::zz]', '[]', '"'])(
    'do not follow %j, which is not a host',
    async (host) => {
      expect((await discovery({ host }))['token_endpoint']).toBe(`${polar.emulator.url}/v1/oauth2/token`);
    },
  );

  it('crash Polar’s server for an invalid IPv6 address, except in redirects', async () => {
    const headers = { host: '[::1::2]' };
    expect(await polar.bare('/.well-known/openid-configuration', 'GET', headers)).toMatchObject({
      statusCode: 500,
      body: 'Internal Server Error',
    });
    const redirect = await polar.bare('/v1/organizations?a=b', 'GET', headers);
    expect(redirect.headers.location).toBe('http://[::1::2]/v1/organizations/?a=b');
  });

  it('are those of the emulator without a Host header', async () => {
    const response = await polar.raw(
      'GET /.well-known/openid-configuration HTTP/1.1\r\nconnection: close\r\n\r\n',
    );
    expect(response).toContain(`"token_endpoint":"${polar.emulator.url}/v1/oauth2/token"`);
  });
});

it('redirects use the scheme of the proxy', async () => {
  const headers = { host: 'api.example.com', 'x-forwarded-proto': 'https' };
  const redirect = await polar.bare('/v1/organizations?page=1', 'GET', headers);
  expect([redirect.statusCode, redirect.headers.location]).toEqual([
    307,
    'https://api.example.com/v1/organizations/?page=1',
  ]);
});
