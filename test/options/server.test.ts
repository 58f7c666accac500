import { describe, expect, it } from '@jest/globals';
import { PolarConfigurationError } from '../../src/errors.js';
import { secureURL } from '../../src/options/secure-url.js';
import { type PolarServer, polarAt, resolveServer } from '../../src/options/server.js';

describe('the server option', () => {
  it('defaults to production', () => {
    const production = {
      apiURL: 'https://api.polar.sh',
      endpoints: {
        issuer: 'https://polar.sh',
        authorizationEndpoint: 'https://polar.sh/oauth2/authorize',
        tokenEndpoint: 'https://api.polar.sh/v1/oauth2/token',
        jwksURI: 'https://api.polar.sh/.well-known/jwks.json',
        userinfoEndpoint: 'https://api.polar.sh/v1/oauth2/userinfo',
        revocationEndpoint: 'https://api.polar.sh/v1/oauth2/revoke',
        introspectionEndpoint: 'https://api.polar.sh/v1/oauth2/introspect',
        registrationEndpoint: 'https://api.polar.sh/v1/oauth2/register',
      },
    };
    expect(resolveServer('production')).toEqual(production);
    expect(resolveServer()).toEqual(production);
    expect(resolveServer(undefined)).toEqual(production);
  });

  it('resolves sandbox with the issuer of production', () => {
    expect(resolveServer('sandbox')).toEqual({
      apiURL: 'https://sandbox-api.polar.sh',
      endpoints: {
        issuer: 'https://polar.sh',
        authorizationEndpoint: 'https://sandbox.polar.sh/oauth2/authorize',
        tokenEndpoint: 'https://sandbox-api.polar.sh/v1/oauth2/token',
        jwksURI: 'https://sandbox-api.polar.sh/.well-known/jwks.json',
        userinfoEndpoint: 'https://sandbox-api.polar.sh/v1/oauth2/userinfo',
        revocationEndpoint: 'https://sandbox-api.polar.sh/v1/oauth2/revoke',
        introspectionEndpoint: 'https://sandbox-api.polar.sh/v1/oauth2/introspect',
        registrationEndpoint: 'https://sandbox-api.polar.sh/v1/oauth2/register',
      },
    });
  });
});

describe('a server given as an address', () => {
  it.each(['http://127.0.0.1:4100', 'http://localhost:4100/', 'https://polar.example/base'])(
    'has its web pages and its API at %s',
    (address) => {
      expect(resolveServer(address)).toEqual(resolveServer({ webURL: address, apiURL: address }));
    },
  );

  it.each([
    ['https://polar.sh', 'production'],
    ['https://api.polar.sh/', 'production'],
    ['https://api.polar.sh/v1', 'production'],
    ['https://Polar.sh/oauth2/authorize', 'production'],
    ['https://sandbox.polar.sh', 'sandbox'],
    ['https://Sandbox-API.polar.sh', 'sandbox'],
  ])('is one of Polar’s own, with all of its addresses: %s', (address, name) => {
    expect(resolveServer(address)).toEqual(resolveServer(name));
  });

  it.each([
    ['', "^server must be 'production', 'sandbox', an address or an object, not ''$"],
    ['Sandbox', "an address or an object, not 'Sandbox'$"],
    ['toString', "an address or an object, not 'toString'$"],
    ['localhost:4100', "an address or an object, not 'localhost:4100'$"],
    ['http://polar:4100', 'server must use https .* give server as .*allowInsecureHTTP: true }$'],
    ['https://me:secret@polar.example', '^server must not contain a user name or password'],
    ['https://polar.example/?a=b', '^server must not have a query'],
  ])('is refused if nothing can be sent to it: %j', (address, message) => {
    expect(() => resolveServer(address)).toThrow(new RegExp(message));
    expect(() => resolveServer(address)).not.toThrow(/me:secret/);
  });
});

