/** The commands of the Redis storage and its parsing of responses; storage.slow.test.ts runs it over a real Redis. */
import { createHash } from 'node:crypto';
import { describe, expect, it, jest } from '@jest/globals';
import { PolarStrategy } from 'passport-polar-sh';
import { redisStorage, type SendRedisCommand } from 'passport-polar-sh/redis';
import { createClient } from 'redis';
import type { StorageStep } from '../../src/storage/polar-storage.js';

const group = 'f'.repeat(32);
const keyOf = (id: string) => ({ id: id.padEnd(32, '0'), group });
const [one, two] = [keyOf('1'), keyOf('2')];

/** A storage over a Redis that sends this response. */
function over(response: unknown, options?: { prefix?: string }) {
  const commands: string[][] = [];
  const sendCommand: SendRedisCommand = async (...command) => {
    commands.push(command);
    return response;
  };
  return { commands, storage: redisStorage({ sendCommand }, options) };
}

describe('a command of redisStorage', () => {
  it('is one script for all steps, over keys of one login that share a hash tag', async () => {
    const { commands, storage } = over([1, ['3', 'x'], 1]);
    const results = await storage.batch?.([
      { write: one, row: { version: 3, value: 'x' }, ttlSeconds: 77 },
      { read: one },
      { remove: two, row: { version: 5, value: 'y' } },
    ]);
    expect(results).toEqual([true, { version: 3, value: 'x' }, true]);
    const names = [one, two].map(({ id }) => `polar:{${group}}:${id}`);
    const steps = ['write', '1', '3', 'x', '77', 'read', '1', 'remove', '2', '5', 'y'];
    expect(commands).toEqual([
      ['EVALSHA', expect.stringMatching(/^[0-9a-f]{40}$/), '2', ...names, '3', ...steps],
    ]);
  });

  it('rounds a lifetime up to whole seconds, which EXPIRE needs', async () => {
    const { commands, storage } = over([1]);
    await storage.write(one, { version: 1, value: 'x' }, { ttlSeconds: 1.5 });
    expect(commands[0]?.at(-1)).toBe('2');
  });

  it('starts the names of keys with the app’s prefix', async () => {
    const { commands, storage } = over([[null, null]], { prefix: 'app1:' });
    await storage.read(one);
    expect(commands[0]?.[3]).toBe(`app1:{${group}}:${one.id}`);
  });
});

describe('redisStorage', () => {
  it('rejects a reply that its client has parsed, instead of storing nonsense', async () => {
    const parsed = over([['7', { sealed: true }]]).storage;
    await expect(parsed.read(one)).rejects.toThrow('the client parses replies');
    const bytes = over([[new Uint8Array([55]), new Uint8Array([115])]]).storage;
    expect(await bytes.read(one)).toEqual({ version: 7, value: 's' });
  });

  it.each<[unknown, unknown]>([
    [['7', 's'], { version: 7, value: 's' }],
    [[Buffer.from('7'), Buffer.from('s')], { version: 7, value: 's' }],
    [[null, null], undefined],
    [['7', null], undefined],
    [[null, 's'], undefined],
    [[], undefined],
    [null, undefined],
  ])('reads %j as %j', async (found, expected) => {
    expect(await over([found]).storage.read(one)).toEqual(expected);
  });

  it.each<[unknown, boolean]>([
    [1, true],
    ['1', true],
    [1n, true],
    [0, false],
    [null, false],
  ])('resolves a write with the response %s to %s', async (found, expected) => {
    const row = { version: 1, value: 'x' };
    expect(await over([found]).storage.write(one, row, { ttlSeconds: 60 })).toBe(expected);
  });

  it.each([[null], ['QUEUED'], [[]], [[1, 2]]])(
    'rejects %j as the response to a script',
    async (response) => {
      await expect(over(response).storage.read(one)).rejects.toThrow('Redis');
    },
  );
});

