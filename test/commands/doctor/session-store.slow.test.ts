import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import session from 'express-session';
import memoryStore from 'memorystore';
import { examineSessionStore } from '../../../src/commands/doctor/session-store-probe';
import { examine, root } from './support/run-doctor';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'passport-polar-sh-doctor-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

type Callback = (error?: unknown, session?: unknown) => void;

/** A MemoryStore with other methods. */
function storeWith(methods: object): session.Store {
  class Store extends session.MemoryStore {}
  return Object.assign(new Store(), methods);
}

describe('a session store', () => {
  it.each<[string, () => session.Store]>([
    [
      'session-file-store',
      () => {
        const FileStore = require('session-file-store')(session);
        return new FileStore({ path: folder, logFn() {}, reapInterval: -1 });
      },
    ],
    ['a store without touch', () => storeWith({ touch: undefined })],
  ])('passes: %s', async (_name, create) => {
    expect(await examineSessionStore(create())).toEqual({
      result: 'ok',
      found: 'keeps, renews and removes a row',
    });
  });

  it.each([
    ['MemoryStore of express-session', () => new session.MemoryStore()],
    ['memorystore', () => new (memoryStore(session))({})],
  ])('in memory passes while developing: %s', async (_name, create) => {
    expect(await examineSessionStore(create())).toMatchObject({
      result: 'ok',
      found: expect.stringContaining('in memory'),
    });
    const before = process.env['NODE_ENV'];
    process.env['NODE_ENV'] = 'production';
    try {
      expect((await examineSessionStore(create())).result).toBe('warning');
    } finally {
      process.env['NODE_ENV'] = before;
    }
  });

  it.each<[string, object, string]>([
    [
      'refuses ids that it did not make',
      {
        set: (_sid: string, _row: unknown, done: Callback) =>
          done(Object.assign(new Error('secret-in-message'), { code: '22P02' })),
      },
      'refuses a row, or its id (22P02)',
    ],
    [
      'forgets what it has accepted',
      { get: (_sid: string, done: Callback) => done(null, null) },
      'loses a row',
    ],
    ['loses a session at touch', { touch: loses }, 'touch() of the store loses a session'],
    [
      'keeps a session at destroy',
      { destroy: (_sid: string, done: Callback) => done() },
      'destroy() of the store keeps a session',
    ],
    [
      'is down',
      { get: failsToConnect, set: failsToConnect, destroy: failsToConnect },
      'does not work (ECONNREFUSED)',
    ],
    ['does not respond', { get: () => {}, set: () => {} }, 'does not work ('],
  ])('that %s fails', async (_what, methods, found) => {
    const result = await examineSessionStore(storeWith(methods), 250);
    expect(result).toMatchObject({ result: 'failed', found: expect.stringContaining(found) });
    expect(result.remedy).toBeTruthy();
    expect(JSON.stringify(result)).not.toContain('secret-in-message');
  });
});

function loses(this: session.MemoryStore, sid: string, _row: unknown, done: Callback): void {
  this.destroy(sid, done);
}

function failsToConnect(...args: unknown[]): void {
  (args.at(-1) as Callback)(Object.assign(new Error('redis://:secret@host'), { code: 'ECONNREFUSED' }));
}

describe('the module of --session-store', () => {
  const requires = (code: string) =>
    `const session = require(${JSON.stringify(require.resolve('express-session'))});\n${code}`;

  async function storeRow(name: string, code: string, env: Record<string, string> = {}) {
    const file = join(folder, name);
    writeFileSync(file, code);
    const { row, terminal } = await examine(['--session-store', file, '--server', 'http://127.0.0.1:1'], env);
    return { ...row('session-store'), terminal };
  }

  it.each([
    ['a.cjs', 'module.exports = new session.MemoryStore();'],
    ['b.cjs', 'exports.store = new session.MemoryStore();'],
    ['c.cjs', 'module.exports = async () => new session.MemoryStore();'],
    ['d.cjs', 'exports.__esModule = true; exports.default = () => new session.MemoryStore();'],
    ['e.ts', 'exports.sessionStore = new session.MemoryStore() as object;'],
  ])('may export the store or a function in any way: %s %s', async (name, code) => {
    expect(await storeRow(name, requires(code))).toMatchObject({
      result: 'ok',
      found: expect.stringContaining('in memory'),
    });
  });

  it('may be an ECMAScript module that waits for its database', async () => {
    const code = `import { createRequire } from 'node:module';
const session = createRequire(${JSON.stringify(join(root, 'app.js'))})('express-session');
await new Promise((resolve) => setTimeout(resolve, 1));
export default new session.MemoryStore();`;
    expect((await storeRow('f.mjs', code)).result).toBe('ok');
  });

  it.each([
    ['g.cjs', 'module.exports = {};', 'exports no session store'],
    ['h.cjs', 'module.exports = () => 1;', 'exports no session store'],
    ['i.cjs', 'module.exports = () => { throw new RangeError("s3cret"); };', 'fails (RangeError)'],
    ['j.cjs', 'throw new Error("s3cret");', 'cannot be loaded (Error)'],
    ['k.cjs', 'require("not-there");', 'cannot be loaded (MODULE_NOT_FOUND)'],
    ['l.cjs', 'process.exit(3);', 'ended without a result (exit code 3)'],
    ['m.cjs', 'console.log("s3cret"); console.error("s3cret"); process.abort();', 'ended without a result'],
  ])('that is of no use fails, and prints nothing: %s %s', async (name, code, found) => {
    const { terminal, ...row } = await storeRow(name, code);
    expect(row).toMatchObject({ result: 'failed', found: expect.stringContaining(found) });
    expect(terminal.out + terminal.error).not.toContain('s3cret');
  });

  it('has to exist', async () => {
    const { row } = await examine(['--session-store', './nowhere.js', '--server', 'http://127.0.0.1:1'], {});
    expect(row('session-store')).toMatchObject({ result: 'failed', found: 'there is no file at this path' });
  });

  it('cannot hold up the command, not even if it blocks its process', async () => {
    const file = join(folder, 'n.cjs');
    writeFileSync(file, 'for (;;);');
    const args = ['--session-store', file, '--server', 'http://127.0.0.1:1'];
    const { row } = await examine(args, {}, { checkMs: 1500 });
    expect(row('session-store').found).toBe('does not respond within 1000 ms');
  });

  it('may keep timers and connections: they end with its process', async () => {
    const pathOf = (name: string) => JSON.stringify(require.resolve(name));
    const code = `
const Database = require(${pathOf('better-sqlite3')});
const Store = require(${pathOf('better-sqlite3-session-store')})(session);
require('node:net').createServer().listen(0, '127.0.0.1');
exports.store = new Store({ client: new Database(':memory:') });`;
    expect(await storeRow('o.cjs', requires(code))).toMatchObject({
      result: 'ok',
      found: 'keeps, renews and removes a row',
    });
  });
});