describe('a custom server', () => {
  const addresses = { webURL: 'https://web.example', apiURL: 'https://api.example' };

  it('has its web pages and its API at their own addresses', () => {
    expect(resolveServer(addresses)).toEqual({
      apiURL: 'https://api.example',
      endpoints: {
        issuer: 'https://polar.sh',
        authorizationEndpoint: 'https://web.example/oauth2/authorize',
        tokenEndpoint: 'https://api.example/v1/oauth2/token',
        jwksURI: 'https://api.example/.well-known/jwks.json',
        userinfoEndpoint: 'https://api.example/v1/oauth2/userinfo',
        revocationEndpoint: 'https://api.example/v1/oauth2/revoke',
        introspectionEndpoint: 'https://api.example/v1/oauth2/introspect',
        registrationEndpoint: 'https://api.example/v1/oauth2/register',
      },
    });
  });

  it.each([
    ['https://api.example/', 'https://api.example'],
    ['https://API.example', 'https://api.example'],
    ['https://api.example:443', 'https://api.example'],
    ['https://api.example:8443', 'https://api.example:8443'],
    ['https://host.example/polar/api', 'https://host.example/polar/api'],
    ['https://host.example/polar/api/', 'https://host.example/polar/api'],
  ])('can have the API address %s', (apiURL, resolved) => {
    const server = resolveServer({ ...addresses, apiURL });
    expect(server.apiURL).toBe(resolved);
    expect(server.endpoints?.tokenEndpoint).toBe(`${resolved}/v1/oauth2/token`);
  });

  it.each(['https://issuer.example', 'https://issuer.example/', 'https://Issuer.example/Path'])(
    'keeps the issuer %s unchanged',
    (issuer) => {
      expect(resolveServer({ ...addresses, issuer }).endpoints?.issuer).toBe(issuer);
    },
  );

  it('has Polar’s issuer when its issuer is undefined', () => {
    expect(resolveServer({ ...addresses, issuer: undefined }).endpoints?.issuer).toBe('https://polar.sh');
  });
});

describe('a discovered server', () => {
  const discoveryURL = 'https://id.example/.well-known/openid-configuration';

  it('derives the issuer from its address and the API from its origin', () => {
    expect(resolveServer({ discoveryURL })).toEqual({
      apiURL: 'https://id.example',
      discovery: {
        url: discoveryURL,
        issuer: 'https://id.example',
        issuerIsPinned: false,
        allowInsecureHTTP: false,
      },
    });
    const tenant = 'https://id.example/tenant/.well-known/openid-configuration';
    expect(resolveServer({ discoveryURL: tenant })).toEqual({
      apiURL: 'https://id.example',
      discovery: {
        url: tenant,
        issuer: 'https://id.example/tenant',
        issuerIsPinned: false,
        allowInsecureHTTP: false,
      },
    });
  });

  it('uses the issuer and the API address that the app gives', () => {
    expect(
      resolveServer({ discoveryURL, issuer: 'https://polar.sh/', apiURL: 'https://api.example/v9/' }),
    ).toEqual({
      apiURL: 'https://api.example/v9',
      discovery: {
        url: discoveryURL,
        issuer: 'https://polar.sh/',
        issuerIsPinned: true,
        allowInsecureHTTP: false,
      },
    });
  });

  it('needs an issuer when its address does not contain it', () => {
    const elsewhere = 'https://id.example/metadata.json';
    expect(() => resolveServer({ discoveryURL: elsewhere })).toThrow(/^server\.issuer is required/);
    expect(resolveServer({ discoveryURL: elsewhere, issuer: 'https://id.example' }).discovery).toEqual({
      url: elsewhere,
      issuer: 'https://id.example',
      issuerIsPinned: true,
      allowInsecureHTTP: false,
    });
  });
});

describe('Polar’s own server', () => {
  it.each<[PolarServer, string]>([
    ['production', 'production'],
    ['sandbox', 'sandbox'],
    [{ webURL: 'https://polar.sh', apiURL: 'https://api.polar.sh' }, 'production'],
    [{ webURL: 'https://sandbox.polar.sh/', apiURL: 'https://Sandbox-API.polar.sh:443/' }, 'sandbox'],
    [{ discoveryURL: 'https://api.polar.sh/.well-known/openid-configuration' }, 'production'],
    [{ discoveryURL: 'https://sandbox-api.polar.sh/.well-known/openid-configuration' }, 'sandbox'],
  ])('is recognized in %j as %s', (server, name) => {
    expect(polarAt(resolveServer(server))).toBe(name);
  });

  it.each<PolarServer>([
    { webURL: 'http://127.0.0.1:4100', apiURL: 'http://127.0.0.1:4100' },
    { webURL: 'https://polar.sh', apiURL: 'https://api.polar.sh.example' },
    { webURL: 'https://polar.sh', apiURL: 'https://proxy.example/api.polar.sh' },
    {
      discoveryURL: 'https://id.example/.well-known/openid-configuration',
      apiURL: 'https://api.polar.sh',
    },
  ])('is not recognized in %j', (server) => {
    expect(polarAt(resolveServer(server))).toBeUndefined();
  });
});

