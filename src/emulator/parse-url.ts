/**
 * An absolute URL, or `undefined`. Not by `URL.canParse`: in Node 20, once V8 has optimized the calls to it, it refuses
 * every text with letters like ü.
 */
export function parseURL(text: string): URL | undefined {
  try {
    return new URL(text);
  } catch {
    return undefined;
  }
}