describe('a script that Redis does not know', () => {
  const sha1 = (text = ''): string => createHash('sha1').update(text).digest('hex');

  it.each([
    'NOSCRIPT No matching script. Please use EVAL.',
    'An error was signalled by the server: - NoScriptError: No matching script.',
  ])('is sent in full when the client reports: %s', async (message) => {
    const commands: string[][] = [];
    const storage = redisStorage({
      async sendCommand(...command: string[]) {
        commands.push(command);
        if (command[0] === 'EVALSHA') throw new Error(message);
        return [['7', 's']];
      },
    });
    expect(await storage.read(one)).toEqual({ version: 7, value: 's' });
    const [[, hash, ...words] = [], [, script, ...sameWords] = []] = commands;
    expect(commands.map(([name]) => name)).toEqual(['EVALSHA', 'EVAL']);
    expect(hash).toBe(sha1(script));
    expect(sameWords).toEqual(words);
  });

  it('is not sent after any other failure, since it may have run', async () => {
    const commands: string[][] = [];
    const storage = redisStorage({
      async sendCommand(...command: string[]) {
        commands.push(command);
        throw new Error('Socket closed unexpectedly');
      },
    });
    await expect(storage.read(one)).rejects.toThrow('Socket closed');
    expect(commands).toHaveLength(1);
  });
});

describe('several steps on keys that are being moved to another node', () => {
  const steps: StorageStep[] = [
    { write: one, row: { version: 3, value: 'x' }, ttlSeconds: 77 },
    { read: two },
    { remove: one, row: { version: 3, value: 'x' } },
  ];
  /** A Redis that is moving them: it rejects a script on more than one of them. */
  function moving(
    onStep: (kind: string) => unknown,
    message = 'TRYAGAIN Multiple keys request during rehashing of slot',
  ) {
    const kinds: string[] = [];
    const sendCommand: SendRedisCommand = async (_name, _hash, keys, ...words) => {
      if (keys !== '1') throw new Error(message);
      const kind = String(words[2]);
      kinds.push(kind);
      return [onStep(kind)];
    };
    return { kinds, storage: redisStorage({ sendCommand }) };
  }

  it.each([
    'TRYAGAIN Multiple keys request during rehashing of slot',
    'Too many Cluster redirections. Last error: ReplyError: MOVED 1 127.0.0.1:1',
    'timed out',
  ])('run one by one, in order, when the client reports: %s', async (message) => {
    const { kinds, storage } = moving((kind) => (kind === 'read' ? ['7', 's'] : 1), message);
    expect(await storage.batch?.(steps)).toEqual([true, { version: 7, value: 's' }, true]);
    expect(kinds).toEqual(['write', 'read', 'remove']);
  });

  it('end with the first that fails', async () => {
    const { kinds, storage } = moving((kind) => {
      if (kind === 'read') throw new Error('Socket closed unexpectedly');
      return 1;
    });
    await expect(storage.batch?.(steps)).rejects.toThrow('Socket closed');
    expect(kinds).toEqual(['write', 'read']);
  });
});

// redis-clients.slow.test.ts has the real ones.
describe('the client of redisStorage', () => {
  it.each([[undefined], [null], [{}], [{ sendCommand: 7 }], ['redis://localhost']])(
    'is refused if it is %j, with a hint',
    (client) => {
      expect(() => redisStorage(client as never)).toThrow('redisStorage needs a Redis client');
    },
  );

  it.each([[7], ['{}:']])('is refused with the prefix %j', (prefix) => {
    const sendCommand = async () => null;
    expect(() => redisStorage({ sendCommand }, { prefix: prefix as never })).toThrow(
      'prefix must be a string',
    );
  });
});

it('a client that was never connected is reported once, also by the bundle of another entry point', async () => {
  const printed = jest.spyOn(process.stderr, 'write').mockReturnValue(true);
  let bundle: typeof import('passport-polar-sh/redis') | undefined;
  jest.isolateModules(() => {
    bundle = jest.requireActual('passport-polar-sh/redis');
  });
  try {
    const polar = new PolarStrategy({
      clientID: 'polar_ci_local',
      clientSecret: 'polar_cs_local',
      callbackURL: '/auth/polar/callback',
      storage: bundle?.redisStorage(createClient() as never),
      encryptionKeys: [Buffer.alloc(32).toString('base64')],
    });
    const advice =
      'The Redis of redisStorage is not connected: await client.connect() before the app listens';
    for (let time = 0; time < 2; time++)
      await expect(polar.tokensFor('0'.repeat(32)).getAccessToken()).rejects.toMatchObject({
        code: 'server_error',
        message: expect.stringContaining(`The token records cannot be read. ${advice}`),
      });
    expect(printed.mock.calls).toEqual([
      [
        expect.stringMatching(
          /The Redis of redisStorage is not connected.* See https:\S+#storage_unavailable\n$/,
        ),
      ],
    ]);
  } finally {
    printed.mockRestore();
  }
});