describe('a bad server option', () => {
  const ok = 'https://ok.example';
  const discoveryURL = 'https://ok.example/.well-known/openid-configuration';

  it.each<[string, unknown, RegExp]>([
    ['an unknown name', 'staging', /^server must be 'production', 'sandbox'.*not 'staging'/],
    ['a name in capitals', 'Production', /^server must be/],
    ['an empty name', '', /^server must be/],
    ['the name of a property that every object has', 'toString', /^server must be/],
    ['__proto__', '__proto__', /^server must be/],
    ['null', null, /^server must be/],
    ['a number', 1, /^server must be/],
    ['no addresses', {}, /^server\.webURL must be an absolute URL/],
    ['no apiURL', { webURL: ok }, /^server\.apiURL must be an absolute URL/],
    ['no webURL', { apiURL: ok }, /^server\.webURL must be an absolute URL/],
    ['a relative webURL', { webURL: '/polar', apiURL: ok }, /^server\.webURL must be an absolute URL/],
    [
      'a webURL that is a URL object',
      { webURL: new URL(ok), apiURL: ok },
      /^server\.webURL must be an absolute URL/,
    ],
    ['a webURL with a query', { webURL: `${ok}?a=b`, apiURL: ok }, /^server\.webURL must not have a query/],
    [
      'an apiURL with a fragment',
      { webURL: ok, apiURL: `${ok}#a` },
      /^server\.apiURL must not have a query or fragment/,
    ],
    [
      'an apiURL with a password',
      { webURL: ok, apiURL: 'https://me:pw@ok.example' },
      /^server\.apiURL must not contain a user name/,
    ],
    [
      'an apiURL with a user name',
      { webURL: ok, apiURL: 'https://me@ok.example' },
      /^server\.apiURL must not contain a user name/,
    ],
    [
      'an issuer that is not a URL',
      { webURL: ok, apiURL: ok, issuer: 'polar' },
      /^server\.issuer must be a URL/,
    ],
    ['an empty issuer', { webURL: ok, apiURL: ok, issuer: '' }, /^server\.issuer must be a URL/],
    [
      'an issuer that is a URL object',
      { webURL: ok, apiURL: ok, issuer: new URL(ok) },
      /^server\.issuer must be a URL/,
    ],
    [
      'an apiURL with a password alone',
      { webURL: ok, apiURL: 'https://:pw@ok.example' },
      /^server\.apiURL must not contain a user name/,
    ],
    [
      'an issuer that is not a string',
      { webURL: ok, apiURL: ok, issuer: 7 },
      /^server\.issuer must be a URL/,
    ],
    [
      'a relative discoveryURL',
      { discoveryURL: '/.well-known/openid-configuration' },
      /^server\.discoveryURL must be an absolute URL/,
    ],
    [
      'an undefined discoveryURL',
      { discoveryURL: undefined },
      /^server\.discoveryURL must be an absolute URL/,
    ],
    [
      'plain http for discovery',
      { discoveryURL: 'http://id.example/.well-known/x' },
      /^server\.discoveryURL must use https/,
    ],
    [
      'plain http for the API',
      { discoveryURL, apiURL: 'http://api.example' },
      /^server\.apiURL must use https/,
    ],
    [
      'an allowInsecureHTTP that is not a boolean',
      { discoveryURL, allowInsecureHTTP: 'yes' },
      /^server\.allowInsecureHTTP must be true or false, not 'yes'/,
    ],
    ['a bad issuer of a discovered server', { discoveryURL, issuer: 'id' }, /^server\.issuer must be a URL/],
  ])('with %s is refused and named', (_what, server, message) => {
    expect(() => resolveServer(server as PolarServer)).toThrow(PolarConfigurationError);
    expect(() => resolveServer(server as PolarServer)).toThrow(message);
  });

  it.each<[object, RegExp]>([
    [{ webUrl: ok, apiUrl: ok }, /^server has no option 'webUrl'\. Did you mean webURL\?/],
    [{ webURL: ok, apiUrl: ok }, /^server has no option 'apiUrl'\. Did you mean apiURL\?/],
    [{ webURL: ok, apiURL: ok, issuerURL: ok }, /'issuerURL'\. Did you mean issuer\?/],
    [{ webURL: ok, apiURL: ok, allowInsecureHttp: true }, /Did you mean allowInsecureHTTP\?/],
    [{ webURL: ok, apiURL: ok, tokenURL: ok }, /'tokenURL'\. Options: webURL, apiURL, issuer/],
    [{ discoveryUrl: discoveryURL }, /'discoveryUrl'\. Did you mean discoveryURL\?/],
    [{ discoveryURL, issuerURL: ok }, /^server with a discoveryURL .*'issuerURL'\. Did you mean issuer\?/],
    [{ discoveryURL, webURL: ok }, /^server with a discoveryURL has no option 'webURL'\. Options: /],
  ])('with an unknown field is refused with a suggestion: %j', (server, message) => {
    expect(() => resolveServer(server as PolarServer)).toThrow(PolarConfigurationError);
    expect(() => resolveServer(server as PolarServer)).toThrow(message);
  });

  it.each<[object, string]>([
    [{ webURL: undefined, apiURL: ok }, 'server.webURL must be .*, not undefined$'],
    [
      { webURL: 'localhost:4100', apiURL: ok },
      "server.webURL must be an absolute URL.*, not 'localhost:4100'$",
    ],
    [{ webURL: '/polar', apiURL: ok }, "not '/polar'$"],
    [{ webURL: new URL(ok), apiURL: ok }, 'not a URL object \\(give its href\\)$'],
    [{ webURL: ok, apiURL: 'http://polar:4100' }, "but is 'http://polar:4100'\\. For a local Polar"],
    [{ webURL: ok, apiURL: `${ok}/?key=hunter2` }, "but is 'https://ok.example/\\?…'$"],
    [{ webURL: ok, apiURL: 'https://me:hunter2@ok.example' }, "but is 'https://…@ok.example'$"],
    [{ webURL: ok, apiURL: ok, issuer: 'polar' }, "not 'polar'$"],
    [{ discoveryURL: '/openid' }, "not '/openid'$"],
    [{ discoveryURL: 'http://polar:4100/.well-known/x' }, 'add allowInsecureHTTP: true to server$'],
  ])('is shown without what may be secret: %j', (server, message) => {
    expect(() => resolveServer(server as PolarServer)).toThrow(new RegExp(message));
  });

  it('is shown without its password', () => {
    expect(() => secureURL('https://me:hunter2@ok.example', 'x')).toThrow(
      expect.objectContaining({ message: expect.not.stringContaining('hunter2') }),
    );
  });

  it.each(['https://ok.example/?', 'https://ok.example/#', 'https://ok.example/path?#'])(
    'with an empty query or fragment is refused: %s',
    (apiURL) => {
      expect(() => resolveServer({ webURL: ok, apiURL })).toThrow(/^server\.apiURL must not have a query/);
    },
  );
});

