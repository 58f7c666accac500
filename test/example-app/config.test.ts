import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { readConfig } from '../../example-app/config.js';

const client = { POLAR_CLIENT_ID: 'polar_ci_1', POLAR_CLIENT_SECRET: 'polar_cs_1' };

describe('the configuration of the example app', () => {
  it('has defaults for everything', () => {
    expect(readConfig({})).toEqual({
      port: 3000,
      baseURL: undefined,
      sessionSecret: undefined,
      redis: undefined,
      postgres: undefined,
      client: undefined,
      server: 'production',
      authMethod: undefined,
      scope: 'openid email organizations:read',
      fetchUserInfo: false,
      leewaySeconds: undefined,
      exposeToken: false,
      drainSeconds: 0,
    });
  });

  it('reads every variable', () => {
    const config = readConfig({
      ...client,
      PORT: '0',
      BASE_URL: 'https://app.example.com/',
      SESSION_SECRET: 'only for tests',
      REDIS_URL: 'redis://localhost:6379',
      POLAR_STORAGE: 'session',
      POLAR_SERVER: 'sandbox',
      POLAR_AUTH_METHOD: 'client_secret_basic',
      POLAR_SCOPE: 'openid',
      POLAR_FETCH_USERINFO: '1',
      POLAR_LEEWAY_SECONDS: '2.5',
      EXPOSE_TOKEN: '1',
      DRAIN_SECONDS: '5',
    });
    expect(config).toEqual({
      port: 0,
      baseURL: 'https://app.example.com',
      sessionSecret: 'only for tests',
      redis: { urls: ['redis://localhost:6379'], isCluster: false, ownStorage: false },
      postgres: undefined,
      client: { clientID: 'polar_ci_1', clientSecret: 'polar_cs_1' },
      server: 'sandbox',
      authMethod: 'client_secret_basic',
      scope: 'openid',
      fetchUserInfo: true,
      leewaySeconds: 2.5,
      exposeToken: true,
      drainSeconds: 5,
    });
  });

  const settings = [
    {
      ...client,
      PORT: '1',
      BASE_URL: 'https://app.example.com',
      SESSION_SECRET: 's',
      REDIS_URL: 'redis://localhost',
      POLAR_STORAGE: 'session',
      POLAR_REDIS_LOCK: '1',
      POLAR_SERVER: 'sandbox',
      POLAR_AUTH_METHOD: 'client_secret_basic',
      POLAR_SCOPE: 'openid',
      POLAR_FETCH_USERINFO: '1',
      POLAR_LEEWAY_SECONDS: '2.5',
      EXPOSE_TOKEN: 'true',
      DRAIN_SECONDS: '2.5',
    },
    {
      POLAR_WEB_URL: 'https://polar.sh',
      POLAR_API_URL: 'https://api.polar.sh',
      POLAR_ISSUER: 'https://i.example',
    },
    {
      POLAR_DISCOVERY_URL: 'https://polar.example/.well-known/openid-configuration',
      DATABASE_URL: 'postgres://localhost/app',
    },
  ];
  it.each(settings)('ignores whitespace around values: %j', (env) => {
    const padded = Object.entries(env).map(([name, value]) => [name, `\t ${value} \r\n`]);
    expect(readConfig(Object.fromEntries(padded))).toEqual(readConfig(env));
  });

  it('has no variable for which whitespace is untested', () => {
    const source = readFileSync(join(__dirname, '../../example-app/config.ts'), 'utf8');
    const read = [...source.matchAll(/\(env, '(\w+)'/g)].map(([, name]) => name);
    expect([...new Set(read)].sort()).toEqual(settings.flatMap((env) => Object.keys(env)).sort());
    expect(source.match(/env[.[]/g)).toHaveLength(1);
  });

  it('treats an empty variable as unset', () => {
    expect(readConfig({ PORT: '', POLAR_CLIENT_ID: '', EXPOSE_TOKEN: ' ' })).toEqual(readConfig({}));
  });

  it('has no secret for public clients', () => {
    expect(readConfig({ POLAR_CLIENT_ID: 'polar_ci_1' }).client).toEqual({
      clientID: 'polar_ci_1',
      clientSecret: undefined,
    });
  });

  it.each([
    [{}, true],
    [{ POLAR_STORAGE: 'redis' }, true],
    [{ POLAR_STORAGE: 'session' }, false],
    // Its former name.
    [{ POLAR_REDIS_LOCK: '1' }, true],
    [{ POLAR_REDIS_LOCK: '0' }, false],
  ])('keeps logins in Redis, with the sessions if so configured: %j', (env, ownStorage) => {
    const { redis } = readConfig({ REDIS_URL: 'rediss://cache', ...env });
    expect(redis).toEqual({ urls: ['rediss://cache'], isCluster: false, ownStorage });
  });

  it.each([
    ['redis://a:1, redis://b:2', ['redis://a:1', 'redis://b:2']],
    ['rediss://u:p@cache:6379?cluster=true', ['rediss://u:p@cache:6379']],
  ])('takes REDIS_URL %s for a cluster', (url, urls) => {
    expect(readConfig({ REDIS_URL: url }).redis).toMatchObject({ urls, isCluster: true });
  });

  it.each([
    [{}, true],
    [{ POLAR_STORAGE: 'postgres' }, true],
    [{ POLAR_STORAGE: 'session' }, false],
  ])('keeps logins in PostgreSQL, with the sessions if so configured: %j', (env, ownStorage) => {
    const { postgres, redis } = readConfig({ DATABASE_URL: 'postgresql://db/app', ...env });
    expect([postgres, redis]).toEqual([{ url: 'postgresql://db/app', ownStorage }, undefined]);
  });

  it.each([
    [
      {
        POLAR_WEB_URL: 'http://127.0.0.1:1',
        POLAR_API_URL: 'http://localhost:2',
        POLAR_ISSUER: 'https://polar.sh',
      },
      { webURL: 'http://127.0.0.1:1', apiURL: 'http://localhost:2', issuer: 'https://polar.sh' },
    ],
    [
      { POLAR_DISCOVERY_URL: 'https://id.example.com/.well-known/openid-configuration' },
      { discoveryURL: 'https://id.example.com/.well-known/openid-configuration' },
    ],
    [{ POLAR_SERVER: 'production' }, 'production'],
    [{ POLAR_SERVER: 'http://127.0.0.1:4100' }, 'http://127.0.0.1:4100'],
  ])('finds Polar by %j', (env, server) => {
    expect(readConfig({ ...client, ...env }).server).toEqual(server);
  });

  it.each([
    ['PORT', { PORT: 'abc' }],
    ['PORT', { PORT: '65536' }],
    ['PORT', { PORT: '-1' }],
    ['PORT', { PORT: '80.5' }],
    ['BASE_URL', { BASE_URL: 'app.example.com' }],
    ['BASE_URL', { BASE_URL: 'https://app.example.com/shop' }],
    ['REDIS_URL', { REDIS_URL: 'localhost:6379' }],
    ['DATABASE_URL', { DATABASE_URL: 'mysql://localhost/app' }],
    ['DATABASE_URL', { DATABASE_URL: 'postgres://ada:a/b@[' }],
    ['DATABASE_URL', { DATABASE_URL: 'postgres://localhost/app', REDIS_URL: 'redis://localhost' }],
    ['REDIS_URL', { REDIS_URL: 'redis://a:6379,b:6379' }],
    ['REDIS_URL', { REDIS_URL: 'redis://a:6379?clutser=true' }],
    ['POLAR_REDIS_LOCK', { REDIS_URL: 'redis://localhost', POLAR_REDIS_LOCK: 'no' }],
    ['POLAR_STORAGE', { REDIS_URL: 'redis://localhost', POLAR_STORAGE: 'memory' }],
    ['POLAR_SERVER', { POLAR_SERVER: 'Sandbox' }],
    ['POLAR_SERVER', { POLAR_SERVER: 'http://polar:4100' }],
    [
      'POLAR_SERVER',
      { POLAR_SERVER: 'sandbox', POLAR_DISCOVERY_URL: 'https://id.example.com/.well-known/x' },
    ],
    ['POLAR_WEB_URL', { POLAR_API_URL: 'https://api.example.com' }],
    ['POLAR_API_URL', { POLAR_WEB_URL: 'https://example.com' }],
    ['POLAR_API_URL', { POLAR_WEB_URL: 'https://example.com', POLAR_API_URL: 'http://api.example.com' }],
    ['POLAR_DISCOVERY_URL', { POLAR_DISCOVERY_URL: 'file:///etc/passwd' }],
    ['POLAR_ISSUER', { POLAR_ISSUER: 'https://polar.sh' }],
    ['POLAR_ISSUER', { POLAR_ISSUER: 'polar', POLAR_DISCOVERY_URL: 'https://id.example.com/.well-known/x' }],
    ['POLAR_AUTH_METHOD', { POLAR_AUTH_METHOD: 'basic' }],
    ['POLAR_AUTH_METHOD', { ...client, POLAR_AUTH_METHOD: 'none' }],
    ['POLAR_CLIENT_SECRET', { POLAR_CLIENT_ID: 'polar_ci_1', POLAR_AUTH_METHOD: 'client_secret_post' }],
    ['POLAR_FETCH_USERINFO', { POLAR_FETCH_USERINFO: 'yes' }],
    ['POLAR_LEEWAY_SECONDS', { POLAR_LEEWAY_SECONDS: '-1' }],
    ['EXPOSE_TOKEN', { EXPOSE_TOKEN: '2' }],
    ['DRAIN_SECONDS', { DRAIN_SECONDS: '-1' }],
  ])('reports an invalid %s by name: %j', (name, env) => {
    expect(() => readConfig(env)).toThrow(new RegExp(`\\b${name}\\b`));
  });

  it('repeats no secret in an error', () => {
    const complain = () => readConfig({ ...client, POLAR_AUTH_METHOD: 'none' });
    expect(complain).toThrow();
    expect(complain).not.toThrow(/polar_cs_1/);
  });
});
