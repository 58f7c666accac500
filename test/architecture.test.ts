/** Enforces docs/architecture.md: which module may import which, and where fetch may be called. */
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { parseSync } from '@swc/core';

const source = path.resolve(__dirname, '../src');

/** Every file of src, by its path inside it. */
const files = readdirSync(source, { recursive: true, encoding: 'utf8' })
  .map((file) => file.split(path.sep).join('/'))
  .filter((file) => file.endsWith('.ts'))
  .sort();

interface Syntax {
  readonly type: string;
  readonly [field: string]: unknown;
}

/** Every node of a file's syntax tree. */
function* nodesOf(value: unknown): Generator<Syntax> {
  if (typeof value !== 'object' || value === null) return;
  if (typeof (value as Syntax).type === 'string') yield value as Syntax;
  for (const child of Object.values(value)) yield* nodesOf(child);
}

const nodes = new Map(
  files.map((file) => [
    file,
    [
      ...nodesOf(
        parseSync(readFileSync(path.join(source, file), 'utf8'), { syntax: 'typescript', target: 'es2022' }),
      ),
    ],
  ]),
);
const nodesIn = (file: string): Syntax[] => nodes.get(file) ?? [];

/** Imports a module of the app, whose path is an argument of its command. */
const importsAppCode = 'commands/doctor/session-store-probe.ts';

/** What a file imports, re-exports or requires, also dynamically and for types alone. */
function specifiersOf(file: string): string[] {
  return nodesIn(file).flatMap((node) => {
    if (/^(Import|ExportNamed|ExportAll)Declaration$/.test(node.type)) return textOf(node['source']);
    if (node.type === 'TsImportType') return textOf(node['argument']);
    if (node.type === 'TsExternalModuleReference') return textOf(node['expression']);
    if (node.type === 'CallExpression' && /^(Import|require)$/.test(nameOf(node['callee']))) {
      if (file === importsAppCode) return [];
      const [first] = node['arguments'] as { expression: unknown }[];
      return textOf(first?.expression);
    }
    return [];
  });
}

function textOf(node: unknown): string[] {
  if (node === null || node === undefined) return [];
  const { type, value } = node as Syntax;
  if (type !== 'StringLiteral') throw new Error('an import whose source cannot be read');
  return [value as string];
}

const nameOf = (node: unknown): string =>
  (node as Syntax).type === 'Identifier' ? String((node as Syntax)['value']) : (node as Syntax).type;

/** The files of src that a file imports. */
function importsOf(file: string): string[] {
  return specifiersOf(file)
    .filter((specifier) => specifier.startsWith('.'))
    .map((specifier) => path.posix.join(path.posix.dirname(file), specifier).replace(/\.js$/, '.ts'));
}

/** The module of a file: its folder, or its own name at the top. */
const moduleOf = (file: string): string =>
  file.includes('/') ? (file.split('/')[0] as string) : file.replace(/\.ts$/, '');

const entries = ['index', 'redis', 'postgres', 'emulator-entry', 'cli'];
// src/emulator.ts is the entry, src/emulator/ the module.
const placeOf = (file: string): string => (file === 'emulator.ts' ? 'emulator-entry' : moduleOf(file));

