import { Redis } from 'ioredis';
import type { SendRedisCommand } from 'passport-polar-sh/redis';
import { createClient } from 'redis';

/** A connection of one of the clients that apps use, with what the documentation says to pass as `sendCommand`. */
export interface RedisConnection {
  readonly sendCommand: SendRedisCommand;
  close(): void;
}

export type RedisClientName = 'node-redis' | 'ioredis';

/** Connects as an app does with that client. */
export async function connectRedis(client: RedisClientName, url: string): Promise<RedisConnection> {
  return client === 'ioredis' ? ioredis(url) : nodeRedis(url);
}

async function nodeRedis(url: string): Promise<RedisConnection> {
  const client = createClient({ url });
  client.on('error', () => {}); // the server has been stopped
  await client.connect();
  return {
    sendCommand: (...args: string[]) => client.sendCommand(args),
    close: () => {
      if (client.isOpen) client.destroy();
    },
  };
}

async function ioredis(url: string): Promise<RedisConnection> {
  const client = new Redis(url, { lazyConnect: true });
  client.on('error', () => {});
  await client.connect();
  return {
    sendCommand: (command: string, ...args: string[]) => client.call(command, ...args),
    close: () => client.disconnect(),
  };
}
