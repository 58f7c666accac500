import { crashRefusal, detailRefusal } from '../http/answers.js';
import { decodeText } from '../http/decode-text.js';
import type { EmulatorRequest, Refusal } from '../http/message.js';
import { validationRefusal } from './complaint.js';
import { jsonDepth } from './json-depth.js';
import { jsonProblem, MAX_DEPTH, TooDeep } from './json-problem.js';

/**
 * Parses a JSON body, before authentication. Returns the bytes if the content type is not JSON.
 *
 * @throws Refusal 422 for broken JSON, 400 for a body that cannot be read at all
 */
export function parseBody({ headers, body }: EmulatorRequest): unknown {
  if (body.length === 0) return null;
  const isJSON = /^\s*application\/(?:[^/;]*\+)?json\s*(?:;|$)/i.test(headers['content-type'] ?? '');
  return isJSON ? parseJSON(body) : body;
}

function parseJSON(body: Buffer): unknown {
  const text = decodeText(body)?.replace(/^\ufeff/, '');
  if (text === undefined) throw detailRefusal(UNREADABLE);
  try {
    const value: unknown = JSON.parse(text);
    if (jsonDepth(text) <= MAX_DEPTH) return value;
  } catch {
    throw syntaxRefusal(text);
  }
  throw detailRefusal(UNREADABLE);
}

const UNREADABLE = 'There was an error parsing the body';

function syntaxRefusal(text: string): Refusal {
  try {
    const problem = jsonProblem(text);
    // Python's parser accepts `NaN` and the like, but Polar's server then fails on them.
    if (problem === undefined) return crashRefusal();
    const { message, position } = problem;
    const ctx = { error: message };
    return validationRefusal([
      { type: 'json_invalid', loc: ['body', position], msg: 'JSON decode error', input: {}, ctx },
    ]);
  } catch (error) {
    if (error instanceof TooDeep) return detailRefusal(UNREADABLE);
    throw error;
  }
}

/**
 * Returns the body as the framework sees it.
 *
 * @throws Refusal 422 if there is none, 500 if it is neither JSON nor text
 */
export function presentBody(value: unknown): unknown {
  if (value === null) {
    throw validationRefusal([{ type: 'missing', loc: ['body'], msg: 'Field required', input: null }]);
  }
  const text = Buffer.isBuffer(value) ? decodeText(value) : value;
  if (text === undefined) throw crashRefusal();
  return text;
}
