/** The commands of the Redis storage and its parsing of responses; storage.slow.test.ts runs it over a real Redis. */
import { describe, expect, it } from '@jest/globals';
import { redisStorage, type SendRedisCommand } from 'passport-polar-sh/redis';

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
    expect(commands).toEqual([['EVAL', expect.any(String), '2', ...names, '3', ...steps]]);
  });

  it('starts the names of keys with the app’s prefix', async () => {
    const { commands, storage } = over([[null, null]], { prefix: 'app1:' });
    await storage.read(one);
    expect(commands[0]?.[3]).toBe(`app1:{${group}}:${one.id}`);
  });
});

describe('redisStorage', () => {
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

describe('the client of redisStorage', () => {
  it('is called through call for ioredis, and through sendCommand for node-redis', async () => {
    const calls: unknown[][] = [];
    class IORedis {
      sendCommand(): never {
        throw new Error('not this one');
      }
      async call(...args: string[]): Promise<unknown> {
        calls.push(['call', this instanceof IORedis, ...args.slice(0, 1)]);
        return [[null, null]];
      }
    }
    class NodeRedis {
      async sendCommand(args: string[]): Promise<unknown> {
        calls.push(['sendCommand', this instanceof NodeRedis, args[0]]);
        return [[null, null]];
      }
    }
    await redisStorage(new IORedis() as never).read(one);
    await redisStorage(new NodeRedis()).read(one);
    expect(calls).toEqual([
      ['call', true, 'EVAL'],
      ['sendCommand', true, 'EVAL'],
    ]);
  });

  it.each([[undefined], [null], [{}], [{ sendCommand: 7 }], ['redis://localhost']])(
    'is refused if it is %j, with a hint',
    (client) => {
      expect(() => redisStorage(client as never)).toThrow('redisStorage needs a Redis client');
    },
  );

  it('is refused with a prefix that is not a string', () => {
    const sendCommand = async () => null;
    expect(() => redisStorage({ sendCommand }, { prefix: 7 as never })).toThrow('prefix must be a string');
  });
});