/** Which modules a module may import, beside itself. */
const allowed: Record<string, readonly string[]> = {
  'docs-url': [],
  errors: ['docs-url'],
  async: ['errors'],
  'bounded-map': [],
  text: [],
  http: ['async', 'errors', 'text'],
  warnings: ['docs-url', 'errors'],
  options: ['errors', 'text', 'warnings'],
  client: ['errors', 'http', 'options', 'text'],
  'login-end-reason': [],
  'polar-diagnostic': ['errors', 'login-end-reason'],
  diagnostics: ['polar-diagnostic', 'warnings'],
  storage: ['async', 'errors', 'options', 'warnings'],
  sealing: ['text'],
  tokens: ['bounded-map', 'errors', 'login-end-reason', 'sealing', 'storage', 'text'],
  refresh: [
    'async',
    'bounded-map',
    'diagnostics',
    'errors',
    'http',
    'login-end-reason',
    'storage',
    'tokens',
    'warnings',
  ],
  api: ['async', 'bounded-map', 'client', 'diagnostics', 'errors', 'http', 'refresh', 'text', 'tokens'],
  request: ['async', 'diagnostics', 'errors', 'text'],
  'strategy-options': ['client', 'errors', 'options', 'refresh', 'storage', 'tokens'],
  attempts: [
    'bounded-map',
    'client',
    'errors',
    'options',
    'request',
    'sealing',
    'storage',
    'strategy-options',
  ],
  bearer: ['api', 'client', 'errors', 'options', 'request', 'strategy-options', 'text'],
  emulator: [],
  commands: ['async', 'client', 'docs-url', 'emulator', 'errors', 'http', 'options', 'storage', 'text'],
  cli: ['commands'],
  'emulator-entry': ['emulator'],
  logins: [
    'async',
    'attempts',
    'bounded-map',
    'client',
    'diagnostics',
    'errors',
    'login-end-reason',
    'options',
    'refresh',
    'request',
    'sealing',
    'storage',
    'strategy-options',
    'tokens',
  ],
  'id-token': ['errors', 'http', 'options', 'text'],
  runtime: ['api', 'async', 'client', 'http', 'id-token', 'logins', 'refresh', 'strategy-options', 'tokens'],
  express: [
    'api',
    'attempts',
    'client',
    'diagnostics',
    'errors',
    'login-end-reason',
    'logins',
    'options',
    'request',
    'runtime',
    'text',
    'tokens',
    'warnings',
  ],
  passport: [
    'api',
    'async',
    'attempts',
    'bounded-map',
    'client',
    'diagnostics',
    'docs-url',
    'errors',
    'http',
    'id-token',
    'logins',
    'options',
    'polar-diagnostic',
    'request',
    'runtime',
    'strategy-options',
    'tokens',
    'warnings',
  ],
  'route-options': ['bearer', 'passport'],
  index: [
    'api',
    'async',
    'bearer',
    'client',
    'errors',
    'express',
    'http',
    'id-token',
    'login-end-reason',
    'options',
    'passport',
    'polar-diagnostic',
    'refresh',
    'request',
    'route-options',
    'storage',
    'strategy-options',
    'tokens',
    'warnings',
  ],
  postgres: ['storage'],
  redis: ['storage'],
};

const packages: Record<string, readonly string[]> = {
  'id-token': ['jose'],
  attempts: ['express'],
  bearer: ['express'],
  request: ['express', 'express-session'],
  logins: ['express'],
  runtime: ['express'],
  passport: ['passport-oauth2', 'passport', 'express'],
  express: ['express'],
  'route-options': ['express', 'passport'],
  emulator: ['jose'],
};

describe('the architecture', () => {
  it('lists every module and no others', () => {
    expect([...new Set(files.map(placeOf))].sort()).toEqual(Object.keys(allowed).sort());
  });

  it('is read correctly from a few known files', () => {
    expect(importsOf('async/background-work.ts')).toEqual(['errors.ts', 'async/within.ts']);
    expect(importsOf('cli.ts')).toEqual(['commands/run-command.ts']);
    expect(importsOf('tokens/token-record.ts')).toEqual([
      'sealing/sealer.ts',
      'storage/guarded-storage.ts',
      'storage/polar-storage.ts',
      'tokens/token-set.ts',
    ]);
    expect(specifiersOf('id-token/key-set.ts')).toContain('jose');
  });

  it.each(files)('allows every import of %s', (file) => {
    const module = placeOf(file);
    const foreign = importsOf(file).filter(
      (other) => placeOf(other) !== module && !allowed[module]?.includes(placeOf(other)),
    );
    expect(foreign).toEqual([]);
  });

  it.each(files)('includes every file that %s imports, by its name with .js', (file) => {
    for (const specifier of specifiersOf(file))
      if (specifier.startsWith('.')) expect(specifier).toMatch(/\.js$/);
    expect(importsOf(file).filter((other) => !files.includes(other))).toEqual([]);
  });

  it.each(Object.entries(allowed))('gives %s no permission that it does not use', (module, others) => {
    const imported = files
      .filter((file) => placeOf(file) === module)
      .flatMap(importsOf)
      .map(placeOf);
    expect(others.filter((other) => !imported.includes(other))).toEqual([]);
  });

  it.each(files)('allows every package that %s uses', (file) => {
    const used = specifiersOf(file).filter((specifier) => !/^(\.|node:)/.test(specifier));
    expect(used.filter((name) => !packages[placeOf(file)]?.includes(name))).toEqual([]);
  });

  it.each([
    ['passport', 'express'],
    ['express', 'passport'],
    ['refresh', 'client'],
    ['tokens', 'refresh'],
    ['attempts', 'passport'],
    ['refresh', 'attempts'],
    ['client', 'id-token'],
    ['id-token', 'client'],
  ])('never allows %s to import %s', (module, other) => {
    expect(allowed[module]).not.toContain(other);
  });

  it('allows text no import, and errors only that of their addresses', () => {
    for (const file of files.filter((file) => file === 'docs-url.ts' || placeOf(file) === 'text'))
      expect([file, ...specifiersOf(file)]).toEqual([file]);
    expect(specifiersOf('errors.ts')).toEqual(['./docs-url.js']);
  });
});

