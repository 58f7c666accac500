import type { Problem } from '../validation/complaint.js';

const GROUP_LENGTHS: readonly number[] = [8, 4, 4, 4, 12];

/** The complaint of Polar's API framework about an id, which must be a UUID of version 4. */
export function uuidProblem(text: string): Problem | undefined {
  const error = syntaxError(text);
  if (error !== undefined) {
    return { type: 'uuid_parsing', msg: `Input should be a valid UUID, ${error}`, ctx: { error } };
  }
  const digits = bareForm(text).replaceAll('-', '');
  if (digits[12] === '4' && /[89ab]/i.test(digits[16] ?? '')) return undefined;
  return { type: 'uuid_version', msg: 'UUID version 4 expected', ctx: { expected_version: 4 } };
}

/** Removes the braces or the prefix of a UUID. */
function bareForm(text: string): string {
  if (text.startsWith('{') && text.endsWith('}') && text.length > 1) return text.slice(1, -1);
  return text.startsWith('urn:uuid:') ? text.slice('urn:uuid:'.length) : text;
}

function syntaxError(text: string): string | undefined {
  const bare = bareForm(text);
  const stranger = /[^0-9a-f-]/iu.exec(bare);
  if (stranger !== null) {
    const position = text.indexOf(bare) + stranger.index + 1;
    return `invalid character: found \`${stranger[0]}\` at ${position}`;
  }
  const groups = bare.split('-');
  if (groups.length === 1 && bare === text) {
    return text.length === 32
      ? undefined
      : `invalid length: expected length 32 for simple format, found ${text.length}`;
  }
  if (groups.length !== 5) return `invalid group count: expected 5, found ${groups.length}`;
  const wrong = groups.findIndex((group, index) => group.length !== GROUP_LENGTHS[index]);
  return wrong < 0
    ? undefined
    : `invalid group length in group ${wrong}: expected ${GROUP_LENGTHS[wrong]}, found ${groups[wrong]?.length}`;
}
