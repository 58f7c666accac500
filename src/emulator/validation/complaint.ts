import { crashRefusal, jsonAnswer } from '../http/answers.js';
import { type Answer, Refusal } from '../http/message.js';
import { jsonDepth } from './json-depth.js';

/** What is wrong with a value, in the words of Polar's API framework. */
export interface Problem {
  readonly type: string;
  readonly msg: string;
  readonly ctx?: Readonly<Record<string, unknown>>;
}

/** A problem, and where in the request it is. */
export interface Complaint extends Problem {
  readonly loc: readonly (string | number)[];
  readonly input: unknown;
}

/** Python gives up on a response that is nested more deeply. */
const MAX_DEPTH = 900;

/**
 * The framework's response to a request that does not fit: 422, with all complaints. It repeats what they are about, and
 * Polar trips over that when it is nested too deeply, or is half of a character.
 */
export function validationRefusal(complaints: readonly Complaint[]): Refusal {
  const detail = complaints.map(({ type, loc, msg, input, ctx }) => ({ type, loc, msg, input, ctx }));
  const answer = answerOf({ error: 'RequestValidationError', detail });
  const isHalved = answer?.body.replaceAll('\\\\', '').includes('\\ud');
  return answer === undefined || isHalved || jsonDepth(answer.body) > MAX_DEPTH
    ? crashRefusal()
    : new Refusal(answer);
}

/** `undefined` when even JavaScript finds it nested too deeply. */
function answerOf(body: unknown): Answer | undefined {
  try {
    return jsonAnswer(422, body);
  } catch {
    return undefined;
  }
}
