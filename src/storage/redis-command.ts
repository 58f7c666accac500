import { invalidOption } from '../errors.js';

/**
 * Sends one command over a client of your own, to a single server.
 *
 * @param command name and arguments of the command
 * @returns the reply of Redis
 *
 * @example
 * ```ts
 * const sendCommand: SendRedisCommand = (...command) => redis.sendCommand(command);
 * ```
 */
export type SendRedisCommand = (...command: string[]) => Promise<unknown>;

/**
 * Sends one command over a client of your own that chooses the node by a key. It must go to the master of that key:
 * `isReadOnly` is always false.
 *
 * @param details a key of the command, for choosing the node, and the command
 * @returns the reply of Redis
 *
 * @example
 * ```ts
 * const sendCommandCluster: SendRedisClusterCommand = ({ key, isReadOnly, command }) =>
 *   cluster.sendCommand(key, isReadOnly, command);
 * ```
 */
export type SendRedisClusterCommand = (details: {
  /** A key of the command. */
  readonly key: string;
  /** Always false: the command must go to the master. */
  readonly isReadOnly: boolean;
  /** Name and arguments of the command. */
  readonly command: string[];
}) => Promise<unknown>;

/**
 * A client that {@link redisStorage} takes as it is, recognized by its methods, or the app's own function in its place.
 */
export type RedisClient =
  | {
      /** node-redis: a client or a pool. */
      connect(): unknown;
      /** Sends a command. @param command its name and arguments */
      sendCommand(command: string[]): Promise<unknown>;
    }
  | {
      /** node-redis: a cluster. @param args a node of the cluster */
      nodeClient(...args: never[]): unknown;
      /**
       * Sends a command to the node of a key.
       *
       * @param key a key of the command
       * @param isReadOnly always false
       * @param command its name and arguments
       */
      sendCommand(key: string, isReadOnly: boolean, command: string[]): Promise<unknown>;
    }
  | {
      /** node-redis: Sentinel. */
      getSentinelNode(): unknown;
      /**
       * Sends a command to the master.
       *
       * @param isReadOnly always false
       * @param command its name and arguments
       */
      sendCommand(isReadOnly: boolean, command: string[]): Promise<unknown>;
    }
  | {
      /**
       * ioredis, a single server or a cluster: sends a command.
       *
       * @param command its name
       * @param args its arguments
       */
      call(command: string, ...args: string[]): Promise<unknown>;
    }
  | {
      /** Valkey GLIDE, a single server or a cluster: sends a command. @param command its name and arguments */
      customCommand(command: string[]): Promise<unknown>;
    }
  | {
      /** Sends a command over any other client. */
      readonly sendCommand: SendRedisCommand;
    }
  | {
      /** Sends a command over any other client of a cluster. */
      readonly sendCommandCluster: SendRedisClusterCommand;
    };

type Method = (...args: unknown[]) => Promise<unknown>;

/** Sends one command to the master that holds `key`. */
export type SendToMaster = (key: string, command: string[]) => Promise<unknown>;

/**
 * Returns a function that sends commands over any {@link RedisClient}. A client is recognized by its methods: minified
 * and wrapped classes have other names.
 *
 * @throws PolarConfigurationError `invalid_option` when `client` is none of these
 */
export function sendToMasterOf(client: unknown, caller: string): SendToMaster {
  const method = (name: string): Method | undefined => {
    const found: unknown = Object(client)[name];
    return typeof found === 'function' ? found.bind(client) : undefined;
  };
  const customCommand = method('customCommand');
  if (customCommand) return (_key, command) => customCommand(command);
  // ioredis has a `sendCommand` too, which takes an object of its own.
  const call = method('call');
  if (call) return (_key, command) => call(...command);
  const sendCommandCluster = method('sendCommandCluster');
  if (sendCommandCluster) return (key, command) => sendCommandCluster({ key, isReadOnly: false, command });
  const sendCommand = method('sendCommand');
  if (sendCommand) {
    if (method('nodeClient')) return (key, command) => sendCommand(key, false, command);
    if (method('getSentinelNode')) return (_key, command) => sendCommand(false, command);
    if (method('connect')) return (_key, command) => sendCommand(command);
    return (_key, command) => sendCommand(...command);
  }
  throw invalidOption(
    `${caller} needs a Redis client: ${caller}(client) for redis, ioredis and @valkey/valkey-glide, ${caller}({ sendCommand: (...command) => client.sendCommand(command) }) for any other, and for one of a cluster ${caller}({ sendCommandCluster: ({ key, isReadOnly, command }) => cluster.sendCommand(key, isReadOnly, command) })`,
  );
}
