import { createHash } from 'node:crypto';
import type { SendToMaster } from './redis-command.js';
import { isScriptMissing } from './redis-failure.js';

// One script for all steps, so that each refresh takes two round trips. Each step is passed as its kind, the number of
// its key, and the arguments of that kind; a row is a hash of `version` and `value`.
const script = `
local results = {}
local at = 1
for step = 1, tonumber(ARGV[at]) do
  local kind, key = ARGV[at + 1], KEYS[tonumber(ARGV[at + 2])]
  local found = redis.call('HMGET', key, 'version', 'value')
  if kind == 'read' then
    results[step] = found
    at = at + 2
  else
    local version, value = ARGV[at + 3], ARGV[at + 4]
    local same = found[1] == version and found[2] == value
    if kind == 'remove' then
      if same then redis.call('DEL', key) end
      results[step] = 1
      at = at + 4
    else
      local fits = same or not found[1] or tonumber(found[1]) < tonumber(version)
      if fits then
        redis.call('HSET', key, 'version', version, 'value', value)
        redis.call('EXPIRE', key, ARGV[at + 5])
      end
      results[step] = fits and 1 or 0
      at = at + 5
    end
  end
end
return results`;

const hash = createHash('sha1').update(script).digest('hex');

/** Runs the script for all steps over keys of one slot. */
export async function runScript(
  send: SendToMaster,
  keys: readonly string[],
  args: readonly string[],
): Promise<unknown> {
  const [first = ''] = keys;
  const words = [String(keys.length), ...keys, ...args];
  try {
    return await send(first, ['EVALSHA', hash, ...words]);
  } catch (error) {
    // This node has not seen the script yet, or has forgotten it: after a restart, a failover or SCRIPT FLUSH.
    if (!isScriptMissing(error)) throw error;
    return await send(first, ['EVAL', script, ...words]);
  }
}
