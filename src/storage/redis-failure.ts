import { StorageError } from './storage-error.js';

// Servers say these in the first word of a message, clients in sentences of their own.
const reasons: readonly (readonly [RegExp, string])[] = [
  [/WRONGPASS|NOAUTH/, 'refused the user name or password: check those that its client was created with'],
  [
    /NOPERM|PermissionDenied|can't run this command|ACL failure/,
    'lets its user do less than the storage needs: grant +evalsha +eval +hmget +hset +expire +del on its keys (~polar:*)',
  ],
  [
    /READONLY|ReadOnly|No primary node/,
    'is a read-only replica: connect to the master, through a client for Sentinel or a cluster if it may change',
  ],
  [/^MOVED |^ASK |Moved:/, 'is part of a cluster: connect to it with a cluster client'],
  [/OOM|OutOfMemory|MISCONF/, 'refuses writes because its memory or disk is full'],
  [/unknown command/i, 'does not run scripts (EVAL), which the storage needs'],
  [
    /^$|offline|isn't writeable|max retries|ECONNREFUSED|root nodes|startup nodes|slots cache|time(d )?out/i,
    'is unreachable: its client keeps trying; check the address if it has never connected',
  ],
];
const notConnected =
  'is not connected: await client.connect() before the app listens, and close the client after the app';

/** Puts a failure of a Redis client into words for the developer; one that is not known stays as it is. */
export function redisFailure(error: unknown, client: object): unknown {
  const text = error instanceof Error ? error.message : String(error);
  const isClosed = (client as { isOpen?: unknown }).isOpen === false || /is closed|ClosingError/.test(text);
  const cause = withoutCommand(error);
  const reason = isClosed ? notConnected : reasons.find(([pattern]) => pattern.test(text))?.[1];
  if (reason === undefined) return cause;
  const [, command] = /'([\w|]+)' command/.exec(text) ?? [];
  const which = command === undefined ? '' : ` It refused ${command}.`;
  return new StorageError(`The Redis of redisStorage ${reason}.${which}`, { cause });
}

/** A copy without the command that failed, which ioredis adds: it may be the one that sent the password. */
function withoutCommand(error: unknown): unknown {
  if (!(error instanceof Error) || !('command' in error)) return error;
  const { command: _sent, ...properties } = Object.getOwnPropertyDescriptors(error) as PropertyDescriptorMap;
  return Object.create(Object.getPrototypeOf(error), properties);
}

/** Redis does not know the script by its hash; nothing has run. */
export function isScriptMissing(error: unknown): boolean {
  return error instanceof Error && /NO_?SCRIPT/i.test(error.message);
}

/**
 * The slot of the script's keys may be moving, with some of them on each of two nodes. node-redis reports TRYAGAIN;
 * ioredis first follows it to random nodes, and Valkey GLIDE repeats the command until its own time-out.
 */
export function isSlotMoving(error: unknown): boolean {
  return error instanceof Error && /TRYAGAIN|Too many Cluster redirections|^timed out$/.test(error.message);
}