describe('secureURL', () => {
  it.each([
    'https://polar.sh',
    'https://127.0.0.1:1234',
    'http://localhost',
    'http://LOCALHOST:3000',
    'http://polar.localhost:3000',
    'http://127.0.0.1:3000',
    'http://127.1.2.3',
    'http://127.1',
    'http://0x7f000001',
    'http://[::1]:3000',
    'http://[0:0:0:0:0:0:0:1]',
  ])('accepts %s', (address) => {
    expect(secureURL(address, 'x').href).toBe(new URL(address).href);
  });

  it.each([
    'http://polar.sh',
    'http://localhost.evil.example',
    'http://evil-localhost',
    'http://evillocalhost',
    'http://127.0.0.1.evil.example',
    'http://evil.example/127.0.0.1',
    'http://127-0-0-1.evil.example',
    'http://localhost@evil.example',
    'http://128.0.0.1',
    'http://192.168.0.1',
    'http://10.0.0.1',
    'http://169.254.169.254',
    'http://0.0.0.0',
    'http://[::]',
    'http://[::2]',
    'http://[::ffff:127.0.0.1]',
    'ws://localhost',
    'ftp://localhost',
    'file:///etc/passwd',
    'data:text/plain,x',
    'javascript:alert(1)',
  ])('refuses %s', (address) => {
    expect(() => secureURL(address, 'the address')).toThrow(/^the address must use https/);
  });
});
