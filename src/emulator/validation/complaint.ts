import { jsonAnswer } from '../http/answers.js';
import { Refusal } from '../http/message.js';

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

/** The framework's answer to a request that does not fit: 422, with all complaints. */
export function validationRefusal(complaints: readonly Complaint[]): Refusal {
  const detail = complaints.map(({ type, loc, msg, input, ctx }) => ({
    type,
    loc,
    msg,
    input,
    ...(ctx === undefined ? {} : { ctx }),
  }));
  return new Refusal(jsonAnswer(422, { error: 'RequestValidationError', detail }));
}
