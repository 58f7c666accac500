/** Values that nobody should send: changed documents, odd texts and responses. */
import fc from 'fast-check';

/** Any text, with letters of all planes and half surrogate pairs. */
export const anyText = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 30 }),
  fc.string({ maxLength: 30 }),
  fc.constantFrom('', ' ', '\u0000', '\ud800', 'a\r\nb: c', '__proto__', 'constructor', '%', 'ü'.repeat(300)),
);

/** Text that Node's parser accepts in a header or request line: Latin-1 without control characters. */
export const wireText = (maxLength: number): fc.Arbitrary<string> =>
  fc.string({
    unit: fc
      .oneof(
        { weight: 5, arbitrary: fc.integer({ min: 0x21, max: 0x7e }) },
        fc.integer({ min: 0xa0, max: 0xff }),
      )
      .map((code) => String.fromCharCode(code)),
    maxLength,
  });

/** Any JSON value, and some that are close to expected ones. */
export const junk: fc.Arbitrary<unknown> = fc.oneof(
  fc.constantFrom<unknown[]>(
    null,
    true,
    false,
    0,
    -1,
    0.5,
    1e308,
    [],
    {},
    [[]],
    [null],
    { length: 5 },
    { toString: 1 },
    'Bearer',
    'x'.repeat(5000),
  ),
  anyText,
  fc.jsonValue({ maxDepth: 2 }),
);

/** One change to a document. */
interface Change {
  readonly where: number;
  readonly how: 'replace' | 'drop' | 'rename' | 'wrap' | 'cut' | 'number';
  readonly what: unknown;
}

/** A document with some changes, or none. */
export function changed(document: unknown, what: fc.Arbitrary<unknown> = junk): fc.Arbitrary<unknown> {
  const change: fc.Arbitrary<Change> = fc.record({
    where: fc.nat(),
    how: fc.constantFrom<Change['how'][]>('replace', 'replace', 'drop', 'rename', 'wrap', 'cut', 'number'),
    what,
  });
  return fc
    .array(change, { maxLength: 3, size: 'max' })
    .map((changes) => changes.reduce<unknown>((value, each) => apply(value, each), document));
}

function apply(document: unknown, { where, how, what }: Change): unknown {
  const paths = pathsIn(document);
  const path = paths[where % paths.length] ?? [];
  return at(document, path, (value, key) => {
    if (how === 'drop') return {};
    if (how === 'rename') return { [`${key}x`]: value };
    if (how === 'wrap') return { [key]: [value] };
    if (how === 'cut' && typeof value === 'string')
      return { [key]: value.slice(0, where % (value.length + 1)) };
    if (how === 'number' && typeof value === 'number')
      return { [key]: [-value, value * 1e6, 1e308, String(value)][where % 4] };
    return { [key]: what };
  });
}

function pathsIn(value: unknown): string[][] {
  if (typeof value !== 'object' || value === null) return [[]];
  const inside = Object.keys(value).flatMap((key) =>
    pathsIn((value as Record<string, unknown>)[key]).map((path) => [key, ...path]),
  );
  return [...inside, []];
}

function at(
  value: unknown,
  [key, ...rest]: readonly string[],
  change: (value: unknown, key: string) => Record<string, unknown>,
): unknown {
  if (key === undefined) return change(value, 'whole')['whole'];
  const entries = Object.entries(value as object).flatMap(([name, field]) => {
    if (name !== key) return [[name, field]];
    return rest.length === 0 ? Object.entries(change(field, key)) : [[name, at(field, rest, change)]];
  });
  return Array.isArray(value) ? entries.map(([, field]) => field) : Object.fromEntries(entries);
}

/** A response of a server. */
export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** Responses with this document, or a similar one, in all kinds of wrapping. */
export function answers(documents: fc.Arbitrary<unknown>, maxStatus = 599): fc.Arbitrary<Answer> {
  return fc.record({
    status: fc.oneof(
      { weight: 4, arbitrary: fc.constant(200) },
      { weight: 3, arbitrary: fc.constantFrom(400, 401, 403, 404, 422) },
      fc.constantFrom(201, 202, 204, 301, 302, 307, 429, 500, 503),
      fc.integer({ min: 200, max: maxStatus }),
    ),
    headers: fc.oneof(
      { weight: 4, arbitrary: fc.constant({ 'content-type': 'application/json' }) },
      fc.record(
        {
          'content-type': fc.oneof(
            fc.constantFrom(
              'application/json; charset=utf-8',
              'application/problem+json',
              'text/html',
              'json',
            ),
            wireText(20),
          ),
          'retry-after': retryAfter,
          'www-authenticate': wireText(40),
          location: wireText(20),
        },
        { requiredKeys: [] },
      ),
    ),
    body: fc.oneof(
      { weight: 6, arbitrary: documents.map((document) => JSON.stringify(document) ?? '') },
      // Not JSON: V8 quotes such a text in its error, in full if it is short.
      documents.map((document) =>
        typeof document === 'string' ? document : (JSON.stringify(document) ?? '').slice(0, -1),
      ),
      anyText,
    ),
  });
}

/** Values of `Retry-After`. */
export const retryAfter: fc.Arbitrary<string> = fc.oneof(
  fc.nat().map(String),
  fc.constantFrom('-1', '1e9', '1.5', '0x10', ' 5 ', '99999999999999999999', 'never', ''),
  fc.date({ noInvalidDate: true }).map((date) => date.toUTCString()),
  wireText(30),
);

/** The response as fetch returns it. */
export function responseOf({ status, headers, body }: Answer): Response {
  const hasNoBody = [204, 205, 304].includes(status);
  return new Response(hasNoBody ? null : body, { status, headers });
}
