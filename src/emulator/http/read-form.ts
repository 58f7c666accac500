import { detailRefusal } from './answers.js';
import { parseParameters } from './header-parameters.js';
import { type EmulatorRequest, Refusal } from './message.js';
import { readMultipart } from './read-multipart.js';

const MAX_FIELDS = 1000;
const MAX_FIELD_BYTES = 1024 * 1024;

/** The fields of a form body, URL-encoded or multipart; none of any other body. */
export function readForm(
  contentType: string,
  body: Buffer,
): Pick<EmulatorRequest, 'form' | 'files' | 'formRefusal'> {
  try {
    return readFields(contentType, body);
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    return { form: new URLSearchParams(), files: [], formRefusal: error };
  }
}

function readFields(contentType: string, body: Buffer): Pick<EmulatorRequest, 'form' | 'files'> {
  const { value, parameters } = parseParameters(contentType);
  if (value === 'multipart/form-data') return readMultipart(parameters, body);
  // Bytes that should have been encoded count as Latin-1.
  const text = value === 'application/x-www-form-urlencoded' ? body.toString('latin1') : '';
  return { form: readURLEncoded(text), files: [] };
}

function readURLEncoded(text: string): URLSearchParams {
  let count = 0;
  for (let start = 0; start < text.length; ) {
    const ampersand = text.indexOf('&', start);
    const end = ampersand < 0 ? text.length : ampersand;
    if (end > start) {
      const size = text.slice(start, end).replace('=', '').length;
      if (size > MAX_FIELD_BYTES) throw detailRefusal('Field exceeded maximum size of 1024KB.');
      count += 1;
      if (count > MAX_FIELDS)
        throw detailRefusal(`Too many fields. Maximum number of fields is ${MAX_FIELDS}.`);
    }
    start = end + 1;
  }
  return parseQuery(text);
}

/** What `URLSearchParams` would drop, a question mark at the start, is part of the first name. */
export function parseQuery(text: string): URLSearchParams {
  return new URLSearchParams(`&${text}`);
}
