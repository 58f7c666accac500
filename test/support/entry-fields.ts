/** What an entry of a session says: each field as text. */
export type EntryFields = Record<string, string>;

/** The fields of an entry, as a session holds it. */
export function fieldsOf(text: unknown): EntryFields {
  if (typeof text !== 'string') throw new Error(`This is no entry of a session, but ${typeof text}`);
  return Object.fromEntries(new URLSearchParams(text));
}

/** The entry of these fields; leaves out what is undefined. */
export function textOf(fields: Readonly<Record<string, unknown>>): string {
  const text = new URLSearchParams();
  for (const [name, value] of Object.entries(fields))
    if (value !== undefined) text.append(name, String(value));
  return text.toString();
}

/** The entry of fields that may be any JSON. */
export function textOfDocument(document: object): string {
  const texts = Object.entries(document).map(([name, value]): [string, unknown] => [
    name,
    typeof value === 'object' ? JSON.stringify(value) : value,
  ]);
  return textOf(Object.fromEntries(texts));
}
