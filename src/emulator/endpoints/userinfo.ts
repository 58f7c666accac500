import { requireToken } from '../bearer.js';
import { jsonAnswer } from '../http/answers.js';
import type { Answer, EmulatorRequest } from '../http/message.js';
import { subjectClaims } from '../id-token/subject-claims.js';
import type { EmulatorState } from '../state.js';

/** `GET` or `POST /v1/oauth2/userinfo`. */
export function userinfo(request: EmulatorRequest, state: EmulatorState): Answer {
  const { subject, scope } = requireToken(request, state);
  return jsonAnswer(200, subjectClaims(subject, scope));
}