describe('the entries', () => {
  it.each(files)('are not imported by %s', (file) => {
    expect(importsOf(file).filter((other) => entries.includes(placeOf(other)))).toEqual([]);
  });

  const libraries = ['index.ts', 'redis.ts', 'postgres.ts', 'emulator.ts'];

  it.each(libraries)('contain only named re-exports in %s', (file) => {
    const { body } = nodesIn(file)[0] as unknown as { body: Syntax[] };
    expect(body.length).toBeGreaterThan(0);
    for (const statement of body) {
      expect(statement.type).toBe('ExportNamedDeclaration');
      expect(statement['source']).toBeTruthy();
      for (const { type } of statement['specifiers'] as Syntax[]) expect(type).toBe('ExportSpecifier');
    }
  });

  it('have no default export, and neither does any other file', () => {
    const isDefault = ({ type }: Syntax): boolean =>
      /^ExportDefault/.test(type) || type === 'TsExportAssignment';
    expect(files.filter((file) => nodesIn(file).some(isDefault))).toEqual([]);
  });
});

describe('the network', () => {
  /** Files in which `fetch` is called or taken from the platform. */
  function usersOf(matches: (node: Syntax) => boolean): string[] {
    return files.filter((file) => nodesIn(file).some(matches));
  }
  const isFetch = (node: unknown): boolean => {
    const { type, property } = node as Syntax;
    return nameOf(node) === 'fetch' || (type === 'MemberExpression' && nameOf(property) === 'fetch');
  };

  it('is reached through fetch in one place only', () => {
    const isCall = (node: Syntax): boolean => node.type === 'CallExpression' && isFetch(node['callee']);
    // api/polar-fetch.ts calls it through http/http.ts, and sdk-core.ts calls that of api/polar-fetch.ts;
    // client-options.ts only wraps the platform's fetch as the default of the option.
    expect(usersOf(isCall)).toEqual(['api/sdk-core.ts', 'client/client-options.ts', 'http/http.ts']);
  });

  it('is reached through the platform’s fetch only by default', () => {
    const isGlobal = (node: Syntax): boolean =>
      node.type === 'MemberExpression' &&
      nameOf(node['object']) === 'globalThis' &&
      nameOf(node['property']) === 'fetch';
    expect(usersOf(isGlobal)).toEqual(['client/client-options.ts', 'id-token/verify-id-token.ts']);
  });

  it('is reached through no other client, and only the emulator is a server', () => {
    const clients = /^(node:)?(https?|http2|net|tls|dgram|undici|axios|got|node-fetch)$/;
    const users = files.filter((file) => specifiersOf(file).some((specifier) => clients.test(specifier)));
    expect(users.filter((file) => moduleOf(file) !== 'emulator')).toEqual([
      // To a database whose driver the app does not have.
      'commands/doctor/connection-probe.ts',
      // Only types.
      'express/any-route.ts',
      // Reaches the prototype of Node's requests, and opens no connection.
      'express/req-polar.ts',
    ]);
  });
});

it('no file imports itself, not even indirectly', () => {
  const cycles: string[] = [];
  const done = new Set<string>();
  const visit = (file: string, trail: readonly string[]): void => {
    if (trail.includes(file)) cycles.push([...trail.slice(trail.indexOf(file)), file].join(' -> '));
    if (done.has(file) || trail.includes(file)) return;
    for (const other of importsOf(file)) visit(other, [...trail, file]);
    done.add(file);
  };
  for (const file of files) visit(file, []);
  expect(cycles).toEqual([]);
});
