import { crashRefusal, detailRefusal } from './answers.js';
import { decodeText } from './decode-text.js';
import { parseParameters } from './header-parameters.js';
import type { EmulatorRequest } from './message.js';

const MAX_PARTS = 1000;
const MAX_PART_BYTES = 1024 * 1024;
const MAX_BOUNDARY_LENGTH = 256;
const MAX_HEADERS = 8;
const MAX_HEADER_LENGTH = 4096 + 128;
const HEADER_NAME = /^[\w!#$%&'*+.^`|~-]+$/;

/**
 * Reads a multipart body (RFC 7578) as Polar's server does: it fails on broken grammar, but not on a body that ends too early,
 * and drops a part without an end.
 *
 * @param parameters - of the content type
 * @throws Refusal 400 for a body that exceeds the limits, 500 for broken grammar
 */
export function readMultipart(
  parameters: ReadonlyMap<string, string>,
  body: Buffer,
): Pick<EmulatorRequest, 'form' | 'files'> {
  const boundary = parameters.get('boundary');
  if (boundary === undefined) throw detailRefusal('Missing boundary in multipart.');
  if (boundary.length > MAX_BOUNDARY_LENGTH) throw crashRefusal();
  const decode = (latin1: string) =>
    // Text that is not in the charset counts as Latin-1.
    decodeText(Buffer.from(latin1, 'latin1'), parameters.get('charset')) ?? latin1;
  const form = new URLSearchParams();
  const files: string[] = [];
  const reader = new PartReader(body.toString('latin1'), boundary);
  try {
    for (let isLast = reader.opening(); !isLast; ) {
      const disposition = reader.disposition();
      const name = disposition.get('name');
      if (name === undefined) {
        throw detailRefusal('The Content-Disposition header field "name" must be provided.');
      }
      const isFile = disposition.has('filename');
      const [kind, count] = isFile ? ['files', files.length] : ['fields', form.size];
      if (count >= MAX_PARTS)
        throw detailRefusal(`Too many ${kind}. Maximum number of ${kind} is ${MAX_PARTS}.`);
      const [data, end] = reader.data(isFile ? Number.POSITIVE_INFINITY : MAX_PART_BYTES);
      if (isFile) files.push(decode(name));
      else form.append(decode(name), decode(data));
      isLast = end === '--';
    }
  } catch (error) {
    if (!(error instanceof BodyEnded)) throw error;
  }
  return { form, files };
}

class BodyEnded extends Error {}

/** Goes once through a body of which every byte is a character. */
class PartReader {
  readonly #text: string;
  readonly #delimiter: string;
  #at = 0;

  constructor(text: string, boundary: string) {
    this.#text = text;
    this.#delimiter = `\r\n--${boundary}`;
  }

  /** @returns true when there are no parts */
  opening(): boolean {
    if (/^[\r\n]/.test(this.#text)) {
      this.#at = this.#text.indexOf('-');
      if (this.#at < 0) throw new BodyEnded();
    }
    this.#expect(this.#delimiter.slice('\r\n'.length));
    const isLast = this.#text[this.#at] === '-';
    this.#expect(isLast ? '--' : '\r\n');
    return isLast;
  }

  /** Parameters of the part's Content-Disposition. */
  disposition(): ReadonlyMap<string, string> {
    let disposition = '';
    for (let count = 0; this.#text[this.#at] !== '\r'; count += 1) {
      if (this.#at >= this.#text.length) throw new BodyEnded();
      if (count === MAX_HEADERS) throw crashRefusal();
      const { name, value } = this.#header();
      if (name === 'content-disposition') disposition = value;
    }
    this.#expect('\r\n');
    return parseParameters(disposition).parameters;
  }

  #header(): { readonly name: string; readonly value: string } {
    const line = this.#text.slice(this.#at, this.#at + MAX_HEADER_LENGTH + 1);
    const colon = line.indexOf(':');
    const name = colon < 0 ? line : line.slice(0, colon);
    if (!HEADER_NAME.test(name)) throw crashRefusal();
    const end = line.indexOf('\r', name.length);
    if (end < 0) throw line.length <= MAX_HEADER_LENGTH ? new BodyEnded() : crashRefusal();
    this.#at += end;
    this.#expect('\r\n');
    return { name: name.toLowerCase(), value: line.slice(colon + 1, end).trimStart() };
  }

  /** What the part holds, and whether another one follows: `\r\n`, or `--`. */
  data(maxBytes: number): readonly [data: string, end: string] {
    const start = this.#at;
    let at = start;
    let end: string;
    do {
      at = this.#text.indexOf(this.#delimiter, at);
      const size = (at < 0 ? this.#text.length : at) - start;
      if (size > maxBytes) throw detailRefusal('Part exceeded maximum size of 1024KB.');
      if (at < 0) throw new BodyEnded();
      at += this.#delimiter.length;
      end = this.#text.slice(at, at + 2);
    } while (end !== '\r\n' && end !== '--');
    this.#at = at + end.length;
    return [this.#text.slice(start, at - this.#delimiter.length), end];
  }

  /** Steps over what has to come next. */
  #expect(expected: string): void {
    const found = this.#text.slice(this.#at, this.#at + expected.length);
    if (!expected.startsWith(found)) throw crashRefusal();
    if (found !== expected) throw new BodyEnded();
    this.#at += expected.length;
  }
}
