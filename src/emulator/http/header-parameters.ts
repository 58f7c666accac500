/**
 * Takes apart a header like `form-data; name="a"` as Polar's server does: names of parameters are in lower case, and only
 * a value without parameters may be written in capitals.
 */
export function parseParameters(header: string): { value: string; parameters: ReadonlyMap<string, string> } {
  const [value = '', ...rest] = splitOutsideQuotes(header);
  if (rest.length === 0) return { value: value.trim().toLowerCase(), parameters: new Map() };
  const parameters = new Map<string, string>();
  for (const part of rest) {
    const equals = part.indexOf('=');
    const name = equals < 0 ? part : part.slice(0, equals).toLowerCase();
    // RFC 7578 section 4.2: the extended notation of RFC 8187 is not for forms.
    if (!name.includes('*')) parameters.set(name.trim(), equals < 0 ? '' : unquoted(part.slice(equals + 1)));
  }
  return { value: value.trim(), parameters };
}

function splitOutsideQuotes(text: string): string[] {
  const parts: string[] = [];
  let start = 0;
  let isQuoted = false;
  for (let at = 0; at < text.length; at += 1) {
    if (text[at] === '"' && text[at - 1] !== '\\') isQuoted = !isQuoted;
    if (text[at] !== ';' || isQuoted) continue;
    parts.push(text.slice(start, at));
    start = at + 1;
  }
  return [...parts, text.slice(start)];
}

function unquoted(text: string): string {
  const value = text.trim();
  if (value.length < 2 || !value.startsWith('"') || !value.endsWith('"')) return value;
  return value.slice(1, -1).replaceAll('\\\\', '\\').replaceAll('\\"', '"');
}
