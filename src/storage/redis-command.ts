/**
 * Sends one command over the app's Redis client, of whatever kind.
 *
 * @example
 * ```ts
 * const sendCommand = (...args: string[]) => client.sendCommand(args);
 * ```
 */
export type SendRedisCommand = (command: string, ...args: string[]) => Promise<unknown>;

/** A client of node-redis or ioredis. */
export type RedisClient =
  | { sendCommand(args: string[]): Promise<unknown> }
  | { call(command: string, ...args: string[]): Promise<unknown> };

/**
 * Returns a function that sends commands over a client of `redis` or `ioredis`, or the app's own `sendCommand`.
 *
 * @throws TypeError when `client` is none of these
 */
export function sendCommandOf(client: unknown, caller: string): SendRedisCommand {
  if (typeof client === 'object' && client !== null) {
    const { call, sendCommand } = client as { call?: unknown; sendCommand?: unknown };
    // ioredis has a `sendCommand` too, with a different signature.
    if (typeof call === 'function') return (...command) => call.apply(client, command);
    if (typeof sendCommand === 'function') {
      const isOurs = Object.getPrototypeOf(client) === Object.prototype;
      return isOurs ? (sendCommand as SendRedisCommand) : (...command) => sendCommand.call(client, command);
    }
  }
  throw new TypeError(
    `${caller} needs a Redis client: ${caller}(client) for redis or ioredis, ${caller}({ sendCommand: (...args) => client.sendCommand(args) }) for any other`,
  );
}
