/**
 * Parses a URL; returns undefined if it is invalid. Avoids `URL.canParse`: in Node 20, once V8 has optimized calls to it, it
 * returns false for every text with letters like ü.
 */
export function parseURL(text: string, base?: string): URL | undefined {
  try {
    return new URL(text, base);
  } catch {
    return undefined;
  }
}
