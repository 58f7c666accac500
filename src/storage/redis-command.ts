/**
 * Sends one command over whatever Redis client the app has.
 *
 * @example
 * ```ts
 * const sendCommand = (...args: string[]) => client.sendCommand(args);
 * ```
 */
export type SendRedisCommand = (command: string, ...args: string[]) => Promise<unknown>;

/** A client of node-redis, or of ioredis. */
export type RedisClient =
  | { sendCommand(args: string[]): Promise<unknown> }
  | { call(command: string, ...args: string[]): Promise<unknown> };

/**
 * Sends commands over a client of `redis` or `ioredis`, or over a `sendCommand` of the app's own.
 *
 * @throws TypeError when it is none of these
 */
export function sendCommandOf(client: unknown, caller: string): SendRedisCommand {
  if (typeof client === 'object' && client !== null) {
    const { call, sendCommand } = client as { call?: unknown; sendCommand?: unknown };
    // ioredis has a `sendCommand`, too, which takes something else.
    if (typeof call === 'function') return (...command) => call.apply(client, command);
    if (typeof sendCommand === 'function') {
      const isOurs = Object.getPrototypeOf(client) === Object.prototype;
      return isOurs ? (sendCommand as SendRedisCommand) : (...command) => sendCommand.call(client, command);
    }
  }
  throw new TypeError(
    `${caller} needs a Redis client: ${caller}(client) with one of redis or ioredis, or ${caller}({ sendCommand: (...args) => client.sendCommand(args) }) with any other`,
  );
}
