import { acceptedRecord, bearerValue, unauthorized } from '../bearer.js';
import { jsonAnswer } from '../http/answers.js';
import type { Answer, EmulatorRequest } from '../http/message.js';
import { refuseNonASCII } from '../http/server-crashes.js';
import { subjectClaims } from '../id-token/subject-claims.js';
import type { EmulatorState } from '../state.js';

/** `GET` or `POST /v1/oauth2/userinfo`, the only endpoint that looks up any value after `Bearer`, even an empty one. */
export function userinfo(request: EmulatorRequest, state: EmulatorState): Answer {
  const token = bearerValue(request)?.trim();
  if (token === undefined) throw unauthorized();
  refuseNonASCII(token);
  const { subject, scope } = acceptedRecord(token, state);
  return jsonAnswer(200, subjectClaims(subject, scope));
}
