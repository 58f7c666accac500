/**
 * Copies name, code and message of a fetch error for use as a cause. The error itself may carry the whole request with its
 * secrets, as those of other fetches do.
 */
export function harmlessCause(error: unknown, depth = 0): Error | undefined {
  if (typeof error !== 'object' || error === null || depth > 3) return undefined;
  const { name, message, code, cause } = error as Record<string, unknown>;
  const text = typeof message === 'string' ? message : '';
  const deeper = harmlessCause(cause, depth + 1);
  const isCode = typeof code === 'string' && /^[A-Z][A-Z0-9_]{1,60}$/.test(code);
  const harmless = new Error(isHarmless(text, isCode) ? text.slice(0, 200) : '', {
    ...(deeper !== undefined && { cause: deeper }),
  });
  if (typeof name === 'string') Object.defineProperty(harmless, 'name', { value: name.slice(0, 50) });
  return isCode ? Object.assign(harmless, { code }) : harmless;
}

// System errors have a code, and their messages quote at most an address. Other messages may quote what was sent, as in undici:
// `Headers.append: "Bearer polar_at_..." is an invalid header value.`
function isHarmless(message: string, hasCode: boolean): boolean {
  if (['fetch failed', 'terminated', 'bad port', 'other side closed'].includes(message)) return true;
  return hasCode && !/\w=\S|[{}"]|header|bearer|basic|polar_(?!ci_)[a-z]+_/i.test(message);
}
