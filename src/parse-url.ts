/**
 * A URL, or undefined for what is none. Not by `URL.canParse`: in Node 20, once V8 has optimized the calls to it, it
 * refuses every text with letters like ü.
 */
export function parseURL(text: string, base?: string): URL | undefined {
  try {
    return new URL(text, base);
  } catch {
    return undefined;
  }
}
