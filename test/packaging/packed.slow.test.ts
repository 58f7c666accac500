/** Installs the packed tarball in an empty project of each kind, as a new user does. */
import { execFile, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { build, transform } from 'esbuild';
import { startPolarEmulator } from 'passport-polar-sh/emulator';
import { Browser } from '../support/browser.js';
import { freePort } from '../support/free-port.js';
import { neededProgram } from '../support/needed-program.js';

const run = promisify(execFile);
const root = resolve(__dirname, '../..');
const work = mkdtempSync(join(tmpdir(), 'passport-polar-sh-packed-'));
const pages = ['README.md', 'CHANGELOG.md', 'SECURITY.md', 'LICENSE'];
let files: string[] = [];
let size = 0;

beforeAll(() => {
  // A separate build outside the project, since other suites use dist/ at the same time.
  const stage = join(work, 'stage');
  mkdirSync(stage);
  for (const file of ['package.json', ...pages]) copyFileSync(join(root, file), join(stage, file));
  for (const folder of ['src', 'docs']) {
    cpSync(join(root, folder), join(stage, folder), { recursive: true });
  }
  execFileSync(process.execPath, [join(root, 'scripts/build.mjs'), join(stage, 'dist')], { stdio: 'pipe' });
  const packed = JSON.parse(
    execFileSync('npm', ['pack', '--json', '--ignore-scripts', '--pack-destination', work], {
      cwd: stage,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    }),
  ) as { filename: string; size: number; files: { path: string }[] }[];
  files = packed[0]?.files.map(({ path }) => path) ?? [];
  size = packed[0]?.size ?? 0;
  mkdirSync(join(work, 'node_modules'));
  execFileSync('tar', ['-xzf', join(work, packed[0]?.filename ?? ''), '-C', join(work, 'node_modules')]);
  renameSync(join(work, 'node_modules/package'), join(work, 'node_modules/passport-polar-sh'));
  linkDependencies();
  linkCommands();
}, 120_000);
afterAll(() => rmSync(work, { recursive: true, force: true }));

/** Links what npm would install with the package from what is installed here, without jose and without a network. */
function linkDependencies() {
  for (const name of readdirSync(join(root, 'node_modules'))) {
    if (name.startsWith('.') || name === 'jose' || existsSync(join(work, 'node_modules', name))) continue;
    symlinkSync(join(root, 'node_modules', name), join(work, 'node_modules', name));
  }
}

/** Links the commands as npm does, so that `npx` finds them. */
function linkCommands() {
  const { bin } = JSON.parse(
    readFileSync(join(work, 'node_modules/passport-polar-sh/package.json'), 'utf8'),
  ) as { bin: Record<string, string> };
  mkdirSync(join(work, 'node_modules/.bin'));
  for (const [name, path] of Object.entries(bin)) {
    symlinkSync(join('../passport-polar-sh', path), join(work, 'node_modules/.bin', name));
  }
}

const node = async (file: string, source: string) => {
  writeFileSync(join(work, file), source);
  return (await run(process.execPath, [file], { cwd: work })).stdout.trim();
};

describe('the tarball', () => {
  const inFolder = (folder: string) => files.filter((file) => file.startsWith(`${folder}/`));

  it('contains these pages, and nothing beside the folders dist, src and docs', () => {
    expect(files.filter((file) => !/^(dist|src|docs)\//.test(file)).sort()).toEqual(
      [...pages, 'package.json'].sort(),
    );
  });

  it('contains these entries and commands, with their types', () => {
    const code = inFolder('dist').filter((file) => /\.m?js$/.test(file));
    expect(code.sort()).toEqual([
      'dist/cli.js',
      ...['emulator', 'index', 'postgres', 'redis'].flatMap((entry) => [
        `dist/${entry}.js`,
        `dist/${entry}.load.js`, // what the .mjs of the entry loads
        `dist/${entry}.mjs`,
      ]),
    ]);
    for (const file of code.filter((file) => !/cli|load/.test(file))) {
      expect(files).toContain(file.replace(/\.(m?)js$/, '.d.$1ts'));
    }
    const others = inFolder('dist').filter(
      (file) => !/\.(js|mjs|js\.map|d\.ts|d\.mts|d\.ts\.map)$/.test(file),
    );
    expect(others).toEqual(['dist/THIRD_PARTY_NOTICES']);
  });

  it('contains the guides as text, and the sources to which the maps lead', () => {
    expect(inFolder('docs').filter((file) => !/^docs\/[a-z-]+\.md$/.test(file))).toEqual([]);
    expect(inFolder('src').filter((file) => !/\.ts$/.test(file))).toEqual([]);
    expect([inFolder('docs').length, inFolder('src').length].map((count) => count > 15)).toEqual([
      true,
      true,
    ]);
  });
});

it('the tarball names the packages whose code it includes, with their licences, and includes no others', () => {
  const dist = join(work, 'node_modules/passport-polar-sh/dist');
  const text = readFileSync(join(dist, 'THIRD_PARTY_NOTICES'), 'utf8');
  const jose = join(root, 'node_modules/jose');
  const { version } = JSON.parse(readFileSync(join(jose, 'package.json'), 'utf8'));
  expect(text.match(/^\S+ \d+\.\d+\.\d+, .*$/gm)).toEqual([
    `jose ${version}, MIT, https://github.com/panva/jose`,
  ]);
  expect(text).toContain(readFileSync(join(jose, 'LICENSE.md'), 'utf8').trim());
  // esbuild writes at the top of each file where it comes from.
  const carried = readdirSync(dist).flatMap((file) =>
    file.endsWith('.js')
      ? [...readFileSync(join(dist, file), 'utf8').matchAll(/^\/\/ .*node_modules\/(\S+?)\//gm)].map(
          ([, name]) => name,
        )
      : [],
  );
  expect([...new Set(carried)]).toEqual(['jose']);
});

it('the tarball is smaller than 1 MB, with guides, sources and maps', () => {
  expect(size).toBeLessThan(1_000_000);
});

describe('the source maps of the tarball', () => {
  const installed = join(work, 'node_modules/passport-polar-sh');

  it.each(['.js.map', '.d.ts.map'])('lead from %s to TypeScript in the tarball', (ending) => {
    const maps = files.filter((file) => file.endsWith(ending));
    expect(maps.length).toBeGreaterThan(3);
    for (const file of maps) {
      const { sources, sourcesContent } = JSON.parse(readFileSync(join(installed, file), 'utf8')) as {
        sources: string[];
        sourcesContent?: (string | null)[];
      };
      const missing = sources.filter(
        (source, i) => !sourcesContent?.[i] && !existsSync(resolve(installed, dirname(file), source)),
      );
      expect([file, missing]).toEqual([file, []]);
    }
  });

  it('lead stack traces to the line that threw', async () => {
    const source = `const { PolarStrategy } = require('passport-polar-sh');
      try { new PolarStrategy({}); } catch (error) { console.log(error.stack); }`;
    writeFileSync(join(work, 'trace.cjs'), source);
    const { stdout } = await run(process.execPath, ['--enable-source-maps', 'trace.cjs'], { cwd: work });
    const [, file = '', line = ''] = /^ +at .*?(\/[^() ]+\.ts):(\d+):\d+\)?$/m.exec(stdout) ?? [];
    expect(file).toMatch(/\/passport-polar-sh\/src\/[\w/-]+\.ts$/);
    expect(readFileSync(file, 'utf8').split('\n')[Number(line) - 1]).toContain('throw invalidOption');
  });
});

describe('the packed command passport-polar-sh', () => {
  const command = (...args: string[]) =>
    run(process.execPath, ['node_modules/passport-polar-sh/dist/cli.js', ...args], { cwd: work });

  it('prints its usage with --help', async () => {
    const { stdout, stderr } = await command('register', '--help');
    expect(stdout).toMatch(/^Usage: passport-polar-sh register/);
    expect(stderr).toBe('');
  });

  it('registers a client and exits', async () => {
    const emulator = await startPolarEmulator();
    try {
      const { stdout } = await command('register', '--server', emulator.url);
      expect(stdout).toMatch(/^POLAR_CLIENT_SECRET=polar_cs_\w+$/m);
    } finally {
      await emulator.close();
    }
  });

  it('writes a new environment file through npx, where node does not claim the option', async () => {
    const emulator = await startPolarEmulator();
    try {
      const args = ['passport-polar-sh', 'register', '--server', emulator.url, '--write-env', 'new.env'];
      await run('npx', args, { cwd: work });
      expect(readFileSync(join(work, 'new.env'), 'utf8')).toMatch(/^POLAR_CLIENT_ID=polar_ci_/m);
      const list = ['passport-polar-sh', 'redirect-uris', 'list', '--read-env', 'new.env'];
      const { stdout } = await run('npx', list, { cwd: work });
      expect(stdout).toBe('http://localhost:3000/auth/polar/callback\n');
    } finally {
      await emulator.close();
    }
  });

  const busybox = neededProgram(['busybox'], 'apt-get install busybox');
  (busybox === undefined ? it.skip : it)('starts with BusyBox’s env, as on Alpine', async () => {
    const file = join(work, 'node_modules/passport-polar-sh/dist/cli.js');
    const [, env, argument = ''] = /^#!(\S+) (.*)\n/.exec(readFileSync(file, 'utf8')) ?? [];
    expect(env).toBe('/usr/bin/env');
    // Like the kernel, which passes everything after the interpreter as one argument.
    const { stdout } = await run(busybox as string, ['env', argument, file, 'register', '--help']);
    expect(stdout).toMatch(/^Usage: passport-polar-sh register/);
  });

  it('exits with 2 for an unknown option', async () => {
    const { code, stdout } = await command('register', '--nonsense').catch((error) => error);
    expect([code, stdout]).toEqual([2, '']);
  });

  it('is the only command of the package', () => {
    const { bin } = JSON.parse(
      readFileSync(join(work, 'node_modules/passport-polar-sh/package.json'), 'utf8'),
    );
    for (const path of Object.values(bin as Record<string, string>)) {
      const file = join(work, 'node_modules/passport-polar-sh', path);
      expect(statSync(file).mode & 0o111).toBe(0o111);
      expect(readFileSync(file, 'utf8')).toMatch(/^#!\/usr\/bin\/env node\n/);
    }
    expect(Object.keys(bin)).toEqual(['passport-polar-sh']);
  });
});

describe('a CommonJS app', () => {
  it('can require every entry', async () => {
    const printed = await node(
      'app.cjs',
      `const { PolarStrategy, polarTokens } = require('passport-polar-sh');
       const { startPolarEmulator } = require('passport-polar-sh/emulator');
       const { redisStorage } = require('passport-polar-sh/redis');
       const { postgresStorage } = require('passport-polar-sh/postgres');
       const all = [PolarStrategy, polarTokens, startPolarEmulator, redisStorage, postgresStorage];
       console.log(all.map((x) => typeof x).join());`,
    );
    expect(printed).toBe('function,function,function,function,function');
  });
});

describe('a storage of one entry, in the strategy of another,', () => {
  it('is reported when it fails, and its errors say what to do', async () => {
    writeFileSync(
      join(work, 'storage.cjs'),
      `const { PolarStrategy } = require('passport-polar-sh');
       const { redisStorage } = require('passport-polar-sh/redis');
       const redis = { isOpen: false, connect() {}, sendCommand: async () => { throw new Error('The client is closed'); } };
       const polar = new PolarStrategy({
         clientID: 'c', clientSecret: 's', callbackURL: '/cb',
         storage: redisStorage(redis), encryptionKeys: ['${'A'.repeat(43)}='],
       });
       polar.tokensFor('${'0'.repeat(32)}').getAccessToken().catch((error) => console.log(error.message));`,
    );
    const { stdout, stderr } = await run(process.execPath, ['storage.cjs'], { cwd: work });
    expect(stdout).toContain('The token records cannot be read. The Redis of redisStorage is not connected');
    expect(stderr).toMatch(/^passport-polar-sh: The Redis of redisStorage is not connected/);
  });
});

describe('an ESM app', () => {
  it('can import every entry and gets the same classes as with require', async () => {
    const printed = await node(
      'app.mjs',
      `import { createRequire } from 'node:module';
       import { PolarError, PolarStrategy, verifyIdToken } from 'passport-polar-sh';
       import { startPolarEmulator } from 'passport-polar-sh/emulator';
       import { redisStorage } from 'passport-polar-sh/redis';
       import { postgresStorage } from 'passport-polar-sh/postgres';
       const required = createRequire(import.meta.url)('passport-polar-sh');
       const error = await verifyIdToken('x.y.z', { clientID: 'c', jwks: { keys: [] } }).catch((e) => e);
       console.log(required.PolarStrategy === PolarStrategy, error instanceof PolarError, error.code, typeof startPolarEmulator, typeof redisStorage, typeof postgresStorage);`,
    );
    expect(printed).toBe('true true id_token_malformed function function function');
  });
});

describe('a bundled app', () => {
  const source = `import { PolarStrategy } from 'passport-polar-sh';
    import { startPolarEmulator } from 'passport-polar-sh/emulator';
    import { redisStorage } from 'passport-polar-sh/redis';
    console.log([PolarStrategy, startPolarEmulator, redisStorage].map((x) => typeof x).join());`;

  // With custom conditions, esbuild leaves out `module`, which Bun and others do not support.
  it.each([[[]], [['custom']], [['module']]])(
    'includes the whole package with the conditions %j',
    async (conditions) => {
      writeFileSync(join(work, 'bundled.mjs'), source);
      const [file] = (
        await build({
          entryPoints: [join(work, 'bundled.mjs')],
          bundle: true,
          platform: 'node',
          format: 'cjs',
          write: false,
          logLevel: 'silent',
          ...(conditions.length > 0 && { conditions }),
        })
      ).outputFiles;
      const elsewhere = mkdtempSync(join(tmpdir(), 'passport-polar-sh-bundled-'));
      try {
        writeFileSync(join(elsewhere, 'app.cjs'), file?.text ?? '');
        const { stdout } = await run(process.execPath, ['app.cjs'], { cwd: elsewhere });
        expect(stdout.trim()).toBe('function,function,function');
      } finally {
        rmSync(elsewhere, { recursive: true, force: true });
      }
    },
  );
});

describe('a TypeScript app', () => {
  const source = `
    import express from 'express';
    import passport from 'passport';
    import { type PolarAccessToken, PolarBearerStrategy, type PolarBearerUser, PolarError, type PolarOrganization, type PolarOrganizations, type PolarProfile, PolarStrategy, polarTokens, requireLogin, requireOrganization, requireScope, type TokenSet, type VerifyDone } from 'passport-polar-sh';
    import { startPolarEmulator } from 'passport-polar-sh/emulator';
    const polar = new PolarStrategy(
      { clientID: 'c', clientSecret: process.env.POLAR_CLIENT_SECRET, callbackURL: '/cb', server: process.env.CI ? 'sandbox' : undefined },
      async ({ tokens, profile, claims }) => ({ id: profile.id, email: claims.email, expires: (tokens satisfies TokenSet).expiresAt }),
    );
    new PolarStrategy({ clientID: 'c', callbackURL: '/cb' }, (accessToken: string, refreshToken: string, profile: PolarProfile, done: VerifyDone) => done(null, { id: profile.id }));
    new PolarStrategy({ clientID: 'c', callbackURL: '/cb' }, (accessToken: string, refreshToken: string, params: Record<string, unknown>, profile: PolarProfile, done: VerifyDone) => done(null, { id: profile.id }));
    new PolarStrategy({ clientID: 'c', callbackURL: '/cb', passReqToCallback: true }, (req, accessToken, refreshToken, profile, done) => done(null, { id: profile.id }));
    const app = express();
    passport.use(polar);
    app.use(polarTokens(polar));
    app.get('/', requireLogin({ loginPath: '/auth' }), async (req, res) => {
      const tokens: PolarAccessToken = await req.polar.getTokens();
      res.json([tokens.expiresAt, await req.polar.getAccessToken(), req.polar.scopes]);
    });
    app.get('/auth', passport.authenticate('polar', { subType: 'organization', returnTo: '/', scope: ['openid'] }));
    passport.use(new PolarBearerStrategy({ clientID: 'c', clientSecret: process.env.POLAR_CLIENT_SECRET, scope: ['openid', 'orders:read', 'made:up'] }));
    passport.use('named', new PolarBearerStrategy({ clientID: 'c', clientSecret: 's' }, async ({ accessToken, introspection, req }) =>
      introspection.organizations?.length === 1 ? { id: introspection.subject, accessToken, path: req.path } : false));
    app.get('/api', passport.authenticate('polar-bearer', { session: false, scope: ['orders:read'], organizations: ['22222220-2222-4222-8222-222222222222'] }), (req, res) => {
      const { id, organizations } = req.user as PolarBearerUser;
      res.json([id, organizations]);
    });
    app.get('/either', passport.authenticate(new PolarBearerStrategy({ clientID: 'c', clientSecret: 's' }), { session: false }), passport.authenticate(['polar-bearer', 'polar']));
    app.get('/orders', requireScope(['orders:read', 'products:read'], { loginPath: '/auth' }), requireScope('customers:read', { loginPath: '/auth' }), async (req, res) => {
      const { organizations, isLimited }: PolarOrganizations = await req.polar.organizations();
      const names: string[] = organizations.map(({ name }: PolarOrganization) => name);
      res.json([names, isLimited]);
    });
    // @ts-expect-error a public client
    new PolarBearerStrategy({ clientID: 'c' });
    app.get('/orgs/:org', requireOrganization((req) => req.params.org, { loginPath: '/auth' }));
    // @ts-expect-error no loginPath
    requireScope('orders:read', {});
    // @ts-expect-error no function
    requireOrganization('org', { loginPath: '/auth' });
    export const codeOf = (error: unknown) => (error instanceof PolarError ? error.code : undefined);
    export const emulator = startPolarEmulator({ consent: 'auto' });
    // @ts-expect-error a misspelt option
    new PolarStrategy({ clientId: 'c', callbackURL: '/cb' });
    // @ts-expect-error not a strategy
    polarTokens({});
  `;
  it.each(['cts', 'mts'])(
    'compiles as .%s, including declarations',
    async (kind) => {
      writeFileSync(join(work, `app.${kind}`), source);
      const tsc = join(dirname(require.resolve('typescript/package.json')), 'bin/tsc');
      const flags = [
        '--noEmit',
        '--strict',
        '--exactOptionalPropertyTypes',
        '--esModuleInterop',
        '--module',
        'nodenext',
        '--target',
        'es2022',
        '--types',
        'node',
      ];
      const { stdout } = await run(process.execPath, [tsc, ...flags, '--ignoreConfig', `app.${kind}`], {
        cwd: work,
      }).catch((error) => error);
      expect(stdout).toBe('');
    },
    60_000,
  );

  it('compile the app of the README in the folder of docs/getting-started.md', async () => {
    const [, steps = ''] =
      /^## 1\. Install\n\n```sh\nmkdir my-app && cd my-app && ([\s\S]*?)npm install /m.exec(
        readFileSync(join(root, 'docs/getting-started.md'), 'utf8'),
      ) ?? [];
    const folder = join(work, 'getting-started');
    mkdirSync(folder);
    copyFileSync(join(root, 'test/docs/quick-start/app.ts'), join(folder, 'app.ts'));
    const tsc = join(dirname(require.resolve('typescript/package.json')), 'bin/tsc');
    const compile = `${steps}"$NODE" "$TSC" --init && "$NODE" "$TSC" --noEmit`;
    const env = { ...process.env, NODE: process.execPath, TSC: tsc };
    const { stdout } = await run('sh', ['-ec', compile], { cwd: folder, env }).catch((error) => error);
    expect(stdout).not.toContain('error TS');
    expect(JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')).type).toBe('module');
  });
});

const LOGIN = `
  async function logIn(polar) {
    const { clientID, clientSecret, callbackURL } = polar.strategyOptions();
    const query = { response_type: 'code', client_id: clientID, redirect_uri: callbackURL, scope: 'openid email' };
    const path = await polar.authorize(polar.webURL + '/oauth2/authorize?' + new URLSearchParams(query));
    const form = { grant_type: 'authorization_code', code: new URL(path, callbackURL).searchParams.get('code') };
    const client = { client_id: clientID, client_secret: clientSecret, redirect_uri: callbackURL };
    const body = new URLSearchParams({ ...form, ...client });
    const answer = await fetch(polar.apiURL + '/v1/oauth2/token', { method: 'POST', body });
    return (await answer.json()).access_token;
  }`;

describe('the packed local Polar', () => {
  it('can be imported in a test of node:test', async () => {
    writeFileSync(
      join(work, 'local-polar.mjs'),
      `import assert from 'node:assert/strict';
       import { test } from 'node:test';
       import { startPolarEmulator } from 'passport-polar-sh/emulator';
       ${LOGIN}
       test('logs in', async () => {
         const polar = await startPolarEmulator();
         assert.match(await logIn(polar), /^polar_at_u_/);
         assert.equal(polar.liveTokens().length, 1);
         await polar.close();
       });`,
    );
    const args = ['--test', '--test-reporter=tap', 'local-polar.mjs'];
    const { stdout } = await run(process.execPath, args, { cwd: work, env: withoutTestContext() });
    expect(stdout).toContain('ok 1 - logs in');
    expect(stdout).toMatch(/^# pass 1\n# fail 0$/m);
  });

  it('runs the guide’s test for node:test', async () => {
    const guide = readFileSync(join(root, 'docs/testing.md'), 'utf8');
    const [, shown = ''] = /```js\n\/\/ login\.test\.mjs\n([\s\S]*?)```/.exec(guide) ?? [];
    const [, app = ''] = /```ts\n\/\/ app\.ts\n([\s\S]*?)```/.exec(guide) ?? [];
    mkdirSync(join(work, 'guide'));
    writeFileSync(join(work, 'guide/app.mjs'), (await transform(app, { loader: 'ts' })).code);
    writeFileSync(join(work, 'guide/login.mjs'), shown);
    const args = ['--test', '--test-reporter=tap', 'guide/login.mjs'];
    const { stdout } = await run(process.execPath, args, { cwd: work, env: withoutTestContext() });
    expect(stdout).toContain('ok 1 - people log in with Polar');
  });

  it('can be required and lets the process end', async () => {
    const printed = await node(
      'local-polar.cjs',
      `const { startPolarEmulator } = require('passport-polar-sh/emulator');
       ${LOGIN}
       startPolarEmulator().then(async (polar) => {
         console.log((await logIn(polar)).slice(0, 11), polar.requests.map(({ endpoint }) => endpoint).join());
         await polar.close();
       });`,
    );
    expect(printed).toBe('polar_at_u_ authorize,token');
  });

  it.each([
    ['app.ts', 'node_modules/tsx/dist/cli.mjs'],
    ['app.mjs', undefined],
  ])('logs in with %s of the README and the .env that the command writes', async (file, tsx) => {
    const folder = join(work, `quick-start-${file}`);
    mkdirSync(folder);
    copyFileSync(join(root, 'test/docs/quick-start', file), join(folder, file));
    const port = await freePort();
    const url = `http://localhost:${port}`;
    const polar = ['emulator', '--consent', 'auto', '--redirect-uri', `${url}/auth/polar/callback`];
    const emulator = spawn(
      join(work, 'node_modules/.bin/passport-polar-sh'),
      [...polar, '--write-env', '.env'],
      {
        cwd: folder,
      },
    );
    await once(emulator.stdout, 'data');
    const runs = [...(tsx === undefined ? [] : [join(work, tsx)]), '--env-file=.env', file];
    const app = spawn(process.execPath, runs, {
      cwd: folder,
      env: { PATH: process.env['PATH'], PORT: String(port) },
    });
    try {
      expect(String(await once(app.stdout, 'data'))).toBe(`${url}\n`);
      const browser = new Browser(url);
      expect((await browser.logIn()).headers['location']).toBe('/');
      expect((await browser.get('/')).text).toContain('Hello, ada@example.com.');
    } finally {
      for (const child of [app, emulator]) {
        const ended = once(child, 'exit');
        child.kill();
        await ended;
      }
    }
  });

  it('runs as a command that prints its address, serves users and stops on a signal', async () => {
    const args = ['emulator', '--port', '0', '--user', 'grace@example.com', '--consent', 'auto'];
    const command = spawn(join(work, 'node_modules/.bin/passport-polar-sh'), args, { cwd: work });
    const ended = new Promise((resolve) => command.once('exit', (...how) => resolve(how)));
    try {
      let printed = '';
      for await (const text of command.stdout.setEncoding('utf8')) {
        printed += String(text);
        if (/^POLAR_CLIENT_SECRET=.+\n/m.test(printed)) break;
      }
      const environment = Object.fromEntries(
        [...printed.matchAll(/^(POLAR_\w+)=(.+)$/gm)].map(([, name = '', value = '']) => [name, value]),
      );
      expect(printed).toContain(`listening on ${environment['POLAR_SERVER']}\n`);
      expect(printed).toContain('Signed in: grace@example.com. Consent: auto.');
      await logInOverHTTP(environment);
      const registered = await fetch(`${environment['POLAR_SERVER']}/v1/oauth2/register`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ client_name: 'Mine', redirect_uris: [CALLBACK] }),
      });
      const { client_id = '', client_secret = '' } = (await registered.json()) as Record<string, string>;
      const another = { POLAR_CLIENT_ID: client_id, POLAR_CLIENT_SECRET: client_secret };
      await logInOverHTTP({ ...environment, ...another });
    } finally {
      command.kill('SIGTERM');
    }
    expect(await ended).toEqual([0, null]);
  });
});

const CALLBACK = 'http://localhost:3000/auth/polar/callback';

async function logInOverHTTP(environment: Readonly<Record<string, string>>): Promise<void> {
  const {
    POLAR_SERVER,
    POLAR_CLIENT_ID: client_id = '',
    POLAR_CLIENT_SECRET: client_secret = '',
  } = environment;
  const query = { response_type: 'code', client_id, redirect_uri: CALLBACK, scope: 'openid email' };
  const page = await fetch(`${POLAR_SERVER}/oauth2/authorize?${new URLSearchParams(query)}`, {
    redirect: 'manual',
  });
  const code = new URL(page.headers.get('location') ?? '').searchParams.get('code') ?? '';
  const form = { grant_type: 'authorization_code', code, redirect_uri: CALLBACK, client_id, client_secret };
  const answer = await fetch(`${POLAR_SERVER}/v1/oauth2/token`, {
    method: 'POST',
    body: new URLSearchParams(form),
  });
  const { access_token } = (await answer.json()) as { access_token: string };
  const headers = { authorization: `Bearer ${access_token}` };
  const userinfo = await fetch(`${POLAR_SERVER}/v1/oauth2/userinfo`, { headers });
  expect(await userinfo.json()).toMatchObject({ email: 'grace@example.com' });
}

/** This environment without the variables that make a test runner think it is a child of another. */
function withoutTestContext(): NodeJS.ProcessEnv {
  const { NODE_TEST_CONTEXT: _, ...environment } = process.env;
  return environment;
}

describe('an app with plain Jest', () => {
  it('can be tested without flags and configuration', async () => {
    writeFileSync(join(work, 'package.json'), '{ "name": "app", "private": true }');
    writeFileSync(
      join(work, 'login.test.js'),
      `const { startPolarEmulator } = require('passport-polar-sh/emulator');
       const { PolarStrategy } = require('passport-polar-sh');
       test('works', async () => {
         const emulator = await startPolarEmulator({ consent: 'auto' });
         const { clientID } = emulator.registerClient({ redirectURIs: ['http://localhost/cb'] });
         expect(new PolarStrategy({ clientID, callbackURL: '/cb', server: emulator.server }).name).toBe('polar');
         await emulator.close();
       });`,
    );
    const jest = join(dirname(require.resolve('jest/package.json')), 'bin/jest.js');
    const { stderr } = await run(process.execPath, [jest, '--rootDir', work], { cwd: work });
    expect(stderr).toContain('1 passed');
  });
});
