/**
 * Sends one command over whatever Redis client the app has.
 *
 * @example
 * ```ts
 * const sendCommand = (...args: string[]) => client.sendCommand(args);                    // node-redis
 * const sendCommand = (command: string, ...args: string[]) => client.call(command, ...args); // ioredis
 * ```
 */
export type SendRedisCommand = (command: string, ...args: string[]) => Promise<unknown>;

/**
 * The command sender of some options.
 *
 * @throws TypeError when there is none
 */
export function sendCommandOf(
  options: { readonly sendCommand: SendRedisCommand },
  caller: string,
): SendRedisCommand {
  const sendCommand = (options as { sendCommand?: unknown } | undefined)?.sendCommand;
  if (typeof sendCommand === 'function') return sendCommand as SendRedisCommand;
  throw new TypeError(
    `${caller} needs sendCommand, for example ${caller}({ sendCommand: (...args) => client.sendCommand(args) })`,
  );
}
